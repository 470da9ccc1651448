/**
 * Accumulation: a batch taken in k parts whose gradients are summed, beside the whole batch at once.
 *
 * In f32 the two differ by rounding only. The control keeps the running sum in bf16: after each part it is rounded to eight
 * bits of mantissa, to nearest even, as a buffer of that type would hold it; everything else stays f32. Each way trains from
 * the same seed on the same rows; the gradients are compared on one further batch, at the weights of the whole-batch run.
 * Claim: foundations.stable-accumulation.
 */
import { z } from 'zod'
import { Random } from '../../base/random.ts'
import { mean, quantile } from '../../base/statistics.ts'
import { createModel, forward, type Model } from '../../architecture/index.ts'
import { bits, differentiate, type Machine, roundToBf16 } from '../../compute/index.ts'
import { createAdamW, initialize, learningRateAt } from '../../foundations/index.ts'
import type { TrainingBatch } from '../batch-source.ts'
import { Mixture } from '../data/index.ts'
import type { PreparedText } from '../prepare-text.ts'
import { keepingOf, type Recipe } from '../recipe.ts'
import { addLoads, applyGradients, rowsOf } from '../training-step.ts'
import { accumulationAblation } from './catalogue.ts'
import type { AblationBase, AccumulationEvent } from './events.ts'
import { pairedVerdict } from './paired.ts'
import { readRun, runHash, storeRun } from './run-cache.ts'

/** One way of summing. */
const armSchema = z.strictObject({
  /** Error of the summed gradient beside its sum in f64, relative, by Euclidean norms; mean over the tensors. */
  gradientError: z.number(),
  /** Distance of the summed gradient's numbers from the whole batch's, in units of the last place: half of them, 99 of 100. */
  medianUlps: z.number(),
  ulps99: z.number(),
  /** Mean distance of the losses from the whole batch's run over the last quarter of the steps, nats a token. */
  lossDriftNats: z.number(),
  /** Distance of the weights from the whole batch's at the end, as a share of the way that those have come. */
  weightDriftShare: z.number(),
})

export type AccumulationArm = z.infer<typeof armSchema>

const runSchema = z.strictObject({
  f32: armSchema,
  bf16: armSchema,
  /** Relative error of each tensor's gradient. */
  errorsF32: z.array(z.number()),
  errorsBf16: z.array(z.number()),
  steps: z.number(),
  seconds: z.number(),
})

/** k: parts of a batch, a row each. */
const parts = 8
const leastSteps = 4

interface AccumulationOptions {
  readonly machine: Machine
  readonly text: PreparedText
  readonly base: Recipe
  readonly sizes: AblationBase
  readonly cacheFolder?: string
  readonly codeVersion: string
  readonly stop?: AbortSignal
}

/**
 * Trains the three ways and compares them.
 *
 * @returns null when it was told to stop
 * @throws UsageError when the cache cannot be written
 */
export async function runAccumulation(options: AccumulationOptions): Promise<AccumulationEvent | null> {
  const { machine, text, base, sizes, cacheFolder, codeVersion } = options
  const hash = runHash({
    recipe: base,
    seed: base.seed,
    attentionStart: 1,
    fingerprint: text.tokenized.fingerprint,
    heldOut: { rows: 0, seed: base.seed },
    dialect: machine.kernels.dialect,
    codeVersion,
    beside: accumulationAblation.name,
  })
  const kept = cacheFolder ? readRun(cacheFolder, hash, runSchema) : null
  const run = kept ?? (await compareSums(options))
  if (!run) return null
  if (!kept && cacheFolder) storeRun(cacheFolder, hash, run)
  return {
    type: 'ablation/accumulation',
    name: accumulationAblation.name,
    claims: accumulationAblation.claims,
    variant: 'bf16 sums',
    control: 'f32 sums',
    metric: 'error of a summed gradient',
    unit: 'share of its norm',
    ...pairedVerdict([run.errorsBf16], [run.errorsF32], 'tensors'),
    base: { ...sizes, rows: parts },
    parts,
    steps: run.steps,
    details: { variant: run.bf16, control: run.f32 },
    wasCached: kept !== null,
    seconds: run.seconds,
  }
}

/** How a batch's gradient comes about. */
type Way = 'whole' | 'f32' | 'bf16'

/** A model on the way, and what its steps came to. */
interface Course {
  readonly losses: number[]
  readonly weights: Float32Array
}

async function compareSums({ machine, text, base, stop }: AccumulationOptions): Promise<z.infer<typeof runSchema> | null> {
  const begun = performance.now()
  const { rowLength, tokens } = base.training
  // Three trainings share the tokens of one arm.
  const steps = Math.max(leastSteps, Math.floor(tokens / (3 * parts * rowLength)))
  const source = new Mixture(text.tokenized, { seed: base.seed, extra: base.model.mtpDepth })
  const batches = Array.from({ length: steps + 1 }, () => source.nextBatch(parts, rowLength))
  const start = initialWeights(machine, base)
  const f32 = await trainBy('f32', machine, base, batches.slice(0, steps), stop)
  const bf16 = await trainBy('bf16', machine, base, batches.slice(0, steps), stop)
  let compared: ReturnType<typeof compareGradients> | undefined
  const whole = await trainBy('whole', machine, base, batches.slice(0, steps), stop, (model) => {
    compared = compareGradients(model, batches[steps], base)
  })
  if (!f32 || !bf16 || !whole || !compared) return null
  const arm = (course: Course, way: 'f32' | 'bf16'): AccumulationArm => ({
    gradientError: mean(compared![way].errors),
    medianUlps: quantile(compared![way].ulps, 0.5),
    ulps99: quantile(compared![way].ulps, 0.99),
    lossDriftNats: mean(lastQuarter(course.losses.map((loss, step) => Math.abs(loss - whole.losses[step])))),
    weightDriftShare: distance(course.weights, whole.weights) / distance(whole.weights, start),
  })
  return {
    f32: arm(f32, 'f32'),
    bf16: arm(bf16, 'bf16'),
    errorsF32: compared.f32.errors,
    errorsBf16: compared.bf16.errors,
    steps,
    seconds: (performance.now() - begun) / 1000,
  }
}

