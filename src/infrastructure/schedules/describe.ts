/** A simulated schedule as records for `--json` and as a table for people. */
import { catalogue, type ChunkDurations } from './catalogue.ts'
import { operationLabel, type Schedule } from './operations.ts'
import type { Simulation } from './simulate.ts'

/** What `strata schedule --json` prints. Times are in the unit of the durations given. */
export interface ScheduleDocument {
  readonly schedule: string
  readonly ranks: number
  readonly microbatches: number
  readonly stages: number
  readonly makespan: number
  readonly idle: readonly number[]
  readonly maxIdle: number
  readonly formulaBubble: number
  readonly bubbleFormula: string
  readonly peakActivations: readonly number[]
  readonly formulaActivations: number
  readonly parameterCopies: number
  readonly peakPendingWeights: readonly number[]
  readonly exposedCommunication: readonly number[]
  readonly operations: readonly (readonly OperationDocument[])[]
}

interface OperationDocument {
  /** The published notation: F0, B1, Bi1, W, [F0B1]. */
  readonly operation: string
  readonly kind: string
  readonly forward?: { readonly microbatch: number; readonly stage: number }
  readonly backward?: { readonly microbatch: number; readonly stage: number }
  readonly start: number
  readonly end: number
}

/** Hides the last bits of sums of decimal fractions: 4.200000000000003 is 4.2. */
const clean = (value: number) => Number(value.toPrecision(12))

/**
 * A simulation as a document.
 *
 * @param durations of one chunk, for the formula that stands beside the simulated bubble
 */
export function scheduleDocument(schedule: Schedule, simulation: Simulation, durations: ChunkDurations): ScheduleDocument {
  const { title, bubble, bubbleFormula, activations, parameterCopies } = catalogue[schedule.name]
  const { rankCount, microbatchCount, chunkCount, stageCount } = schedule
  const place = (pass: { microbatch: number; stage: number }) => ({ microbatch: pass.microbatch, stage: pass.stage })
  return {
    schedule: title,
    ranks: rankCount,
    microbatches: microbatchCount,
    stages: stageCount,
    makespan: clean(simulation.makespan),
    idle: simulation.idle.map(clean),
    maxIdle: clean(simulation.maxIdle),
    formulaBubble: clean(bubble(rankCount, durations)),
    bubbleFormula,
    peakActivations: simulation.peakActivations,
    formulaActivations: activations(rankCount, microbatchCount, chunkCount),
    parameterCopies,
    peakPendingWeights: simulation.peakPendingWeights,
    exposedCommunication: simulation.exposedCommunication.map(clean),
    operations: simulation.timeline.map((list) =>
      list.map(({ operation, start, end }) => ({
        operation: operationLabel(operation),
        kind: operation.kind,
        ...(operation.forward && { forward: place(operation.forward) }),
        ...(operation.backward && { backward: place(operation.backward) }),
        start: clean(start),
        end: clean(end),
      })),
    ),
  }
}

/** The same for people: what it costs beside what the formula says, then one line a rank. */
export function scheduleText(document: ScheduleDocument): string {
  const { makespan, ranks } = document
  const meanIdle = document.idle.reduce((sum, idle) => sum + idle, 0) / ranks
  const rows = document.idle.map((idle, rank) => [
    String(rank),
    short(makespan - idle),
    short(idle),
    String(document.peakActivations[rank]),
    String(document.peakPendingWeights[rank]),
    short(document.exposedCommunication[rank]),
    runLengths(document.operations[rank].map(({ operation }) => operation)),
  ])
  return [
    `${document.schedule}: ${ranks} ranks, ${document.microbatches} micro-batches, ${document.stages} stages`,
    `  makespan      ${short(makespan)}`,
    `  idle          ${short(document.maxIdle)} on the worst rank, ${short((meanIdle / makespan) * 100)} % on average`,
    `  formula       ${short(document.formulaBubble)} = ${document.bubbleFormula}`,
    `  live chunks   ${Math.max(...document.peakActivations)} at the peak, formula ${document.formulaActivations}`,
    `  parameters    ${document.parameterCopies}x`,
    '',
    table(['rank', 'busy', 'idle', 'live', 'W due', 'exposed', 'operations'], rows),
  ].join('\n')
}

const short = (value: number) => String(Number(value.toPrecision(5)))

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const last = head.length - 1
  const line = (cells: readonly string[]) => cells.map((cell, i) => (i === last ? cell : cell.padStart(widths[i]))).join('  ')
  return [head, ...rows].map(line).join('\n')
}

/** "F0 F0 F0 F1 F1" → "F0 x3, F1 x2"; a repeated pair of different operations is folded too. */
export function runLengths(labels: readonly string[]): string {
  const parts: string[] = []
  for (let at = 0; at < labels.length;) {
    const [length, repeats] = longestRepeat(labels, at)
    const unit = labels.slice(at, at + length).join(' ')
    parts.push(repeats === 1 ? unit : length === 1 ? `${unit} x${repeats}` : `(${unit}) x${repeats}`)
    at += length * repeats
  }
  return parts.join(', ')
}

/** The unit of 1 to 3 labels at `at` that covers most when repeated. */
function longestRepeat(labels: readonly string[], at: number): [length: number, repeats: number] {
  let best: [number, number] = [1, 1]
  for (const length of [1, 2, 3]) {
    let repeats = 1
    const isSame = (offset: number) => labels[at + repeats * length + offset] === labels[at + offset]
    while (at + (repeats + 1) * length <= labels.length && Array.from({ length }, (_, i) => i).every(isSame)) repeats++
    if (repeats > 1 && repeats * length > best[0] * best[1]) best = [length, repeats]
  }
  return best
}
