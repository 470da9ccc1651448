/**
 * How many bytes of heap training will need, before anything is allocated: parameters four times (weights, gradients, both
 * moments, which may take half), what the tape keeps of one micro-batch, and the widest passing need on top of it.
 *
 * The counts follow the ops of the model in the order in which they allocate (src/architecture/model.ts, src/compute/ops);
 * heap-plan.test.ts compares them with the heap's own high-water mark.
 */
import { usageError } from '../base/errors.ts'
import { formatBytes, formatCount } from '../base/format.ts'
import { countParameters, type ModelConfig } from '../architecture/index.ts'
import { heapLimitBytes, type Keeping } from '../compute/index.ts'
import { keepingOf, type TrainingConfig } from './recipe.ts'

/** What the heap of a run depends on, beside the model: rows of a micro-batch, tokens in a row, what is kept and how. */
export type HeapRequest = Pick<TrainingConfig, 'microRows' | 'rowLength' | 'recompute' | 'activations'> & {
  readonly optimizer: Pick<TrainingConfig['optimizer'], 'emaDecay' | 'moments' | 'averageIn'>
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
  /** A moving average in the host's own memory, in bytes: not part of the heap. */
  readonly outside: number
}

const bytesOfNumber = 4
const bytesOfBf16 = 2
/** Numbers that share a scale in E4M3, as in src/compute/e4m3.ts. */
const tileNumbers = 128
/** Numbers in a chunk of logits, as in src/compute/ops/head-cross-entropy.ts. */
const chunkNumbers = 2 ** 22
/** Numbers of the routing that are kept of each chosen expert: two each of expert, gate, place and gradient. */
const routingNumbers = 6

const ceil8 = (count: number) => Math.ceil(count / 8) * 8

/** Bytes of a row of numbers as they are, and in E4M3 with a scale for every tile. */
const wide = (numbers: number) => bytesOfNumber * numbers
const inE4m3 = (numbers: number) => numbers + bytesOfNumber * Math.ceil(numbers / tileNumbers)

/** Bytes of one row: what a norm or an up-projection made, what products or SwiGLU read, what both are. */
interface RowBytes {
  readonly expanded: (numbers: number) => number
  readonly input: (numbers: number) => number
  readonly normed: (numbers: number) => number
}

function rowBytes({ recompute, activations }: Keeping): RowBytes {
  const input = activations === 'fp8' ? inE4m3 : wide
  return { expanded: recompute ? () => 0 : wide, input, normed: recompute ? () => 0 : input }
}

/** Bytes that the tape keeps of one row in a layer. */
function keptOfRow(config: ModelConfig, isDense: boolean, { expanded, input, normed }: RowBytes): number {
  const { width: D, queryRank: Q, keyValueRank: C, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W } = config
  const { activeExpertCount: A, expertCount: E, expertFfnWidth: I, denseFfnWidth: F, sharedExpertCount } = config
  const queries = Q === null ? wide(H * (N + R)) : wide(Q) + normed(Q) + expanded(H * (N + R))
  const attention = queries + wide(C + R) + normed(C) + expanded(H * (N + W)) + wide(H * W + H)
  const shared = sharedExpertCount > 0 ? input(2 * sharedExpertCount * I) : 0
  const ffn = isDense ? input(2 * F) : wide(E + routingNumbers * A) + A * input(2 * I) + shared
  // Two norms, two sums of the residual stream.
  return 2 * normed(D) + wide(2 * D) + attention + ffn
}

/** Numbers of one row that are there again while a layer's FFN goes back: its input, and SwiGLU's where it was in eight bits. */
function comesBackOfRow(config: ModelConfig, { recompute, activations }: Keeping): number {
  const { width: D, denseLayerCount, denseFfnWidth: F, activeExpertCount: A, expertFfnWidth: I } = config
  const swiglu = activations === 'fp8' ? Math.max(2 * A * I, denseLayerCount > 0 ? 2 * F : 0) : 0
  return recompute || activations === 'fp8' ? D + swiglu : 0
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
 * @param training rows of a micro-batch, tokens in a row, what is kept of activations, moments and a moving average
 */
export function planHeap(config: ModelConfig, training: HeapRequest): HeapPlan {
  const rows = training.microRows * training.rowLength
  const { emaDecay, moments = 'f32', averageIn = 'heap' } = training.optimizer
  const { total, mtp } = countParameters(config)
  const count = total + mtp.unique
  const average = emaDecay === null ? 0 : bytesOfNumber * count
  const ofMoment = moments === 'bf16' ? bytesOfBf16 : bytesOfNumber
  const { width: D, mtpDepth: J, layerCount: L, denseLayerCount } = config
  const keeping = keepingOf(training)
  const row = rowBytes(keeping)
  const layers = denseLayerCount * keptOfRow(config, true, row) + (L - denseLayerCount + J) * keptOfRow(config, false, row)
  // Embedding, and the norm and the gradient of the last head. Before a module: those of the head before it; in it: an
  // embedding, two norms, their join.
  const ends = wide(3 * D) + J * (wide(3 * D) + row.expanded(D) + 2 * row.normed(D))
  const parameters = count * (2 * bytesOfNumber + 2 * ofMoment) + (averageIn === 'heap' ? average : 0)
  const activations = rows * (layers + ends)
  const backward = passingOfLayer(config, rows) + rows * comesBackOfRow(config, keeping)
  const passing = bytesOfNumber * Math.max(passingOfHead(config, rows), backward)
  return {
    parameters,
    activations,
    passing,
    total: parameters + activations + passing,
    outside: averageIn === 'host' ? average : 0,
  }
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
