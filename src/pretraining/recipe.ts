/**
 * A recipe: the complete configuration of a run, from the text to the samples. Code makes it, `--set` changes it, the run
 * folder keeps it; nothing about a run is decided anywhere else.
 */
import { z } from 'zod'
import { rejectViolations } from '../base/errors.ts'
import { whole, within } from '../base/number-schema.ts'
import { schemaViolations } from '../base/schema-violations.ts'
import { type ModelConfig, modelConfigViolations, presets } from '../architecture/index.ts'
import type { Keeping } from '../compute/index.ts'
import { type AdamWConfig, fixedTokenCount, mostTokens, scheduleViolations, type TrainingSchedule } from '../foundations/index.ts'
import { dataSets, type DataSet } from './data/index.ts'
import { type LaterStages, laterStagesSchema, laterStagesViolations } from './stage-config.ts'

export interface RecipeData {
  /** A built-in set, or `none` when only `paths` are wanted. */
  readonly set: DataSet | 'none'
  /** The user's files and folders. */
  readonly paths: readonly string[]
  /** Share of the rows by domain, in the place of the built-in weights; they need not sum to 1, and 0 leaves one out. */
  readonly weights: Readonly<Record<string, number>>
  /** Of each domain's bytes, 0..1. */
  readonly heldOutShare: number
  /** Share of the documents that are rearranged for filling in the middle, 0..1. */
  readonly fimRate: number
  /** Whether attention stops at the beginning of a document; the report packs without such a mask. */
  readonly maskDocuments: boolean
}

export interface RecipeTokenizer {
  /** Ids, special tokens included; at most the model's rows. */
  readonly vocabSize: number
  /** Text to learn merges from, in bytes, drawn from the domains by their weights. */
  readonly trainingBytes: number
}

export interface TrainingConfig {
  /** Tokens of the whole run. */
  readonly tokens: number
  /** T: tokens in a row. */
  readonly rowLength: number
  /** Rows of a full batch. */
  readonly rows: number
  /** Rows that go through the model at once: memory for time. */
  readonly microRows: number
  readonly optimizer: AdamWConfig
  readonly schedule: TrainingSchedule
  /** alpha of the balance loss. */
  readonly balanceWeight: number
  /** What that loss wants even: each row, as published (the default), or the rows that go through the model at once. */
  readonly balanceOver?: 'sequence' | 'batch'
  /** Whether norms and up-projections are made again on the way back instead of kept: the same gradients, bit for bit. */
  readonly recompute?: boolean
  /** How inputs of linear products and of SwiGLU wait for the backward pass: as they are (the default) or in E4M3. */
  readonly activations?: Keeping['activations']
  /** Steps in a row without a finite loss after which the run stops. */
  readonly nonFiniteLimit: number
  /** Seconds between checkpoints. */
  readonly checkpointSeconds: number
  /** Checkpoints that stay on disk. */
  readonly keptCheckpoints: number
}

export interface RecipeEvaluation {
  /** Held-out text that is scored of each domain, in bytes of UTF-8. */
  readonly bytesPerDomain: number
  /** Scores along the run, at equal distances; 0 for none. */
  readonly scoresAlongTheWay: number
  /** Of each domain, for those. */
  readonly bytesAlongTheWay: number
  /** Names of the tasks that are scored after each stage. */
  readonly tasks: readonly string[]
  /** Items of each task, at most. */
  readonly itemsPerTask: number
  /** Held-out text by position, before and after each stage of context extension, in tokens; 0 for none. */
  readonly positionTokens: number
  /** Needles in each cell of the grid of depths and lengths; 0 for no needle test. */
  readonly needlesPerCell: number
}

export interface RecipeSamples {
  readonly count: number
  /** Held-out text that a sample goes on from, in characters. */
  readonly promptCharacters: number
  readonly maxTokens: number
  readonly temperature: number
  /** Smallest set of tokens whose probabilities reach this, 0..1. */
  readonly topP: number
}

export interface Recipe extends LaterStages {
  readonly name: string
  /** Root of all random streams. */
  readonly seed: number
  readonly model: ModelConfig
  readonly data: RecipeData
  readonly tokenizer: RecipeTokenizer
  readonly training: TrainingConfig
  readonly evaluation: RecipeEvaluation
  readonly samples: RecipeSamples
}

/** What an update of weights needs of a training, whatever its objective. */
export type UpdateConfig = Pick<TrainingConfig, 'optimizer' | keyof Keeping>

/** What a training keeps of activations between the forward and the backward pass. */
export const keepingOf = ({ recompute = false, activations = 'f32' }: Pick<TrainingConfig, keyof Keeping>): Keeping => ({
  recompute,
  activations,
})

/** What a module under `recipes/`, or one of the user's, exports as its default. */
export type RecipeFunction = () => Recipe

/** What `applySettings` cannot see in a recipe's defaults. */
export const recipeRules = {
  choices: {
    'data.set': [...dataSets, 'none'],
    'model.gate': ['sigmoid', 'softmax'],
    'training.activations': ['f32', 'fp8'],
    'training.optimizer.moments': ['f32', 'bf16'],
    'training.optimizer.averageIn': ['heap', 'host'],
  },
  nullable: ['model.queryRank', 'model.yarn', 'training.optimizer.emaDecay', 'extension', 'sft', 'rl', 'ablations'],
  optional: {
    'training.recompute': false,
    'training.activations': 'f32',
    'training.optimizer.moments': 'f32',
    'training.optimizer.averageIn': 'heap',
  },
} as const

