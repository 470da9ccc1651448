/**
 * Context extension: the trained model goes on with longer rows, its rotations stretched by YaRN, in stages.
 *
 * As in the DeepSeek-V3 report (4.3): YaRN's settings are the same in every stage, only the window grows; a step has the same
 * tokens in every stage, so longer rows are fewer rows; the rate is constant. Rows are packed as in pre-training and drawn
 * from a stream of the stage's own. The control goes to the last window at once, with the tokens of all stages.
 * Claim: pretraining.staged-context.
 */
import { type ModelConfig, trainingFlopsPerToken, type YarnConfig } from '../architecture/index.ts'
import { heapLimitBytes } from '../compute/index.ts'
import { fimOptions, Mixture } from './data/index.ts'
import type { Stage } from './events.ts'
import { planHeap } from './heap-plan.ts'
import type { PreparedText } from './prepare-text.ts'
import type { Recipe, TrainingConfig } from './recipe.ts'
import { type ExtensionConfig, extensionWindows, stageTraining } from './stage-config.ts'
import { type StageOutcome, type StageSurroundings, trainStage } from './stage-in-folder.ts'

export type ExtensionStageName = Extract<Stage, `extend-${string}`>

/** One stage: what the model is in it, how it is trained, and whose last checkpoint it begins from. */
export interface ExtensionStage {
  readonly stage: ExtensionStageName
  readonly model: ModelConfig
  readonly training: TrainingConfig
  readonly from: Extract<Stage, 'pretrain' | 'extend-1'>
}

const stageNames = ['extend-1', 'extend-2'] as const

/** Settings that the report publishes, without the factor and the trained length. */
const reportYarn = { betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 1 } as const

/** Pieces of a document are read in stretches of so many rows, so that a long row is mostly one text. */
const rowsInStretch = 4
/** As in pre-training, whose rows are short. */
const leastStretchTokens = 2048

/** A recipe's model with its rotations stretched to a window. */
function stretched({ model, training }: Recipe, { yarnFactor }: ExtensionConfig, window: number): ModelConfig {
  const yarn: YarnConfig = { ...reportYarn, factor: yarnFactor, originalLength: training.rowLength }
  return { ...model, yarn, maxLength: window }
}

/** Rows that go through the model at once: as many tokens as the longest row, which has to fit whole; fewer if they do not. */
function microRowsFor(model: ModelConfig, training: TrainingConfig, window: number, longest: number): number {
  let microRows = Math.max(1, Math.min(training.rows, Math.floor(longest / window)))
  while (microRows > 1 && planHeap(model, { ...training, microRows }).total > heapLimitBytes) microRows = Math.ceil(microRows / 2)
  return microRows
}

/**
 * The stages that a recipe asks for, the control last; none without `recipe.extension`.
 *
 * A control of a single stage would be that stage again, so there is none.
 */
export function extensionStages(recipe: Recipe): ExtensionStage[] {
  const { extension } = recipe
  if (extension === null) return []
  const { lastRows, steps, learningRate, withJump } = extension
  const windows = extensionWindows(extension, recipe.training.rowLength)
  const longest = windows.at(-1)!
  const tokensPerStep = lastRows * longest
  const stageOf = (stage: ExtensionStageName, window: number, stepCount: number, from: ExtensionStage['from']): ExtensionStage => {
    const model = stretched(recipe, extension, window)
    const size = { tokens: stepCount * tokensPerStep, rowLength: window, rows: tokensPerStep / window, microRows: 1 }
    const training = stageTraining(recipe.training, { ...size, learningRate, lastFactor: 1 })
    return { stage, model, training: { ...training, microRows: microRowsFor(model, training, window, longest) }, from }
  }
  const stages = windows.map((window, index) => stageOf(stageNames[index], window, steps, index === 0 ? 'pretrain' : 'extend-1'))
  return withJump && windows.length > 1 ? [...stages, stageOf('extend-jump', longest, windows.length * steps, 'pretrain')] : stages
}

/**
 * Trains one stage in the run's folder, from where it stands there.
 *
 * @param from folder of the last checkpoint of `stage.from`
 * @throws UsageError as `trainStage`
 */
export async function trainExtension(
  surroundings: StageSurroundings,
  text: PreparedText,
  { stage, model, training }: ExtensionStage,
  from: string,
): Promise<StageOutcome> {
  const { recipe } = surroundings
  const source = new Mixture(text.tokenized, {
    seed: recipe.seed,
    stream: stage,
    extra: model.mtpDepth,
    stretchTokens: Math.max(leastStretchTokens, rowsInStretch * training.rowLength),
    fim: recipe.data.fimRate > 0 ? fimOptions(text.tokenizer, recipe.data.fimRate) : undefined,
  })
  return trainStage({
    ...surroundings,
    stage,
    model,
    training,
    source,
    maskDocuments: recipe.data.maskDocuments,
    dataHash: text.tokenized.fingerprint,
    from,
    decode: (ids) => text.tokenizer.decode(ids),
  })
}

/** The last stage before fine-tuning: what it begins from. */
export function baseStage(recipe: Recipe): Extract<Stage, 'pretrain' | 'extend-1' | 'extend-2'> {
  const count = recipe.extension?.factors.length ?? 0
  return count === 0 ? 'pretrain' : stageNames[count - 1]
}

/**
 * The sizes of the model at the end of a stage; fine-tuning and reinforcement inherit those of the last extension.
 *
 * @param stage one that the recipe has
 */
export function configAfter(recipe: Recipe, stage: Stage): ModelConfig {
  if (stage === 'pretrain') return recipe.model
  const stages = extensionStages(recipe)
  const own = stages.find((other) => other.stage === stage) ?? stages.find((other) => other.stage === baseStage(recipe))
  return own?.model ?? recipe.model
}

/** What a token costs in training when rows are this long. */
export interface WindowCost {
  /** Tokens in a row. */
  readonly window: number
  /** Main model and MTP modules, causal attention. */
  readonly flopsPerToken: number
  /** Of these, scores and weighted values; they grow with the window, everything else does not. */
  readonly attentionShare: number
  /** Cost beside that of the first window. */
  readonly costRatio: number
}

/**
 * Cost of a training token by window: why long windows come last.
 *
 * @param windows in tokens; the first one is what the others are compared with
 */
export function costByWindow(config: ModelConfig, windows: readonly number[]): WindowCost[] {
  const costOf = (window: number) => trainingFlopsPerToken(config, window).totalWithMtp
  const withoutAttention = costOf(0)
  return windows.map((window) => {
    const flopsPerToken = costOf(window)
    return {
      window,
      flopsPerToken,
      attentionShare: (flopsPerToken - withoutAttention) / flopsPerToken,
      costRatio: flopsPerToken / costOf(windows[0]),
    }
  })
}
