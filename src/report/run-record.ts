/**
 * What a run's folder says about the run: the events of all stages, and the document in recipe.json. The summary is made
 * from these two and from nothing else.
 */
import { z } from 'zod'
import { rejectViolations, usageError } from '../base/errors.ts'
import { schemaViolations } from '../base/schema-violations.ts'
import type { KernelChoice, Probe } from '../compute/index.ts'
import type { BitsPerByte, EvaluationEvent } from '../evaluation/index.ts'
import type { InferenceEvent, RoutingEvent } from '../inference/index.ts'
import type { PosttrainingEvent } from '../posttraining/index.ts'
import { type AblationEvent, checkRecipe, type DataEvent, type Recipe, type Stage, type TrainingEvent } from '../pretraining/index.ts'

/** What was asked for on the command line: a run goes on only for those who ask for the same. */
export interface Asked {
  /** Name or file of the recipe. */
  readonly recipe: string
  readonly settings: readonly string[]
  readonly data: readonly string[]
  readonly conversations: readonly string[]
  readonly seed: number | null
  /** Seconds for the whole run, and what follows from them: the tokens of the recipe's model, or the model too. */
  readonly budget: { readonly seconds: number; readonly derives: 'tokens' | 'model' } | null
}

/** Raised when a run's folder changes its meaning: an older one is then not gone on with. */
export const runFormat = 3

/** recipe.json: the resolved recipe, and where and how it was resolved. */
export interface RunDocument {
  readonly format: typeof runFormat
  readonly recipe: Recipe
  readonly asked: Asked
  /** How size and tokens follow from the time, one sentence a step. */
  readonly derivation: readonly string[]
  readonly versions: { readonly strata: string; readonly node: string }
  readonly machine: {
    readonly platform: string
    readonly processor: string
    readonly memoryBytes: number
    readonly kernels: Omit<KernelChoice, 'type'>
  }
  /** Measured before training. */
  readonly ceilings: Probe
}

/** A score on the way, on less text. */
export interface ProgressScoreEvent {
  readonly type: 'evaluation/on-the-way'
  readonly step: number
  readonly scores: readonly BitsPerByte[]
}

export interface SampleEvent {
  readonly type: 'samples/text'
  readonly domain: string
  readonly prompt: string
  readonly text: string
  readonly temperature: number
  readonly topP: number
}

/** The parts of a run, each done once. */
export type PartName = Stage | `evaluate-${Stage}` | 'samples' | 'inference' | 'ablations'

/** A part is done. */
export interface StageEvent {
  readonly type: 'run/stage'
  readonly stage: PartName | 'data'
  readonly seconds: number
}

/** Something that was done otherwise than asked for. */
export interface WarningEvent {
  readonly type: 'run/warning'
  readonly message: string
}

export type RunRecordEvent =
  | KernelChoice
  | DataEvent
  | TrainingEvent
  | EvaluationEvent
  | RoutingEvent
  | PosttrainingEvent
  | InferenceEvent
  | AblationEvent
  | ProgressScoreEvent
  | SampleEvent
  | StageEvent
  | WarningEvent

const documentSchema = z.object({
  format: z.literal(runFormat),
  recipe: z.unknown(),
  asked: z.object({
    recipe: z.string(),
    settings: z.array(z.string()),
    data: z.array(z.string()),
    conversations: z.array(z.string()),
    seed: z.number().nullable(),
    budget: z.object({ seconds: z.number().positive(), derives: z.enum(['tokens', 'model']) }).nullable(),
  }),
  derivation: z.array(z.string()),
  versions: z.object({ strata: z.string(), node: z.string() }),
  machine: z.object({
    platform: z.string(),
    processor: z.string(),
    memoryBytes: z.number(),
    kernels: z.object({ dialect: z.enum(['relaxed', 'plain']), reason: z.string() }),
  }),
  ceilings: z.object({
    gflopsOneThread: z.number().positive(),
    gflopsAllThreads: z.number().positive(),
    streamGBs: z.number().positive(),
    threads: z.number().int().positive(),
  }),
})

/**
 * Checks a recipe.json that was read.
 *
 * @param document the parsed file @param file its name in messages
 * @throws UsageError saying what is wrong with it
 */
export function checkRunDocument(document: unknown, file: string): RunDocument {
  const { format, versions } = (document ?? {}) as { readonly format?: unknown; readonly versions?: { readonly strata?: unknown } | null }
  const writer = `written by Strata ${String(versions?.strata ?? 'of another version')}`
  const isNewer = typeof format === 'number' && format > runFormat
  if (isNewer) throw usageError(file, `a run of format ${runFormat}`, `format ${format}, ${writer}`, 'Use that version, or a newer one.')
  if (typeof versions === 'object' && format !== runFormat)
    throw usageError(file, `a run of format ${runFormat}`, `format ${String(format ?? 1)}, ${writer}`, otherVersionHint)
  const { success, data, error } = documentSchema.safeParse(document)
  rejectViolations(file, success ? [] : schemaViolations(error, document, 'the file'), damageHint)
  return { ...data!, recipe: checkRecipe(data!.recipe, file, `The run was ${writer}, or its record is damaged. ${otherVersionHint}`) }
}

const otherVersionHint = 'Start a new run under another name; this one stays as it is.'
const damageHint = `The record of the run is damaged. ${otherVersionHint}`
