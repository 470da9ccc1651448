/**
 * What an ablation is: arms that differ from one small base in one thing each, and which of them are compared.
 *
 * An arm is a change of a recipe, at most of how attention begins, or of the arithmetic; arms that come to the same are trained once.
 */
import { initStdForWidth, type ModelConfig } from '../../architecture/index.ts'
import type { Fp8Policy } from '../../infrastructure/index.ts'
import { familyMember } from '../derive.ts'
import type { Recipe } from '../recipe.ts'

export interface Arm {
  readonly name: string
  /** What it is, in words. */
  readonly says: string
  readonly change: (base: Recipe) => Recipe
  /** Factor on the initial weights that expand the latent and that end attention; 1 unless given. */
  readonly attentionStart?: (base: ModelConfig) => number
  /** FP8 in training and scoring; f32 unless given. */
  readonly precision?: Fp8Policy
  /** Numbers that its cache keeps of a token, where that is not the latent and the shared rope key. */
  readonly cacheElementsPerToken?: (model: ModelConfig) => number
}

/** Two arms by name; the difference is variant less control. */
interface Comparison {
  readonly variant: string
  readonly control: string
  /** The domain whose held-out rows count; all of them unless given. */
  readonly domain?: string
}

/** What an ablation measures: loss on held-out rows, or the overload of the busiest expert there. */
export type AblationMetric = 'loss' | 'overload'

export interface AblationPlan {
  readonly arms: readonly Arm[]
  readonly comparisons: readonly Comparison[]
}

export interface Ablation {
  readonly name: string
  /** Ids of claims. */
  readonly claims: readonly string[]
  readonly question: string
  readonly metrics: readonly AblationMetric[]
  /** @param base that the arms change; its weights name every domain of the text */
  readonly plan: (base: Recipe) => AblationPlan
}

/** Width of the models that are compared: half of `nano`'s, an eighth of its work. */
const ablationWidth = 64

/** Tokens of each run where a recipe has no ablations of its own. */
const defaultAblationTokens = 60_000

/** Tokens of a step: a run of some ten thousand tokens is short of steps before anything else. */
const stepTokens = 256

/**
 * The base of a recipe's ablations: the same mechanisms, text and rate in a model of width 64, or in the recipe's own where
 * that is as small; few tokens, in small batches.
 *
 * @param tokens of each run
 */
export function ablationBase(recipe: Recipe, tokens = recipe.ablations?.tokens ?? defaultAblationTokens): Recipe {
  const { model, training } = recipe
  const rows = Math.max(1, Math.min(training.rows, Math.round(stepTokens / training.rowLength)))
  const steps = Math.max(1, Math.ceil(tokens / (rows * training.rowLength)))
  const warmupSteps = Math.max(1, Math.min(training.schedule.warmupSteps, Math.round(steps / 20)))
  return {
    ...recipe,
    name: `${recipe.name}-ablation`,
    model: model.width <= ablationWidth ? model : narrowed(model),
    training: {
      ...training,
      tokens: Math.max(training.rowLength, tokens),
      rows,
      microRows: rows,
      schedule: { ...training.schedule, warmupSteps, firstBatchShare: 1, rampEndShare: 0 },
    },
    extension: null,
    sft: null,
    rl: null,
    ablations: null,
  }
}

/** A model with the family's sizes at the ablations' width, and all of its own mechanisms. */
function narrowed(model: ModelConfig): ModelConfig {
  const small = familyMember(ablationWidth)
  return {
    ...model,
    width: ablationWidth,
    layerCount: Math.min(model.layerCount, small.layerCount),
    denseLayerCount: Math.min(model.denseLayerCount, small.denseLayerCount),
    headCount: Math.min(model.headCount, small.headCount),
    queryRank: model.queryRank === null ? null : Math.min(model.queryRank, small.queryRank!),
    keyValueRank: Math.min(model.keyValueRank, small.keyValueRank),
    denseFfnWidth: Math.min(model.denseFfnWidth, small.denseFfnWidth),
    expertFfnWidth: Math.min(model.expertFfnWidth, small.expertFfnWidth),
    initStd: initStdForWidth(ablationWidth),
  }
}

/** A change of the model. */
export const withModel =
  (change: (model: ModelConfig) => Partial<ModelConfig>) =>
  (base: Recipe): Recipe => ({ ...base, model: { ...base.model, ...change(base.model) } })

/** A change of the training. */
export const withTraining =
  (change: (training: Recipe['training']) => Partial<Recipe['training']>) =>
  (base: Recipe): Recipe => ({ ...base, training: { ...base.training, ...change(base.training) } })
