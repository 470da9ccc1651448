/**
 * From time to a run: measures what this machine does in a training step of the real model, and derives size, tokens and
 * schedule from it. One dial, and every step of the derivation is said.
 *
 *   seconds x FLOP/s = FLOPs;  tokens = FLOPs / FLOPs of a token;  the largest model that still sees enough tokens
 */
import { Random } from '../base/random.ts'
import { formatCount, formatFlops, formatSeconds, formatShare } from '../base/format.ts'
import { countParameters, createModel, type ModelConfig, presets, trainingFlopsPerToken } from '../architecture/index.ts'
import type { Machine } from '../compute/index.ts'
import { createAdamW, initialize } from '../foundations/index.ts'
import { heapLimitBytes } from '../compute/index.ts'
import type { TrainingBatch } from './batch-source.ts'
import { planHeap } from './heap-plan.ts'
import type { Recipe, TrainingConfig } from './recipe.ts'
import { takeStep } from './training-step.ts'

/** What a training step of some model reached on this machine. */
export interface TrainingSpeed {
  /** Model FLOPs a second. */
  readonly flopsPerSecond: number
  readonly secondsPerStep: number
  readonly tokensPerStep: number
}

/**
 * Times a few steps of the real model with random ids, as large as the recipe's full batch, and returns all their memory.
 *
 * @param seconds to measure for, about; at least three steps after the first are taken whatever it says
 */
export async function measureTrainingSpeed(machine: Machine, recipe: Recipe, seconds = 2): Promise<TrainingSpeed> {
  const { model: config, training } = recipe
  using _scope = machine.scope()
  const model = createModel(machine, config, { withGradients: true, length: training.rowLength })
  const rng = Random.seeded(recipe.seed).fork('speed')
  initialize(model.parameters.set, config.initStd, rng)
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  const rowTokens = training.rowLength + 1 + config.mtpDepth
  const ids = () => Int32Array.from({ length: training.rows * rowTokens }, () => rng.below(config.vocabSize))
  const settings = { learningRate: training.schedule.learningRate / 100, biasSpeed: 0, mtpWeight: training.schedule.mtpWeight }
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  while (times.length < 4 || performance.now() < end) {
    const batch: TrainingBatch = {
      rows: training.rows,
      length: training.rowLength,
      rowTokens,
      tokens_BS: ids(),
      documentStart_BS: new Int32Array(training.rows * rowTokens),
      domainOfRow_B: new Int32Array(training.rows),
    }
    const from = performance.now()
    await takeStep(model, optimizer, batch, training, false, settings, async () => {})
    times.push((performance.now() - from) / 1000)
  }
  // The first one compiles; what is left of other programs' bursts weighs as in the run itself: the mean.
  const taken = times.slice(1)
  const secondsPerStep = taken.reduce((sum, time) => sum + time, 0) / taken.length
  const tokensPerStep = training.rows * training.rowLength
  return { flopsPerSecond: (tokensPerStep * flopsOfToken(config, training)) / secondsPerStep, secondsPerStep, tokensPerStep }
}

/** Model FLOPs of a token in training, MTP included. */
function flopsOfToken(config: ModelConfig, { rowLength, schedule }: TrainingConfig): number {
  const { total, totalWithMtp } = trainingFlopsPerToken(config, rowLength)
  return schedule.mtpWeight > 0 ? totalWithMtp : total
}

const multiple = (value: number, of: number) => Math.max(of, Math.round(value / of) * of)

/** Widths of the family, narrowest first; `nano` is the one of 128. */
const familyWidths = [48, 64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512, 640, 768, 1024]

/**
 * A model of the family around `nano` and `bench`: depth grows with the width, the latents stay a third and a quarter of it,
 * experts half of it, four of them active.
 *
 * @param width D
 */
export function familyMember(width: number): ModelConfig {
  const { nano, bench } = presets
  if (width === nano.width) return nano
  const isSmall = width < bench.width
  return {
    ...nano,
    vocabSize: isSmall ? nano.vocabSize : bench.vocabSize,
    width,
    layerCount: Math.max(2, Math.min(24, 2 + Math.round(width / 43))),
    headCount: Math.max(4, Math.round(width / 64)),
    queryRank: multiple(width / 3, 16),
    keyValueRank: multiple(width / 4, 16),
    denseFfnWidth: multiple((width * 8) / 3, 16),
    expertFfnWidth: multiple(width / 2, 8),
    expertCount: width < 384 ? 16 : 32,
    maxLength: isSmall ? nano.maxLength : bench.maxLength,
    initStd: 0.006 * Math.sqrt(7168 / width),
  }
}

/**
 * A model is too large for its time when it sees fewer tokens than this for each activated weight. Measured at 3.2e12 FLOPs:
 * held-out prose took 2.23 bits per byte with `nano` (0.04 tokens a weight) and 2.09 with width 128 (0.16).
 */
const leastTokensPerWeight = 0.5
/** Tokens of a batch grow with the square root of the run, from `nano`'s at a million tokens. */
const referenceTokens = 1e6

