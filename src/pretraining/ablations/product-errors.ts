/**
 * Errors of FP8 where they arise: in single products of a trained model, and in its gradient as a whole.
 *
 * A base is trained in f32. Then one large batch goes through it forward and back, and each product of its linear layers is
 * taken again from operands rounded by other scales, beside the exact one: real activations, weights and gradients. Sums are
 * long only where they run over tokens, in the gradients of weights, so it is there that a tensor core's 14 bits and its
 * promotion are emulated, on operands with one scale a tensor, because only then may a sum be of any length. Last, the whole
 * model's gradient under each policy stands beside that in f32. Routed experts have few rows each and take part in that last
 * comparison only. Claims: infrastructure.fp8-policy, evaluation.appendix-signal.
 */
import { z } from 'zod'
import { mean } from '../../base/statistics.ts'
import { forward, type Model } from '../../architecture/index.ts'
import { bits, differentiate, type LinearPrecision } from '../../compute/index.ts'
import { fp8Policies, type Fp8PolicyName, linearPrecision, publishedInterval } from '../../infrastructure/index.ts'
import type { TrainingBatch } from '../batch-source.ts'
import { Mixture } from '../data/index.ts'
import { rowsOf } from '../training-step.ts'
import { productErrorsAblation } from './catalogue.ts'
import type { PrecisionEvent } from './events.ts'
import { heldOutRows, pairedVerdict } from './paired.ts'
import { ProductProbe } from './product-probe.ts'
import type { PreparedText } from '../prepare-text.ts'
import type { Recipe } from '../recipe.ts'
import type { Machine } from '../../compute/index.ts'
import type { AblationBase } from './events.ts'
import { readRun, runHash, storeRun } from './run-cache.ts'
import { trainArm } from './train-arm.ts'

/** Tokens of the batch that is looked at, no more than were trained on: the length of the sums in the gradients of weights. */
const mostBatchTokens = 4096

/** Rows for scoring the base, which is done on the way. */
const scoredRows = 8

const errorsSchema = z.strictObject({
  /** Relative error of each product, by product and scales: "inputs tile". */
  products: z.record(z.string(), z.array(z.number())),
  /** Relative error of each weight's gradient by its sum alone, by numbers between promotions; 0: none. */
  sums: z.record(z.string(), z.array(z.number())),
  /** Relative error of each parameter's gradient, by policy. */
  gradients: z.record(z.string(), z.array(z.number())),
  seconds: z.number(),
})

type Errors = z.infer<typeof errorsSchema>

interface ProductErrorOptions {
  readonly machine: Machine
  readonly text: PreparedText
  readonly base: Recipe
  readonly sizes: AblationBase
  readonly cacheFolder?: string
  readonly codeVersion: string
  readonly stop?: AbortSignal
}

/**
 * Trains the base, measures, and compares.
 *
 * @returns null when it was told to stop
 * @throws UsageError when there is too little held-out text, or the cache cannot be written
 */
export async function runProductErrors(options: ProductErrorOptions): Promise<PrecisionEvent[] | null> {
  const { machine, text, base, sizes, cacheFolder, codeVersion } = options
  const hash = runHash({
    recipe: base,
    seed: base.seed,
    attentionStart: 1,
    fingerprint: text.tokenized.fingerprint,
    heldOut: { rows: scoredRows, seed: base.seed },
    dialect: machine.kernels.dialect,
    codeVersion,
    beside: productErrorsAblation.name,
  })
  const kept = cacheFolder ? readRun(cacheFolder, hash, errorsSchema) : null
  const errors = kept ?? (await measure(options))
  if (!errors) return null
  if (!kept && cacheFolder) storeRun(cacheFolder, hash, errors)
  const batchTokens = batchRows(base) * base.training.rowLength
  const eventOf = ({ variant, control, metric, samples: [a, b], over }: ErrorPair): PrecisionEvent => ({
    type: 'ablation/precision',
    name: productErrorsAblation.name,
    claims: productErrorsAblation.claims,
    variant,
    control,
    metric,
    unit: 'share of its norm',
    ...pairedVerdict([a], [b], over),
    base: sizes,
    tokens: base.training.tokens,
    batchTokens,
    details: { variant: mean(a), control: mean(b) },
    wasCached: kept !== null,
    seconds: errors.seconds,
  })
  return comparisons(errors).map(eventOf)
}

/** Two ways of rounding, and the errors of the same products or parameters under each. */
interface ErrorPair {
  readonly variant: string
  readonly control: string
  readonly metric: string
  readonly samples: readonly [variant: readonly number[], control: readonly number[]]
  readonly over: 'products' | 'tensors'
}

/** What differences are called, so that claims find them. */
export const precisionMetrics = {
  products: 'error of linear products',
  forward: 'error of forward products',
  inputs: 'error of gradients that go back',
  weights: 'error of gradients of weights',
  sums: 'error of sums over tokens',
  gradients: 'error of the model’s gradient',
} as const

const kinds = ['forward', 'inputs', 'weights'] as const

