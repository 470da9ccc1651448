/**
 * Checkpoints: everything that makes going on exact. n steps are k steps, a checkpoint, and n - k steps, bit for bit.
 *
 *   checkpoints/<stage>-<step>/
 *     config.json            the sizes, so that a checkpoint says by itself what it holds
 *     model.safetensors      weights and router biases, under the released names
 *     optimizer.safetensors  mean.*, square.* and, where one is kept, average.* under the same names
 *     state.json             step, tokens, random streams, data cursor, hashes (checkpoint-state.ts)
 *
 * A checkpoint is there whole or not at all, and never holds a number that is not finite. Older ones go only when a newer
 * one is in place. Claim: exact resume.
 */
import { rejectViolations, usageError, UsageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { formatHfConfig, type Model, readWeights, weightsToWrite } from '../architecture/index.ts'
import type { Tensor } from '../compute/index.ts'
import {
  type AdamW,
  averageOf,
  momentNumbers,
  openSafetensors,
  readTextFile,
  restoreMoment,
  type TensorSource,
  writeFileWhole,
  writeSafetensors,
} from '../foundations/index.ts'
import { type CheckpointState, formatState, readState } from './checkpoint-state.ts'
import { rejectNonFinite } from './finite-weights.ts'
import { removeFolder, writeFolderWhole } from './whole-folder.ts'

const fileNames = { config: 'config.json', weights: 'model.safetensors', optimizer: 'optimizer.safetensors', state: 'state.json' } as const
const maxConfigBytes = 1 << 20

/** What a checkpoint is taken of, and restored to. */
export interface TrainingTensors {
  readonly model: Model
  readonly optimizer: AdamW
}

export interface WriteCheckpointOptions {
  /** Checkpoints of this stage to keep, the new one included; all of them unless given. At least 1. */
  readonly keepCount?: number
}

/** A checkpoint that can be gone on from. */
export interface FoundCheckpoint {
  readonly folder: string
  readonly state: CheckpointState
}

/** A folder among the checkpoints that cannot be used. */
export interface BrokenCheckpoint {
  readonly folder: string
  readonly reason: string
}

const checkpointsOf = (runFolder: string) => node().path.join(runFolder, 'checkpoints')

/** A tensor of a checkpoint as a window on numbers of AdamW's. */
interface Window {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A vector of the weights' layout as tensors under a prefix: what AdamW keeps of every weight, router biases not. */
function windowsUnder(prefix: string, model: Model, vector: Tensor | Float32Array): Window[] {
  const own = new Set(model.parameters.set.named.flatMap(({ parts }) => parts.map(({ name }) => name)))
  return weightsToWrite(model, vector)
    .filter(({ name }) => own.has(name))
    .map(({ name, shape, data }) => ({ name: `${prefix}.${name}`, shape, data: data as Float32Array }))
}

/** All that AdamW keeps, as windows, and what puts back what was read into those that are copies: moments in bf16. */
function optimizerWindows({ model, optimizer }: TrainingTensors): { readonly windows: Window[]; readonly restore: () => void } {
  const moments = (['mean', 'square'] as const).map((name) => ({ name, moment: optimizer[name], numbers: momentNumbers(optimizer[name]) }))
  const average = averageOf(optimizer)
  return {
    windows: [
      ...moments.flatMap(({ name, numbers }) => windowsUnder(name, model, numbers)),
      ...(average ? windowsUnder('average', model, average) : []),
    ],
    restore: () => moments.forEach(({ moment, numbers }) => restoreMoment(moment, numbers)),
  }
}

/**
 * Writes a checkpoint into a run's folder.
 *
 * @param runFolder of the run; `checkpoints/<stage>-<step>` in it is written, or replaced
 * @param state     with the stage and the step that give the name
 * @returns the checkpoint's folder
 * @throws UsageError when a number is not finite, or the system refuses; every earlier checkpoint is then as it was
 */
export function writeCheckpoint(
  runFolder: string,
  { model, optimizer, state }: TrainingTensors & { readonly state: CheckpointState },
  { keepCount = Infinity }: WriteCheckpointOptions = {},
): string {
  const { path } = node()
  const folder = path.join(checkpointsOf(runFolder), `${state.stage}-${state.step}`)
  const weights = weightsToWrite(model)
  const { windows: moments } = optimizerWindows({ model, optimizer })
  rejectNonFinite(folder, [...weights, ...moments])
  const texts = { [fileNames.config]: formatHfConfig(model.config), [fileNames.state]: formatState(state) }
  writeFolderWhole(folder, (temporary) => {
    const inFolder = (name: string) => path.join(temporary, name)
    for (const [name, text] of Object.entries(texts)) writeFileWhole(inFolder(name), [new TextEncoder().encode(text)])
    writeSafetensors(inFolder(fileNames.weights), weights, { format: 'pt' })
    writeSafetensors(inFolder(fileNames.optimizer), moments, { step: String(optimizer.step) })
  })
  dropOlderCheckpoints(runFolder, state.stage, keepCount, state.step)
  return folder
}

/**
 * Removes a stage's older checkpoints.
 *
 * @param keepCount how many to keep, the latest first; at least 1
 * @param step      of the one to count from; later ones stay; the latest unless given
 */
export function dropOlderCheckpoints(runFolder: string, stage: string, keepCount: number, step = Infinity): void {
  const upTo = checkpointNames(runFolder, stage).filter((checkpoint) => checkpoint.step <= step)
  for (const { folder } of upTo.slice(Math.max(1, keepCount))) removeFolder(folder)
}

/** The folders that are named like checkpoints of a stage, the latest first. Hidden (half-written) ones are not. */
function checkpointNames(runFolder: string, stage: string): { readonly folder: string; readonly step: number }[] {
  const { fs, path } = node()
  const parent = checkpointsOf(runFolder)
  if (!fs.existsSync(parent)) return []
  return fs
    .readdirSync(parent)
    .filter((name) => name.startsWith(`${stage}-`) && /^\d+$/.test(name.slice(stage.length + 1)))
    .map((name) => ({ folder: path.join(parent, name), step: Number(name.slice(stage.length + 1)) }))
    .sort((a, b) => b.step - a.step)
}

/** Step of the last folder that is named like a checkpoint of a stage; null when there is none. */
export const lastCheckpointStep = (runFolder: string, stage: string): number | null => checkpointNames(runFolder, stage)[0]?.step ?? null

/**
 * The latest checkpoint of a stage that is whole, and the later ones that are not.
 *
 * @param runFolder of the run
 * @param stage     "pretrain" unless given
 * @returns found: null when there is none; broken: what was passed over, for a warning
 */
export function latestCheckpoint(
  runFolder: string,
  stage = 'pretrain',
): { readonly found: FoundCheckpoint | null; readonly broken: readonly BrokenCheckpoint[] } {
  const broken: BrokenCheckpoint[] = []
  for (const { folder } of checkpointNames(runFolder, stage)) {
    try {
      const opened = openCheckpoint(folder)
      opened.close()
      return { found: { folder, state: opened.state }, broken }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      broken.push({ folder, reason: error.message })
    }
  }
  return { found: null, broken }
}

interface OpenCheckpoint {
  readonly config: string
  readonly weights: TensorSource
  readonly optimizer: TensorSource
  readonly optimizerStep: number
  readonly state: CheckpointState
  readonly close: () => void
}

/** Opens all files of a checkpoint and checks each by itself. */
function openCheckpoint(folder: string): OpenCheckpoint {
  const { path } = node()
  const inFolder = (name: string) => path.join(folder, name)
  const state = readState(inFolder(fileNames.state))
  const config = readTextFile(inFolder(fileNames.config), maxConfigBytes)
  const weights = openSafetensors(inFolder(fileNames.weights))
  try {
    const optimizer = openSafetensors(inFolder(fileNames.optimizer))
    const close = () => {
      weights.close()
      optimizer.close()
    }
    const step = optimizer.metadata['step'] ?? 'none'
    if (/^\d{1,15}$/.test(step)) return { config, weights, optimizer, optimizerStep: Number(step), state, close }
    optimizer.close()
    throw usageError(optimizer.subject, 'the number of steps taken in its metadata', step, 'Use an older checkpoint.')
  } catch (error) {
    weights.close()
    throw error
  }
}

/**
 * Restores weights, router biases, moments and moving average.
 *
 * @param folder   a checkpoint's
 * @param tensors  laid out for the same configuration and optimizer settings
 * @param expected hashes of the run that goes on; what is given must agree
 * @returns the rest of the state, for the caller to restore
 * @throws UsageError naming everything that does not belong to this run; then nothing has been changed
 */
export function readCheckpoint(
  folder: string,
  tensors: TrainingTensors,
  expected: Partial<Pick<CheckpointState, 'recipeHash' | 'dataHash'>> = {},
): CheckpointState {
  const { config, weights, optimizer, optimizerStep, state, close } = openCheckpoint(folder)
  try {
    const { windows, restore } = optimizerWindows(tensors)
    const violations = [
      ...(config === formatHfConfig(tensors.model.config) ? [] : ['config.json: expected the sizes of this run, got others']),
      ...hashViolations(state, expected),
      ...optimizerViolations(optimizer, windows),
    ]
    rejectViolations(folder, violations, 'Go on with the recipe and the data of the run, or start a new one.')
    readWeights(tensors.model, weights)
    for (const { name, data } of windows) optimizer.readFloat32(name, data)
    restore()
    tensors.optimizer.step = optimizerStep
    return state
  } finally {
    close()
  }
}

/**
 * The weights of a checkpoint alone, as the beginning of the next stage. The stage's configuration may differ in what no
 * tensor has: rotation and longest context.
 *
 * @param folder a checkpoint's, or a model folder
 * @throws UsageError naming every tensor that is missing or of another shape; then nothing has been changed
 */
export function readStageWeights(folder: string, model: Model): void {
  const weights = openSafetensors(node().path.join(folder, fileNames.weights))
  try {
    readWeights(model, weights)
  } finally {
    weights.close()
  }
}

function hashViolations(state: CheckpointState, expected: Partial<Pick<CheckpointState, 'recipeHash' | 'dataHash'>>): string[] {
  const words = { recipeHash: 'recipe', dataHash: 'data' } as const
  return Object.entries(words)
    .filter(([key]) => (expected[key as keyof typeof words] ?? state[key as keyof typeof words]) !== state[key as keyof typeof words])
    .map(([, word]) => `${word}: expected what the checkpoint was made with, got another`)
}

function optimizerViolations(source: TensorSource, windows: readonly Window[]): string[] {
  const expected = new Map(windows.map(({ name, shape }) => [name, shape.join(', ')]))
  const hasAverage = { here: [...expected.keys()].some(isAverage), there: [...source.tensors.keys()].some(isAverage) }
  if (hasAverage.here !== hasAverage.there) {
    const said = (has: boolean) => (has ? 'a moving average of the weights' : 'none')
    return [`optimizer: expected ${said(hasAverage.here)}, got ${said(hasAverage.there)}`]
  }
  const isMissing = [...expected].some(([name, shape]) => source.tensors.get(name)?.shape.join(', ') !== shape)
  const isOther = isMissing || source.tensors.size !== expected.size
  return isOther ? ['optimizer: expected the moments of this model, got those of another'] : []
}

const isAverage = (name: string) => name.startsWith('average.')