const share = within({ from: 0, to: 1 })
const numbersLike = <T extends object>(example: T) =>
  z.strictObject(Object.fromEntries(Object.keys(example).map((key) => [key, z.number()])))

const modelSchema = z.strictObject({
  ...Object.fromEntries(Object.keys(presets.nano).map((key) => [key, z.number()])),
  queryRank: z.number().nullable(),
  gate: z.enum(['sigmoid', 'softmax']),
  isGateNormalized: z.boolean(),
  yarn: numbersLike(presets['deepseek-v3'].yarn!).nullable(),
})

const recipeSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'expected letters, digits, ".", "-" and "_"'),
  seed: whole(0),
  model: modelSchema,
  data: z.strictObject({
    set: z.enum([...dataSets, 'none']),
    paths: z.array(z.string()),
    weights: z.record(z.string(), within({ from: 0 })),
    heldOutShare: within({ from: 0, to: 0.5 }),
    fimRate: share,
    maskDocuments: z.boolean(),
  }),
  tokenizer: z.strictObject({ vocabSize: whole(fixedTokenCount, mostTokens), trainingBytes: whole(1) }),
  training: z.strictObject({
    tokens: whole(1),
    rowLength: whole(2),
    rows: whole(1, 2 ** 20),
    microRows: whole(1, 2 ** 20),
    optimizer: z.strictObject({
      beta1: within({ from: 0, below: 1 }),
      beta2: within({ from: 0, below: 1 }),
      epsilon: within({ above: 0, to: 1 }),
      weightDecay: within({ from: 0, to: 10 }),
      clipNorm: within({ above: 0 }),
      emaDecay: within({ from: 0, below: 1 }).nullable(),
      moments: z.enum(['f32', 'bf16']).optional(),
      averageIn: z.enum(['heap', 'host']).optional(),
    }),
    schedule: z.custom<TrainingSchedule>((value) => typeof value === 'object' && value !== null, 'expected a schedule'),
    balanceWeight: within({ from: 0, to: 10 }),
    balanceOver: z.enum(['sequence', 'batch']).optional(),
    recompute: z.boolean().optional(),
    activations: z.enum(['f32', 'fp8']).optional(),
    nonFiniteLimit: whole(1),
    checkpointSeconds: within({ above: 0 }),
    keptCheckpoints: whole(1),
  }),
  evaluation: z.strictObject({
    bytesPerDomain: whole(1),
    scoresAlongTheWay: whole(0, 10_000),
    bytesAlongTheWay: whole(1),
    tasks: z.array(z.string()),
    itemsPerTask: whole(1, 100_000),
    positionTokens: whole(0, 2 ** 28),
    needlesPerCell: whole(0, 1000),
  }),
  ...laterStagesSchema,
  samples: z.strictObject({
    count: whole(0, 100),
    promptCharacters: whole(1),
    maxTokens: whole(1),
    temperature: within({ from: 0, to: 100 }),
    topP: within({ above: 0, to: 1 }),
  }),
})

/** Rules between the parts, each of which is in its range. */
function contradictions(recipe: Recipe): string[] {
  const { model, data, tokenizer, training, samples } = recipe
  const { rowLength, rows, microRows, tokens, optimizer } = training
  return [
    ...modelConfigViolations(model).map((line) => `model.${line}`),
    ...scheduleViolations(training.schedule).map((line) => `training.schedule.${line}`),
    ...laterStagesViolations(recipe),
    ...(tokenizer.vocabSize > model.vocabSize
      ? [`tokenizer.vocabSize: expected at most model.vocabSize = ${model.vocabSize}, got ${tokenizer.vocabSize}`]
      : []),
    ...(rowLength > model.maxLength ? [`training.rowLength: expected at most model.maxLength = ${model.maxLength}, got ${rowLength}`] : []),
    ...(microRows > rows ? [`training.microRows: expected at most training.rows = ${rows}, got ${microRows}`] : []),
    ...(tokens < rowLength ? [`training.tokens: expected at least one row of ${rowLength}, got ${tokens}`] : []),
    ...(optimizer.averageIn === 'host' && optimizer.emaDecay === null
      ? ['training.optimizer.averageIn: expected a moving average to keep there, got none, since emaDecay is null']
      : []),
    ...(model.maxLength < 2 && samples.count > 0 ? [`samples.count: expected 0 for a model of one position, got ${samples.count}`] : []),
    ...(data.set === 'none' && data.paths.length === 0 ? ['data.set: expected a built-in set or data.paths, got neither'] : []),
  ]
}

/**
 * Checks a recipe that was changed from outside, read from a file or made by the user's code.
 *
 * @param value   perhaps a recipe
 * @param subject what the message is about
 * @param hint    what to do
 * @returns the same value, as a recipe
 * @throws UsageError naming every violation; contradictions between settings are looked for once each is in its range
 */
export function checkRecipe(value: unknown, subject = 'recipe', hint = 'Set each to what is expected.'): Recipe {
  const { success, error } = recipeSchema.safeParse(value)
  rejectViolations(subject, success ? contradictions(value as Recipe) : schemaViolations(error, value, 'recipe'), hint)
  return value as Recipe
}
