/**
 * The heap's peak and the time of a step, setting by setting: predicted before anything is allocated, then measured.
 *
 * Bytes are exact: a setting's model is alone in its scope while the heap watches its own level, for as many steps as it
 * takes to meet everything. Time is a ratio: plain step and other step run in turn in one process, on the same batches, so
 * that whatever else the machine does meets both. Claim: infrastructure.not-resident.
 */
import { z } from 'zod'
import { Random } from '../../base/random.ts'
import { median, spread } from '../../base/statistics.ts'
import { countParameters, createModel } from '../../architecture/index.ts'
import type { Machine } from '../../compute/index.ts'
import { averageOf, createAdamW, initialize, learningRateAt } from '../../foundations/index.ts'
import type { TrainingBatch } from '../batch-source.ts'
import { Mixture } from '../data/index.ts'
import { checkHeap, planHeap } from '../heap-plan.ts'
import type { PreparedText } from '../prepare-text.ts'
import type { Recipe, TrainingConfig } from '../recipe.ts'
import { takeStep } from '../training-step.ts'
import type { AblationBase, MemoryEvent } from './events.ts'
import { memoryAblation, type MemorySetting, memorySettings, plainTraining } from './memory-settings.ts'
import { readRun, runHash, storeRun } from './run-cache.ts'

/** Steps behind a peak, and behind the comparison of weights. */
const measuredSteps = 2
/** Pairs of steps that are timed, after one that is not. */
export const timedPairs = 10

const bytes = z.number()
const savingSchema = z.strictObject({
  measuredBytes: bytes,
  /** Whether weights and average are those of the plain steps, bit for bit. */
  hasSameNumbers: z.boolean(),
  /** Of each pair: time of the step by time of the plain one. */
  stepRatios: z.array(z.number()),
})

const runSchema = z.strictObject({
  plainBytes: bytes,
  plainStepSeconds: z.number(),
  savings: z.array(savingSchema),
  seconds: z.number(),
})

type MemoryRun = z.infer<typeof runSchema>

interface MemoryOptions {
  readonly machine: Machine
  readonly text: PreparedText
  /** The run's own: its model at its own size, its batch. */
  readonly recipe: Recipe
  readonly sizes: AblationBase
  readonly cacheFolder?: string
  readonly codeVersion: string
  readonly stop?: AbortSignal
  /** Told which setting is measured, the how-manieth, and how many of its pairs of steps are done. */
  readonly onPair?: (setting: MemorySetting, index: number, donePairs: number) => void
}

/**
 * Measures every setting.
 *
 * @returns null when it was told to stop
 * @throws UsageError when the heap would not fit, or the cache cannot be written
 */
export async function runMemory(options: MemoryOptions): Promise<MemoryEvent | null> {
  const { machine, text, recipe, sizes, cacheFolder, codeVersion } = options
  const plain = plainTraining(recipe.training)
  checkHeap(recipe.model, plain)
  const hash = runHash({
    recipe: { ...recipe, training: plain },
    seed: recipe.seed,
    attentionStart: 1,
    fingerprint: text.tokenized.fingerprint,
    heldOut: { rows: 0, seed: recipe.seed },
    dialect: machine.kernels.dialect,
    codeVersion,
    beside: `${memoryAblation.name}, ${machine.threads} threads`,
  })
  const kept = cacheFolder ? readRun(cacheFolder, hash, runSchema) : null
  const run = kept ?? (await measure(options, plain))
  if (!run) return null
  if (!kept && cacheFolder) storeRun(cacheFolder, hash, run)
  const { total, mtp } = countParameters(recipe.model)
  return {
    type: 'ablation/memory',
    name: memoryAblation.name,
    claims: memoryAblation.claims,
    base: sizes,
    parameters: total + mtp.unique,
    rowsAtOnce: plain.microRows,
    steps: measuredSteps,
    plain: {
      predictedBytes: planHeap(recipe.model, plain).total,
      measuredBytes: run.plainBytes,
      stepSeconds: run.plainStepSeconds,
    },
    savings: memorySettings.map(({ name, says, changesNumbers, change }, index) => {
      const plan = planHeap(recipe.model, change(plain))
      const { measuredBytes, hasSameNumbers, stepRatios } = run.savings[index]
      const { median: middle, lowerQuartile, upperQuartile } = spread(stepRatios)
      return {
        name,
        says,
        changesNumbers,
        predictedBytes: plan.total,
        measuredBytes,
        outsideBytes: plan.outside,
        hasSameNumbers,
        stepRatio: { median: middle, lowerQuartile, upperQuartile, pairs: stepRatios.length },
      }
    }),
    wasCached: kept !== null,
    seconds: run.seconds,
  }
}

