/**
 * What follows pre-training, as data: context extension, fine-tuning, reinforcement, the ablations beside them. A part that is
 * null is left out of the run. The floors that carry a part out are above this one; a recipe only says what they shall do.
 */
import { z } from 'zod'
import { whole, within } from '../base/number-schema.ts'
import { type ScoredSide, scoredSides, type TrainingSchedule } from '../foundations/index.ts'
import type { TrainingConfig } from './recipe.ts'

/** Context extension in stages: the window grows, the tokens of a step stay. DeepSeek-V3 report, section 4.3. */
export interface ExtensionConfig {
  /** s of YaRN: how many times the pre-training window is stretched; the same in all stages. */
  readonly yarnFactor: number
  /** How many times the window grows in each stage: 8, then 4, as published. */
  readonly factors: readonly number[]
  /** Rows of a step in the last stage; the stages before have as many more as their windows are shorter. */
  readonly lastRows: number
  /** Steps of each stage. */
  readonly steps: number
  /** Constant. */
  readonly learningRate: number
  /** Whether a control goes from the first window to the last at once, with the tokens of all stages. */
  readonly withJump: boolean
}

/** Supervised fine-tuning on conversations. DeepSeek-V3 report, section 5.1. */
export interface SftConfig {
  /** Conversations that are made from the run's own text and from tasks with verifiers; 0 for none. */
  readonly conversations: number
  /** Solved problems beside them, of the tasks and the level that are reinforced afterwards; 0 for none. */
  readonly problems: number
  /** The user's conversations: JSON lines with messages, prompt and completion, or prompt and answer. */
  readonly paths: readonly string[]
  readonly epochs: number
  /** Share of the rows that are pre-training text and not conversations, 0..1, 1 excluded: what keeps the text from being forgotten. */
  readonly replayShare: number
  /** Tokens in a row, and rows of a step. */
  readonly rowLength: number
  readonly rows: number
  /** Highest rate of the cosine, and its end as a share of that. */
  readonly learningRate: number
  readonly lastFactor: number
}

/** Reinforcement with verifiers (GRPO). DeepSeek-V3 report, section 5.2. */
export interface RlConfig {
  /** Names of tasks, or of families of them. */
  readonly tasks: readonly string[]
  /** Of the problems; 0 is the easiest. A task without it gives its hardest. */
  readonly level: number
  /** Module that exports `verify(problem, reply)`; null for the tasks' own verifiers. */
  readonly verifier: string | null
  readonly steps: number
  readonly problemsPerStep: number
  /** G: replies to each problem. */
  readonly samplesPerProblem: number
  /** Of a reply. */
  readonly maxTokens: number
  /** Updates on each batch of replies; the first is on-policy. */
  readonly updatesPerStep: number
  /** Highest rate of the cosine, and its end as a share of that; 1 for a constant rate, as published. */
  readonly learningRate: number
  readonly lastFactor: number
  /** epsilon: how far a ratio may move before it is cut off. */
  readonly clip: number
  /** beta: weight of the divergence from the reference. */
  readonly klWeight: number
  /** Problems for the accuracy before and after, of all tasks together. */
  readonly heldOutProblems: number
  /** The side that they are drawn from: validation while settings are being chosen, held-out for what is reported. */
  readonly scoredOn: ScoredSide
  /** Steps of a control whose rewards are shuffled among the replies; 0 for none. */
  readonly shuffledSteps: number
}

/** Pairs of small runs, with one mechanism and without it. */
export interface AblationsConfig {
  /** Names of ablations. */
  readonly names: readonly string[]
  /** Tokens of each run. */
  readonly tokens: number
  readonly seeds: number
}

/** Everything of a recipe that comes after pre-training. */
export interface LaterStages {
  readonly extension: ExtensionConfig | null
  readonly sft: SftConfig | null
  readonly rl: RlConfig | null
  readonly ablations: AblationsConfig | null
}

const rate = within({ above: 0, to: 1 })

