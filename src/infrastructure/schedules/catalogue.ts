/**
 * Every schedule under its name: what it accepts, its list of operations, and the published formulas beside it.
 *
 * Formulas: DeepSeek-V3 report, table 2, and the README of DualPipe; interleaved 1F1B: Narayanan et al. 2021, section 2.2.
 */
import { rejectViolations } from '../../base/errors.ts'
import { dualPipe, dualPipeV } from './dualpipe.ts'
import { gpipe, interleaved, oneForwardOneBackward, zeroBubble } from './one-direction.ts'
import { scheduleNames, type Schedule, type ScheduleName } from './operations.ts'

/** Durations of one chunk, all in one unit (seconds, or the figure's unit 1). */
export interface ChunkDurations {
  /** F: forward. */
  readonly forward: number
  /** B: the full backward, for inputs and for weights. */
  readonly backward: number
  /** W: the part of `backward` that makes weight gradients. */
  readonly weight: number
  /** F&B: a forward and a full backward of different micro-batches, overlapped. */
  readonly overlapped: number
}

export interface ScheduleRequest {
  readonly name: ScheduleName
  readonly rankCount: number
  readonly microbatchCount: number
  /** v, chunks a rank; read by `interleaved` only. */
  readonly chunkCount?: number
}

interface Entry {
  /** What the field calls it. */
  readonly title: string
  readonly build: (ranks: number, microbatches: number, chunks: number) => Schedule
  readonly violations: (ranks: number, microbatches: number, chunks: number) => string[]
  /** Idle time of a rank, in the durations' unit. */
  readonly bubble: (ranks: number, durations: ChunkDurations) => number
  readonly bubbleFormula: string
  /** Most live activations of a rank, in chunks. */
  readonly activations: (ranks: number, microbatches: number, chunks: number) => number
  /** Parameters of a device over those of a pipeline that cuts the model once through all ranks. */
  readonly parameterCopies: number
}

const none = () => []
const say = (isViolated: boolean, message: string) => (isViolated ? [message] : [])

export const catalogue: Readonly<Record<ScheduleName, Entry>> = {
  gpipe: {
    title: 'GPipe',
    build: gpipe,
    violations: none,
    bubble: (P, { forward, backward }) => (P - 1) * (forward + backward),
    bubbleFormula: '(P-1)(F+B)',
    activations: (_P, M) => M,
    parameterCopies: 1,
  },
  '1f1b': {
    title: '1F1B',
    build: oneForwardOneBackward,
    violations: none,
    bubble: (P, { forward, backward }) => (P - 1) * (forward + backward),
    bubbleFormula: '(P-1)(F+B)',
    activations: (P, M) => Math.min(P, M),
    parameterCopies: 1,
  },
  interleaved: {
    title: 'interleaved 1F1B',
    build: interleaved,
    violations: (P, M, v) => [
      ...say(M % P !== 0, `microbatches: expected a multiple of the ${P} ranks, got ${M}`),
      ...say(v < 2, `chunks: expected at least 2 chunks a rank, got ${v}`),
    ],
    bubble: (P, { forward, backward }) => (P - 1) * (forward + backward),
    bubbleFormula: '(P-1)(F+B), with F and B of one chunk',
    activations: (P, M, v) => Math.min((P - 1) * 2 + (v - 1) * P + 1, M * v),
    parameterCopies: 1,
  },
  zb1p: {
    title: 'ZB1P (ZB-H1)',
    build: zeroBubble,
    violations: (P, M) => say(M < P, `microbatches: expected at least ${P}, one for each rank, got ${M}`),
    bubble: (P, { forward, backward, weight }) => (P - 1) * (forward + backward - 2 * weight),
    bubbleFormula: '(P-1)(F+B-2W)',
    activations: (P, M) => Math.min(P, M),
    parameterCopies: 1,
  },
  dualpipe: {
    title: 'DualPipe',
    build: dualPipe,
    violations: (P, M) => [
      ...say(P % 2 !== 0, `ranks: expected an even number (two directions meet in the middle), got ${P}`),
      ...say(M % 2 !== 0, `microbatches: expected an even number (half enter at each end), got ${M}`),
      ...say(M < 2 * P, `microbatches: expected at least 2 x ranks = ${2 * P}, got ${M}`),
    ],
    bubble: (P, { backward, weight, overlapped }) => (P / 2 - 1) * (overlapped + backward - 3 * weight),
    bubbleFormula: '(P/2-1)(F&B+B-3W)',
    activations: (P) => P + 1,
    parameterCopies: 2,
  },
  dualpipev: {
    title: 'DualPipeV',
    build: dualPipeV,
    violations: (P, M) => say(M < 2 * P, `microbatches: expected at least 2 x ranks = ${2 * P}, got ${M}`),
    bubble: (P, { backward, weight, overlapped }) => (P - 1) * (overlapped + backward - 3 * weight),
    bubbleFormula: '(P-1)(F&B+B-3W), P ranks holding 2P stages',
    activations: (P) => 2 * P + 1,
    parameterCopies: 1,
  },
}