/** How the ways of rounding are called in differences. */
export const roundings = {
  tile: 'scales by tile',
  tensor: 'a scale a tensor',
  block: 'scales by block',
  promoted: 'promoted every 128',
  seldomPromoted: 'promoted every 512',
  neverPromoted: 'never promoted',
  policy: 'whole policy',
  storageOnly: 'storage only',
  computeOnly: 'compute only',
} as const

function comparisons({ products, sums, gradients }: Errors): ErrorPair[] {
  const all = (scales: string) => kinds.flatMap((kind) => products[`${kind} ${scales}`])
  const scaled = (metric: keyof typeof precisionMetrics, variant: 'tensor' | 'block', samples: ErrorPair['samples']): ErrorPair => ({
    variant: roundings[variant],
    control: roundings.tile,
    metric: precisionMetrics[metric],
    samples,
    over: 'products',
  })
  const summed = (variant: 'seldomPromoted' | 'neverPromoted', interval: number): ErrorPair => ({
    variant: roundings[variant],
    control: roundings.promoted,
    metric: precisionMetrics.sums,
    samples: [sums[interval], sums[publishedInterval]],
    over: 'products',
  })
  const whole = (variant: 'storageOnly' | 'computeOnly' | 'tensor' | 'block', name: Fp8PolicyName): ErrorPair => ({
    variant: roundings[variant],
    control: roundings.policy,
    metric: precisionMetrics.gradients,
    samples: [gradients[name], gradients['policy']],
    over: 'tensors',
  })
  return [
    scaled('products', 'tensor', [all('tensor'), all('tile')]),
    ...kinds.map((kind) => scaled(kind, 'tensor', [products[`${kind} tensor`], products[`${kind} tile`]])),
    scaled('inputs', 'block', [products['inputs block'], products['inputs tile']]),
    summed('seldomPromoted', 512),
    summed('neverPromoted', 0),
    whole('tensor', 'perTensor'),
    whole('storageOnly', 'storageOnly'),
    whole('computeOnly', 'computeOnly'),
    whole('block', 'blockGradients'),
  ]
}

const batchRows = ({ training: { tokens, rowLength } }: Recipe) => Math.max(1, Math.floor(Math.min(mostBatchTokens, tokens) / rowLength))

async function measure({ machine, text, base, stop }: ProductErrorOptions): Promise<Errors | null> {
  const begun = performance.now()
  const { rowLength } = base.training
  const source = new Mixture(text.tokenized, { seed: base.seed, extra: base.model.mtpDepth, stream: 'precision' })
  const batch = source.nextBatch(batchRows(base), rowLength)
  let measured: Omit<Errors, 'seconds'> | undefined
  const trained = await trainArm({
    machine,
    recipe: base,
    attentionStart: 1,
    text,
    heldOut: heldOutRows(text, rowLength, scoredRows, base.seed),
    score: async (model) => {
      measured = errorsOf(model, batch, base)
      return {}
    },
    stop,
  })
  return trained && measured ? { ...measured, seconds: (performance.now() - begun) / 1000 } : null
}

function errorsOf(model: Model, batch: TrainingBatch, base: Recipe): Omit<Errors, 'seconds'> {
  const { set } = model.parameters
  const probe = new ProductProbe(linearPrecision(fp8Policies.policy, set))
  const exact = gradientUnder(probe, model, batch, base)
  const gradients = Object.entries(fp8Policies).map(([name, policy]) => {
    const rounded = gradientUnder(linearPrecision(policy, set), model, batch, base)
    return [name, set.named.flatMap(({ tensor }) => relativeError(tensor, rounded, exact, model))]
  })
  return { products: probe.products(), sums: probe.sums(), gradients: Object.fromEntries(gradients) }
}

function gradientUnder(precision: LinearPrecision, model: Model, batch: TrainingBatch, { training, data }: Recipe): Float32Array {
  const { machine, parameters } = model
  const gradients = parameters.set.gradients!
  machine.run('fill', gradients.address, gradients.count, bits(0))
  const objective = {
    mtpWeight: model.config.mtpDepth > 0 ? training.schedule.mtpWeight : 0,
    balanceWeight: training.balanceWeight,
  }
  machine.precision = precision
  try {
    differentiate(machine, () => forward(model, rowsOf(batch, 0, batch.rows, data.maskDocuments), objective))
  } finally {
    machine.precision = null
  }
  return gradients.toArray()
}

/** ‖got - right‖ / ‖right‖ of one parameter's numbers; none where the gradient is zero. */
function relativeError(
  { address, count }: Pick<Model['cosine_TP'], 'address' | 'count'>,
  got: Float32Array,
  right: Float32Array,
  { parameters }: Model,
): number[] {
  const from = (address - parameters.set.weights.address) / 4
  let [distance, size] = [0, 0]
  for (let i = from; i < from + count; i++) {
    distance += (got[i] - right[i]) ** 2
    size += right[i] ** 2
  }
  return size === 0 ? [] : [Math.sqrt(distance / size)]
}