/** Schemas of the parts, for the recipe's own. */
export const laterStagesSchema = {
  extension: z
    .strictObject({
      yarnFactor: within({ from: 1, to: 1e4 }),
      factors: z.array(whole(2)).min(1).max(2),
      lastRows: whole(1, 2 ** 20),
      steps: whole(1),
      learningRate: rate,
      withJump: z.boolean(),
    })
    .nullable(),
  sft: z
    .strictObject({
      conversations: whole(0, 1e6),
      problems: whole(0, 1e6),
      paths: z.array(z.string()),
      epochs: whole(1, 1000),
      replayShare: within({ from: 0, to: 0.95 }),
      rowLength: whole(16),
      rows: whole(1, 2 ** 20),
      learningRate: rate,
      lastFactor: within({ from: 0, to: 1 }),
    })
    .nullable(),
  rl: z
    .strictObject({
      tasks: z.array(z.string()).min(1),
      level: whole(0, 100),
      verifier: z.string().nullable(),
      steps: whole(1),
      problemsPerStep: whole(1, 4096),
      samplesPerProblem: whole(2, 1024),
      maxTokens: whole(1),
      updatesPerStep: whole(1, 64),
      learningRate: rate,
      lastFactor: within({ from: 0, to: 1 }),
      clip: within({ above: 0, to: 100 }),
      klWeight: within({ from: 0, to: 10 }),
      heldOutProblems: whole(1, 1e6),
      scoredOn: z.enum(scoredSides),
      shuffledSteps: whole(0),
    })
    .nullable(),
  ablations: z.strictObject({ names: z.array(z.string()), tokens: whole(1), seeds: whole(1, 100) }).nullable(),
}

/**
 * Window of each stage of context extension, in tokens.
 *
 * @param pretrainWindow tokens in a row of pre-training
 */
export function extensionWindows({ factors }: ExtensionConfig, pretrainWindow: number): number[] {
  let window = pretrainWindow
  return factors.map((factor) => (window *= factor))
}

/** Rules between the settings of a later stage; one line each. */
export function laterStagesViolations({ extension, sft, rl }: LaterStages): string[] {
  const violations: string[] = []
  if (extension) {
    const whole = extension.factors.reduce((product, factor) => product * factor, 1)
    if (whole > extension.yarnFactor)
      violations.push(`extension.yarnFactor: expected at least ${whole}, the product of extension.factors, got ${extension.yarnFactor}`)
  }
  if (sft && sft.conversations === 0 && sft.problems === 0 && sft.paths.length === 0)
    violations.push('sft.conversations: expected conversations, sft.problems or sft.paths, got none')
  if (sft && sft.problems > 0 && rl === null) violations.push('sft.problems: expected 0 in a recipe that does not reinforce')
  return violations
}

/** What a stage does otherwise than pre-training. */
interface StageTraining {
  readonly tokens: number
  readonly rowLength: number
  readonly rows: number
  readonly microRows: number
  readonly learningRate: number
  /** End of the cosine as a share of the rate; 1 for a constant rate. */
  readonly lastFactor: number
}

/**
 * The training configuration of a later stage: optimizer, balance and limits are pre-training's, batches are whole from the
 * beginning, the routers' biases rest as at the end of pre-training, and MTP keeps its late weight.
 */
export function stageTraining(pretraining: TrainingConfig, { learningRate, lastFactor, ...size }: StageTraining): TrainingConfig {
  const { schedule } = pretraining
  const later: TrainingSchedule = {
    learningRate,
    warmupSteps: 0,
    decayStartShare: 0,
    decayEndShare: 1,
    decayedFactor: lastFactor,
    lastStartShare: 1,
    lastFactor,
    firstBatchShare: 1,
    rampEndShare: 0,
    biasSpeed: 0,
    biasEndShare: 1,
    mtpWeight: schedule.lateMtpWeight,
    lateMtpWeight: schedule.lateMtpWeight,
    mtpDropShare: 1,
  }
  return { ...pretraining, ...size, schedule: later }
}
