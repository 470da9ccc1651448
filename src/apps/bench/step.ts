/**
 * `strata bench step`: one training step of the `bench` model, 8 rows of 512 tokens, in the FLOPs that the model asks for.
 *
 * Model FLOPs are 6 a token and activated weight (head counted, input embedding not) and causal attention; what is
 * recomputed is not counted. Before the first step its gradients are checked: they must predict how the loss changes.
 */
import { type ModelConfig, presets, trainingFlopsPerToken } from '../../architecture/index.ts'
import { formatBytes, formatCount, formatShare } from '../../base/format.ts'
import { invariant } from '../../base/errors.ts'
import { Machine } from '../../compute/index.ts'
import type { MachineProbe } from '../../infrastructure/cluster/probe.ts'
import { predictLocalStep } from '../../infrastructure/plan/local-step.ts'
import { planHeap } from '../../pretraining/heap-plan.ts'
import { formatTable } from '../table.ts'
import { type KernelProfile, profileKernels } from './kernel-profile.ts'
import { type Effort, measureInTurn } from './measure.ts'
import { type BenchResult, formatSample, resultOf } from './result.ts'
import type { Rig } from './rig.ts'
import { type BatchSize, createTrainingStep } from './training-step.ts'

/** What `benchStep` adds to a result. */
export interface StepResult extends BenchResult {
  readonly tokensPerSecond: number
  readonly flopsPerToken: number
  readonly parameterCount: number
  /** Most that the heap ever held, optimizer state included. */
  readonly heapPeakBytes: number
  /** What `strata plan` says of this step at the ceiling around it, to stand beside what was measured. */
  readonly predicted: { readonly seconds: number; readonly heapBytes: number }
  readonly firstLossNats: number
  readonly lastLossNats: number
  readonly profile: KernelProfile
}

/** What rounding and curvature allow a right gradient. A missing term is far above it. */
const allowedGradientError = 0.02
/** Steps of which the fastest is broken down by kernel. */
const profiledSteps = 3
/** Sizes of a kernel that take less of the step than this are in the document, not in the table. */
const shownShare = 0.005

const benchBatch: BatchSize = { rows: 8, length: 512 }

/** Measures the step on all threads of the rig, on a heap of its own. */
export async function benchStep(
  rig: Rig,
  effort: Effort,
  config: ModelConfig = presets.bench,
  size: BatchSize = benchBatch,
): Promise<StepResult> {
  const { threads } = rig.all
  const machine = await Machine.start({ threads })
  try {
    const { model, step, gradientError } = createTrainingStep(machine, config, size)
    const error = gradientError()
    invariant(error <= allowedGradientError, `step: expected a gradient right to ${allowedGradientError}, got an error of ${error}`)
    const first = step()
    let last = first
    const watch = rig.watch(rig.all)
    const [seconds] = measureInTurn([() => void (last = step())], effort, watch.glance)
    const ceiling = watch.end()
    const heapPeakBytes = machine.heap.peakBytes
    const profile = profileKernels(machine, step, profiledSteps)
    const tokens = size.rows * size.length
    const flopsPerToken = trainingFlopsPerToken(config, size.length).total
    const predicted = predictStep(config, size, {
      gflopsOneThread: ceiling.gflops / threads,
      gflopsAllThreads: ceiling.gflops,
      streamGBs: ceiling.streamGBs,
      vectorBits: machine.vectorBits,
    })
    const work = { name: 'step', shape: { ...size }, threads, flops: tokens * flopsPerToken, bytes: 0, error }
    return {
      ...resultOf(work, seconds, ceiling),
      tokensPerSecond: tokens / seconds.median,
      flopsPerToken,
      parameterCount: model.parameters.set.weights.count,
      heapPeakBytes,
      predicted,
      firstLossNats: first.total,
      lastLossNats: last.total,
      profile,
    }
  } finally {
    machine.close()
  }
}

/** The planner's prediction; the step runs no multi-token prediction. */
function predictStep(config: ModelConfig, { rows, length }: BatchSize, probe: MachineProbe): StepResult['predicted'] {
  const model = { ...config, mtpDepth: 0 }
  const heap = planHeap(model, { microRows: rows, rowLength: length, optimizer: { emaDecay: null } })
  const { seconds, memoryBytes } = predictLocalStep(model, probe, { sequences: rows, length }, heap)
  return { seconds, heapBytes: memoryBytes }
}

const beside = (measured: number, predicted: number) =>
  `${measured >= predicted ? '+' : ''}${((measured / predicted - 1) * 100).toFixed(1)} %`

const rate = (amount: number | null, seconds: number) => (amount === null ? '' : (amount / seconds / 1e9).toFixed(1))

/** What the table of results does not say: speed in tokens, memory, and where the step's time goes. */
export function stepText({ profile, ceiling, predicted, ...result }: StepResult): string {
  const { kernels, seconds, outsideSeconds } = profile
  const columns = [
    { title: 'kernel' },
    { title: 'size' },
    ...['calls', 'time', 'of step', 'GFLOP/s', 'of peak', 'GB/s'].map((title) => ({ title, align: 'right' as const })),
  ]
  const row = (kernel: string, size: string, calls: number | null, time: number, flops: number | null, bytes: number | null) => [
    kernel,
    size,
    calls === null ? '' : String(calls),
    formatSample(time),
    formatShare(time / seconds),
    rate(flops, time),
    flops === null || !ceiling ? '' : formatShare(flops / time / 1e9 / ceiling.gflops),
    rate(bytes, time),
  ]
  const sum = (values: readonly (number | null)[]) => (values.includes(null) ? null : values.reduce<number>((total, x) => total + x!, 0))
  const groups = [...new Set(kernels.map(({ kernel }) => kernel))].map((kernel) => {
    const parts = kernels.filter((part) => part.kernel === kernel)
    return {
      kernel,
      parts,
      calls: parts.reduce((total, { calls }) => total + calls, 0),
      time: parts.reduce((total, part) => total + part.seconds, 0),
      flops: sum(parts.map(({ flops }) => flops)),
      bytes: sum(parts.map(({ bytes }) => bytes)),
    }
  })
  const rows: string[][] = []
  for (const { kernel, parts, calls, time, flops, bytes } of groups.sort((a, b) => b.time - a.time)) {
    rows.push(row(kernel, '', calls, time, flops, bytes))
    if (parts.length === 1) continue
    for (const part of parts) {
      if (part.seconds >= shownShare * seconds) rows.push(row('', part.size, part.calls, part.seconds, part.flops, part.bytes))
    }
  }
  rows.push(row('between kernels', '', null, outsideSeconds, null, null))
  return [
    `${result.tokensPerSecond.toFixed(0)} tokens/s, ${formatSample(result.medianSeconds)} a step, ${(result.flopsPerToken / 1e6).toFixed(1)} MFLOP a token, ${formatCount(result.parameterCount)} parameters`,
    `heap at most ${formatBytes(result.heapPeakBytes)}; loss ${result.firstLossNats.toFixed(3)} at first, ${result.lastLossNats.toFixed(3)} at last`,
    `strata plan predicts ${formatSample(predicted.seconds)} and ${formatBytes(predicted.heapBytes)}; measured ${beside(result.medianSeconds, predicted.seconds)} (the fastest ${beside(result.bestSeconds, predicted.seconds)}) and ${beside(result.heapPeakBytes, predicted.heapBytes)}`,
    '',
    formatTable(columns, rows),
  ].join('\n')
}