async function measure({ machine, text, recipe, stop, onPair }: MemoryOptions, plain: TrainingConfig): Promise<MemoryRun | null> {
  const begun = performance.now()
  const source = new Mixture(text.tokenized, { seed: recipe.seed, extra: recipe.model.mtpDepth })
  const batches = Array.from({ length: timedPairs + 1 }, () => source.nextBatch(plain.rows, plain.rowLength))
  const reference = await stepsAlone(machine, recipe, plain, batches)
  const savings: z.infer<typeof savingSchema>[] = []
  const plainSeconds: number[] = []
  for (const [index, setting] of memorySettings.entries()) {
    const other = setting.change(plain)
    const alone = await stepsAlone(machine, recipe, other, batches)
    const pairs = await timePairs(machine, recipe, [plain, other], batches, stop, (done) => onPair?.(setting, index, done))
    if (!pairs) return null
    plainSeconds.push(...pairs.map((pair) => pair.plain))
    savings.push({
      measuredBytes: alone.peakBytes,
      hasSameNumbers: isSame(alone.numbers, reference.numbers),
      stepRatios: pairs.map((pair) => pair.other / pair.plain),
    })
  }
  return {
    plainBytes: reference.peakBytes,
    plainStepSeconds: median(plainSeconds),
    savings,
    seconds: (performance.now() - begun) / 1000,
  }
}

/** Lets the event loop turn once. */
const turn = () => new Promise<void>((resolve) => (globalThis.setImmediate ?? globalThis.setTimeout)(resolve))

/** A training in the innermost scope, from the recipe's seed. */
function begin(machine: Machine, { model: config, data, seed }: Recipe, training: TrainingConfig) {
  const model = createModel(machine, config, { withGradients: true, length: training.rowLength })
  initialize(model.parameters.set, config.initStd, Random.seeded(seed))
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  const { schedule } = training
  const step = (batch: TrainingBatch, index: number) => {
    const settings = {
      learningRate: learningRateAt(schedule, { step: index, tokenShare: 0 }),
      biasSpeed: schedule.biasSpeed,
      mtpWeight: config.mtpDepth > 0 ? schedule.mtpWeight : 0,
    }
    return takeStep(model, optimizer, batch, training, data.maskDocuments, settings, turn)
  }
  return { model, optimizer, step }
}

/** A few steps with nothing else above them in the heap. → its peak, and weights and average at the end */
async function stepsAlone(machine: Machine, recipe: Recipe, training: TrainingConfig, batches: readonly TrainingBatch[]) {
  using _scope = machine.scope()
  const watch = machine.heap.watchPeak()
  const { model, optimizer, step } = begin(machine, recipe, training)
  for (const [index, batch] of batches.slice(0, measuredSteps).entries()) await step(batch, index)
  const peakBytes = watch.end()
  const average = averageOf(optimizer)!
  return {
    peakBytes,
    numbers: [model.parameters.set.weights.toArray(), average instanceof Float32Array ? average : average.toArray()],
  }
}

const isSame = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
  a.every((values, index) => values.every((value, i) => Object.is(value, b[index][i])))

/** Seconds of the plain step and of the other one, pair by pair; which comes first changes. Null when told to stop. */
async function timePairs(
  machine: Machine,
  recipe: Recipe,
  [plain, other]: readonly [TrainingConfig, TrainingConfig],
  batches: readonly TrainingBatch[],
  stop: AbortSignal | undefined,
  onPair: (donePairs: number) => void,
): Promise<{ readonly plain: number; readonly other: number }[] | null> {
  using _scope = machine.scope()
  const both = [begin(machine, recipe, plain), begin(machine, recipe, other)]
  const pairs: { plain: number; other: number }[] = []
  for (const [index, batch] of batches.entries()) {
    const seconds = [0, 0]
    for (const which of index % 2 === 0 ? [0, 1] : [1, 0]) {
      const from = performance.now()
      await both[which].step(batch, index)
      seconds[which] = (performance.now() - from) / 1000
    }
    pairs.push({ plain: seconds[0], other: seconds[1] })
    onPair(index)
    if (stop?.aborted) return null
  }
  // The first pair compiles.
  return pairs.slice(1)
}