const aliases: Readonly<Record<string, ScheduleName>> = {
  'zb-h1': 'zb1p',
  zbh1: 'zb1p',
  'interleaved-1f1b': 'interleaved',
  'dualpipe-v': 'dualpipev',
}

/** The schedule that a person means, or undefined. */
export function scheduleNamed(text: string): ScheduleName | undefined {
  const key = text.toLowerCase()
  return scheduleNames.find((name) => name === key) ?? aliases[key]
}

const isCount = (value: number) => Number.isInteger(value) && value >= 1

/** What is wrong with a request, one sentence each. */
export function scheduleViolations({ name, rankCount, microbatchCount, chunkCount = 2 }: ScheduleRequest): string[] {
  const violations = [
    ...say(!isCount(rankCount) || rankCount > 4096, `ranks: expected a whole number from 1 to 4096, got ${rankCount}`),
    ...say(
      !isCount(microbatchCount) || microbatchCount > 65_536,
      `microbatches: expected a whole number from 1 to 65536, got ${microbatchCount}`,
    ),
    ...say(!isCount(chunkCount) || chunkCount > 64, `chunks: expected a whole number from 1 to 64, got ${chunkCount}`),
  ]
  if (violations.length > 0) return violations
  const passes = rankCount * microbatchCount * chunkCount
  return [
    ...say(passes > 4_000_000, `ranks x microbatches x chunks: expected at most 4000000 passes to simulate, got ${passes}`),
    ...catalogue[name].violations(rankCount, microbatchCount, chunkCount),
  ]
}

/** What is wrong with durations, one sentence each. */
export function durationViolations({ forward, backward, weight, overlapped }: ChunkDurations): string[] {
  const violations = Object.entries({ forward, backward, weight, overlapped })
    .filter(([, value]) => !Number.isFinite(value) || value < 0 || value > 1e12)
    .map(([name, value]) => `${name}: expected a duration from 0 to 1e12, got ${value}`)
  if (violations.length > 0) return violations
  return [
    ...say(forward === 0 || backward === 0, `forward and backward: expected more than 0, got ${forward} and ${backward}`),
    ...say(weight > backward, `weight: expected at most the full backward ${backward}, got ${weight}`),
    ...say(
      overlapped < Math.max(forward, backward),
      `overlapped: expected at least the longer of forward and backward, ${Math.max(forward, backward)}, got ${overlapped}`,
    ),
  ]
}

/**
 * The operations of every rank.
 *
 * @throws UsageError with every violation: odd ranks for DualPipe, too few micro-batches, …
 */
export function createSchedule(request: ScheduleRequest): Schedule {
  rejectViolations(`schedule ${request.name}`, scheduleViolations(request))
  return catalogue[request.name].build(request.rankCount, request.microbatchCount, request.chunkCount ?? 2)
}