const lastQuarter = (values: readonly number[]) => values.slice(Math.floor((values.length * 3) / 4))

function initialWeights(machine: Machine, base: Recipe): Float32Array {
  using _scope = machine.scope()
  return newModel(machine, base).parameters.set.weights.toArray()
}

function newModel(machine: Machine, { model: config, training, seed }: Recipe): Model {
  const model = createModel(machine, config, { withGradients: true, length: training.rowLength })
  initialize(model.parameters.set, config.initStd, Random.seeded(seed))
  return model
}

const clearGradients = ({ machine, parameters: { set } }: Model) =>
  machine.run('fill', set.gradients!.address, set.gradients!.count, bits(0))

/** Adds the gradient of some rows of a batch to the model's. → their loss, and the rows of each expert */
function addGradient(model: Model, batch: TrainingBatch, from: number, count: number, { training, data }: Recipe) {
  const part = rowsOf(batch, from, count, data.maskDocuments)
  const objective = {
    mtpWeight: model.config.mtpDepth > 0 ? training.schedule.mtpWeight : 0,
    balanceWeight: training.balanceWeight,
    share: count / batch.rows,
  }
  return differentiate(model.machine, () => forward(model, part, objective), keepingOf(training))
}

/** Sums a batch's gradient one way. → the batch's loss in nats a token, and the rows of each expert */
function sumGradient(model: Model, batch: TrainingBatch, way: Way, base: Recipe) {
  clearGradients(model)
  const rows = way === 'whole' ? batch.rows : 1
  const loads: Float64Array[] = []
  let lossNats = 0
  for (let from = 0; from < batch.rows; from += rows) {
    const { main, routers } = addGradient(model, batch, from, rows, base)
    lossNats += (main * rows) / batch.rows
    addLoads(loads, routers)
    if (way === 'bf16') roundToBf16(model.parameters.set.gradients!.data as Float32Array)
  }
  return { lossNats, loads }
}

async function trainBy(
  way: Way,
  machine: Machine,
  base: Recipe,
  batches: readonly TrainingBatch[],
  stop: AbortSignal | undefined,
  look?: (model: Model) => void,
): Promise<Course | null> {
  using _scope = machine.scope()
  const { training } = base
  const model = newModel(machine, base)
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  const losses: number[] = []
  for (const [step, batch] of batches.entries()) {
    const { lossNats, loads } = sumGradient(model, batch, way, base)
    const learningRate = learningRateAt(training.schedule, { step, tokenShare: 0 })
    const settings = { learningRate, biasSpeed: training.schedule.biasSpeed, mtpWeight: 0 }
    applyGradients(model, optimizer, training, settings, loads, Number.isFinite(lossNats))
    losses.push(lossNats)
    await new Promise<void>((resolve) => (globalThis.setImmediate ?? globalThis.setTimeout)(resolve))
    if (stop?.aborted) return null
  }
  look?.(model)
  return { losses, weights: model.parameters.set.weights.toArray() }
}

/** Errors tensor by tensor against sums in f64, and distances from the whole batch's gradient number by number. */
function compareGradients(model: Model, batch: TrainingBatch, base: Recipe) {
  const { set } = model.parameters
  const exact = new Float64Array(set.weights.count)
  for (let row = 0; row < parts; row++) {
    clearGradients(model)
    addGradient(model, batch, row, 1, base)
    const gradient = set.gradients!.data
    for (let i = 0; i < exact.length; i++) exact[i] += gradient[i]
  }
  const gradientBy = (way: Way) => {
    sumGradient(model, batch, way, base)
    return set.gradients!.toArray()
  }
  const whole = gradientBy('whole')
  const compare = (gradient: Float32Array) => ({
    errors: set.named.flatMap(({ tensor }) => {
      const from = (tensor.address - set.weights.address) / 4
      const own = exact.subarray(from, from + tensor.count)
      const size = norm(own)
      return size === 0 ? [] : [distance(gradient.subarray(from, from + tensor.count), own) / size]
    }),
    ulps: ulpsBetween(gradient, whole),
  })
  return { f32: compare(gradientBy('f32')), bf16: compare(gradientBy('bf16')) }
}

function norm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2
  return Math.sqrt(sum)
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return Math.sqrt(sum)
}

/** f32 numbers between two, where either is not zero. */
export function ulpsBetween(a: Float32Array, b: Float32Array): Float64Array {
  // As whole numbers f32 are in order, once the negative ones are mirrored.
  const [left, right] = [a, b].map((values) => new Int32Array(Float32Array.from(values).buffer))
  const inOrder = (word: number) => (word < 0 ? -2_147_483_648 - word : word)
  const found: number[] = []
  for (let i = 0; i < a.length; i++) if (a[i] !== 0 || b[i] !== 0) found.push(Math.abs(inOrder(left[i]) - inOrder(right[i])))
  return Float64Array.from(found)
}
