/** What a checkpoint knows beside its tensors: `state.json`, checked on the way out and on the way in. */
import { z } from 'zod'
import { InvariantError, rejectViolations, usageError } from '../base/errors.ts'
import { schemaViolations } from '../base/schema-violations.ts'
import { readTextFile } from '../foundations/index.ts'

/** Raised when the meaning of a field changes. */
const stateVersion = 1
const maxStateBytes = 1 << 24

const count = z.number().int().nonnegative()
const fields = z.strictObject({
  version: z.literal(stateVersion),
  /** Which part of the run: "pretrain", "extend", … Part of the folder's name. */
  stage: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Optimizer steps of the stage that are done. */
  step: count,
  /** Training tokens consumed so far. */
  tokens: count,
  /** Every random stream that is drawn from step by step. */
  random: z.array(z.strictObject({ path: z.string(), draws: count })),
  /** Where the data stand; only their owner reads it. */
  data: z.json(),
  /** Where the schedules stand, by name, as far as step and tokens do not say it. */
  schedule: z.record(z.string(), z.number()),
  /** Of the resolved recipe and of the tokenized data: a run goes on only with its own. */
  recipeHash: z.string(),
  dataHash: z.string(),
})

/** Everything of a run that is not a tensor and that an exact resume needs. */
export type CheckpointState = Readonly<Omit<z.infer<typeof fields>, 'version'>>

/**
 * The text of `state.json`.
 *
 * @throws InvariantError when the state could not be read back: a number that JSON does not have, an unknown field
 */
export function formatState(state: CheckpointState): string {
  const document = { version: stateVersion, ...state }
  const { success, error } = fields.safeParse(document)
  if (!success) throw new InvariantError(`state.json: ${schemaViolations(error, document, 'the file').join('; ')}`)
  return `${JSON.stringify(document, null, 2)}\n`
}

/**
 * Reads `state.json`.
 *
 * @param file its path
 * @throws UsageError naming everything that is wrong with it
 */
export function readState(file: string): CheckpointState {
  let value: unknown
  try {
    value = JSON.parse(readTextFile(file, maxStateBytes))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw usageError(file, 'JSON', cause.message, 'Use an older checkpoint.', cause)
  }
  const { success, data, error } = fields.safeParse(value)
  rejectViolations(file, success ? [] : schemaViolations(error, value, 'the file'), 'Use an older checkpoint.')
  const { version: _, ...state } = data!
  return state
}