/**
 * A recipe of the family for a number of tokens: rows, learning rate and warm-up follow from the size.
 *
 * @param base   everything that does not depend on the size
 * @param width  D of the model
 * @param tokens of the run
 */
export function sizedRecipe(base: Recipe, width: number, tokens: number): Recipe {
  const model = familyMember(width)
  const rowLength = model.maxLength
  const baseBatch = base.training.rows * base.training.rowLength
  const rows = Math.max(1, Math.round((baseBatch * Math.sqrt(Math.max(1, tokens / referenceTokens))) / rowLength))
  const steps = Math.max(1, tokens / (rows * rowLength))
  return {
    ...base,
    name: `${base.name}-${width}`,
    model,
    tokenizer: { ...base.tokenizer, vocabSize: model.vocabSize },
    training: {
      ...base.training,
      tokens: Math.max(rowLength, Math.floor(tokens)),
      rowLength,
      rows,
      microRows: Math.min(rows, Math.max(1, Math.floor(4096 / rowLength))),
      schedule: {
        ...base.training.schedule,
        learningRate: base.training.schedule.learningRate * Math.min(1, Math.sqrt(base.model.width / width)),
        warmupSteps: Math.max(1, Math.min(base.training.schedule.warmupSteps, Math.round(steps / 20))),
      },
    },
  }
}

/** A recipe for some seconds of training, and how it came about. */
export interface DerivedRecipe {
  readonly recipe: Recipe
  /** One sentence a step, to be printed and kept. */
  readonly derivation: readonly string[]
}

/**
 * The same model with as many tokens as fit the time.
 *
 * @param base    a recipe whose model stays @param seconds of training @param speed of that very model
 * @param peakFlopsPerSecond probed ceiling, to stand beside it
 */
export function fitTokens(base: Recipe, seconds: number, speed: TrainingSpeed, peakFlopsPerSecond: number): DerivedRecipe {
  const perToken = flopsOfToken(base.model, base.training)
  const tokens = Math.max(base.training.rowLength, Math.floor((seconds * speed.flopsPerSecond) / perToken))
  const steps = Math.max(1, tokens / speed.tokensPerStep)
  const { schedule } = base.training
  const warmupSteps = Math.max(1, Math.min(schedule.warmupSteps, Math.round(steps / 20)))
  return {
    recipe: { ...base, training: { ...base.training, tokens, schedule: { ...schedule, warmupSteps } } },
    derivation: [
      `a step of ${base.name} takes ${formatSeconds(speed.secondsPerStep)} for ${speed.tokensPerStep} tokens: ${formatFlops(speed.flopsPerSecond)}, ${formatShare(speed.flopsPerSecond / peakFlopsPerSecond)} of the probed peak`,
      `${formatSeconds(seconds)} of training at ${formatCount(perToken)} FLOPs a token are ${formatCount(tokens)} tokens`,
    ],
  }
}

/**
 * The model of the family that makes the most of a time: the largest that still sees enough tokens and fits the heap.
 *
 * @param base    everything that does not depend on the size
 * @param seconds of training
 * @param speed   of any model of the family; larger ones reach a larger share of the peak, so this errs on the safe side
 */
export function deriveRecipe(base: Recipe, seconds: number, speed: TrainingSpeed, peakFlopsPerSecond: number): DerivedRecipe {
  const flops = seconds * speed.flopsPerSecond
  const candidates = familyWidths.map((width) => {
    const tokens = flops / flopsOfToken(familyMember(width), { ...base.training, rowLength: familyMember(width).maxLength })
    return { width, tokens, recipe: sizedRecipe(base, width, tokens) }
  })
  const fitting = candidates.filter(
    ({ tokens, recipe: { model, training } }) =>
      tokens >= leastTokensPerWeight * countParameters(model).activated && planHeap(model, training).total <= heapLimitBytes,
  )
  const { recipe, tokens, width } = fitting.at(-1) ?? candidates[0]
  const { total, activated, mtp } = countParameters(recipe.model)
  return {
    recipe,
    derivation: [
      `a step of ${base.name} takes ${formatSeconds(speed.secondsPerStep)} for ${speed.tokensPerStep} tokens: ${formatFlops(speed.flopsPerSecond)}, ${formatShare(speed.flopsPerSecond / peakFlopsPerSecond)} of the probed peak`,
      `${formatSeconds(seconds)} of training are ${formatCount(flops)} FLOPs`,
      `width ${width} with ${recipe.model.layerCount} layers is the largest of the family that then sees at least ${leastTokensPerWeight} tokens for each activated weight: ${formatCount(total + mtp.unique)} parameters, ${formatCount(activated)} activated, ${formatCount(tokens)} tokens`,
      `batches of ${recipe.training.rows} rows of ${recipe.training.rowLength} tokens, learning rate ${recipe.training.schedule.learningRate.toExponential(2)}`,
    ],
  }
}
