/**
 * How many bytes of heap training will need, before anything is allocated: parameters four times (weights, gradients, both
 * moments), what the tape keeps of one micro-batch, and the widest passing need on top of it.
 *
 * The counts follow the ops of the model in the order in which they allocate (src/architecture/model.ts, src/compute/ops);
 * heap-plan.test.ts compares them with the heap's own high-water mark.
 */
import { usageError } from '../base/errors.ts'
import { formatBytes, formatCount } from '../base/format.ts'
import { countParameters, type ModelConfig } from '../architecture/index.ts'
import { heapLimitBytes } from '../compute/index.ts'
import type { TrainingConfig } from './recipe.ts'

/** What the heap of a run depends on, beside the model: rows of a micro-batch, tokens in a row, whether an average is kept. */
export type HeapRequest = Pick<TrainingConfig, 'microRows' | 'rowLength'> & {
  readonly optimizer: Pick<TrainingConfig['optimizer'], 'emaDecay'>
}

/** Predicted high-water mark, in bytes. */
export interface HeapPlan {
  /** Weights, gradients, moments and, if kept, the moving average. */
  readonly parameters: number
  /** What the tape keeps from the forward pass of one micro-batch to its backward pass. */
  readonly activations: number
  /** The largest passing need: logits of a chunk, gathered rows and packed weights of an expert layer. */
  readonly passing: number
  readonly total: number
}

const bytesOfNumber = 4
/** Numbers in a chunk of logits, as in src/compute/ops/head-cross-entropy.ts. */
const chunkNumbers = 2 ** 22
/** Numbers of the routing that are kept of each chosen expert: two each of expert, gate, place and gradient. */
const routingNumbers = 6

const ceil8 = (count: number) => Math.ceil(count / 8) * 8

/** Numbers that the tape keeps of one row in a layer. */
function keptOfRow(config: ModelConfig, isDense: boolean): number {
  const { width: D, queryRank: Q, keyValueRank: C, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W } = config
  const { activeExpertCount: A, expertCount: E, expertFfnWidth: I, denseFfnWidth: F, sharedExpertCount } = config
  const queries = H * (N + R) + (Q === null ? 0 : 2 * Q)
  const attention = queries + (C + R) + C + H * (N + W) + H * W + H
  const ffn = isDense ? 2 * F : E + routingNumbers * A + 2 * A * I + 2 * sharedExpertCount * I
  // Two norms, two sums of the residual stream.
  return 4 * D + attention + ffn
}

/** Numbers that come and go in one layer's backward pass: gradients of its tensors, gathered rows, packed operands. */
function passingOfLayer(config: ModelConfig, rows: number): number {
  const { width: D, denseFfnWidth: F, activeExpertCount: A, expertCount: E, expertFfnWidth: I, sharedExpertCount, denseLayerCount } = config
  const stream = 3 * D
  const moe = rows * (stream + A * (I + D)) + ceil8(2 * I) * D * E
  const dense = denseLayerCount > 0 ? rows * (stream + F + ceil8(D)) + 2 * F * D : 0
  const shared = rows * (stream + sharedExpertCount * I + ceil8(D))
  return Math.max(moe, dense, shared)
}

/** Numbers that come and go in the head: a chunk of logits, the head packed both ways, the chunk's rows packed. */
function passingOfHead({ vocabSize: V, width: D }: ModelConfig, rows: number): number {
  const chunk = Math.min(rows, Math.max(64, Math.floor(chunkNumbers / V / 96) * 96))
  return chunk * V + 2 * ceil8(V) * D + chunk * ceil8(D)
}

/**
 * Predicts the heap of a training run.
 *
 * @param config   sizes of the model
 * @param training rows of a micro-batch, tokens in a row, whether a moving average is kept
 */
export function planHeap(config: ModelConfig, training: HeapRequest): HeapPlan {
  const rows = training.microRows * training.rowLength
  const { total, mtp } = countParameters(config)
  const copies = training.optimizer.emaDecay === null ? 4 : 5
  const { width: D, mtpDepth: J, layerCount: L, denseLayerCount } = config
  const layers = denseLayerCount * keptOfRow(config, true) + (L - denseLayerCount + J) * keptOfRow(config, false)
  // Embedding, last norm and the head's gradient; a module has an embedding, two norms, their join, a last norm, a gradient.
  const ends = 3 * D + J * 6 * D
  const parameters = bytesOfNumber * copies * (total + mtp.unique)
  const activations = bytesOfNumber * rows * (layers + ends)
  const passing = bytesOfNumber * Math.max(passingOfHead(config, rows), passingOfLayer(config, rows))
  return { parameters, activations, passing, total: parameters + activations + passing }
}

/**
 * Refuses a run whose heap would not fit, and names what would.
 *
 * @throws UsageError with the predicted bytes, what they are made of, and the largest micro-batch or width that fits
 */
export function checkHeap(config: ModelConfig, training: HeapRequest): HeapPlan {
  const plan = planHeap(config, training)
  if (plan.total <= heapLimitBytes) return plan
  const { total, mtp } = countParameters(config)
  const parts = `${formatBytes(plan.parameters)} for ${formatCount(total + mtp.unique)} parameters, ${formatBytes(plan.activations + plan.passing)} for ${training.microRows} rows of ${training.rowLength}`
  throw usageError(
    'heap',
    `at most ${formatBytes(heapLimitBytes)}`,
    `a need for ${formatBytes(plan.total)} (${parts})`,
    whatWouldFit(config, training),
  )
}

/** The largest micro-batch that fits; where not even one row does, the largest width. */
function whatWouldFit(config: ModelConfig, training: HeapRequest): string {
  const fits = (model: ModelConfig, microRows: number) => planHeap(model, { ...training, microRows }).total <= heapLimitBytes
  if (fits(config, 1)) {
    let [low, high] = [1, training.microRows]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (fits(config, middle)) low = middle
      else high = middle
    }
    return `It would fit with training.microRows=${low}, and give the same gradients.`
  }
  for (let width = config.width - 8; width >= 8; width = 8 * Math.floor((width * 0.95) / 8)) {
    const narrower = narrow(config, width)
    if (!fits(narrower, 1)) continue
    const { total } = countParameters(narrower)
    return `It would fit with training.microRows=1 model.width=${width} model.denseFfnWidth=${narrower.denseFfnWidth} model.expertFfnWidth=${narrower.expertFfnWidth} (${formatCount(total)} parameters).`
  }
  return 'Use fewer layers, experts or tokens in a row.'
}

/** The same model with another width, its feed-forward widths in proportion. */
function narrow(config: ModelConfig, width: number): ModelConfig {
  const scaled = (size: number) => Math.max(8, 8 * Math.round((size * width) / config.width / 8))
  return { ...config, width, denseFfnWidth: scaled(config.denseFfnWidth), expertFfnWidth: scaled(config.expertFfnWidth) }
}
