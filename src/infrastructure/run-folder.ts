/**
 * A run's folder: what a run is made of and what it leaves, in one place that one process at a time works in.
 *
 *   recipe.json   the resolved recipe: complete, so that the run can be repeated from it
 *   events.jsonl  every event of every stage, appended and never changed
 *   checkpoints/  to go on from (checkpoint.ts)
 *   model/        the result (model-folder.ts)
 */
import { usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { openRunLog, type RunEvent, type RunLog } from '../base/run-log.ts'
import { readTextFile, syncFolder, systemReason, writeFileWhole } from '../foundations/index.ts'
import { lockFolder } from './run-lock.ts'
import { sweepLeftovers } from './whole-folder.ts'

/** A run's folder that this process works in. */
export interface RunFolder<E extends RunEvent> {
  readonly folder: string
  readonly modelFolder: string
  /** The document of recipe.json. */
  readonly recipe: unknown
  readonly log: RunLog<E>
  /** What an earlier process had left half written, by name; it is gone. */
  readonly swept: readonly string[]
  /** Closes the log and lets others in. */
  readonly close: () => void
  readonly [Symbol.dispose]: () => void
}

const recipeName = 'recipe.json'
const eventsName = 'events.jsonl'
const maxRecipeBytes = 1 << 24

/** Whether there is a run in this folder. */
export function isRunFolder(folder: string): boolean {
  const { fs, path } = node()
  return fs.existsSync(path.join(folder, recipeName))
}

/** Path of a run's events. */
export const eventsFile = (folder: string): string => node().path.join(folder, eventsName)

/**
 * The recipe of a run, as a document.
 *
 * @throws UsageError when there is none, or it is not JSON
 */
export function readRecipe(folder: string): unknown {
  const { path } = node()
  const file = path.join(folder, recipeName)
  try {
    return JSON.parse(readTextFile(file, maxRecipeBytes)) as unknown
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw usageError(file, 'JSON', cause.message, 'Start a new run under another name.', cause)
  }
}

/**
 * A digest of a document that does not depend on the order of its keys: names a recipe, or data.
 *
 * @returns SHA-256 in hexadecimal
 */
export function documentHash(document: unknown): string {
  const sorted = JSON.stringify(document, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return node().crypto.createHash('sha256').update(sorted).digest('hex')
}

/**
 * Begins a run.
 *
 * @param folder new, or empty
 * @param recipe everything that decides what the run does, as JSON
 * @throws UsageError when something is in the folder already, somebody works in it, or it cannot be written
 */
export function createRunFolder<E extends RunEvent>(folder: string, recipe: unknown): RunFolder<E> {
  const { fs, path } = node()
  refuse(folder, () => {
    rejectOccupied(folder)
    fs.mkdirSync(path.join(folder, 'checkpoints'), { recursive: true })
  })
  return enter(folder, () => {
    rejectOccupied(folder)
    writeFileWhole(path.join(folder, recipeName), [new TextEncoder().encode(`${JSON.stringify(recipe, null, 2)}\n`)])
    syncFolder(path.dirname(path.resolve(folder)))
  })
}

/** A run begins in an empty folder, or in one where an earlier beginning was cut short. */
function rejectOccupied(folder: string): void {
  const { fs } = node()
  if (isRunFolder(folder))
    throw usageError(folder, 'a new run', 'one that is there already', 'Go on with --resume, or choose another name.')
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  const other = names.find((name) => !name.startsWith('.') && name !== 'checkpoints' && name !== eventsName)
  if (other !== undefined) throw usageError(folder, 'an empty folder', `one with ${other} in it`, 'Choose another name.')
}

/**
 * Enters the folder of a run that was begun before.
 *
 * @param check looks at the folder once it is this process's and before anything in it is changed; what it throws leaves all as it was
 * @throws UsageError when there is no run, somebody works in it, or it cannot be written
 */
export function openRunFolder<E extends RunEvent>(folder: string, check: () => void = () => {}): RunFolder<E> {
  const { fs } = node()
  if (!fs.existsSync(folder)) throw usageError(folder, 'the folder of a run', 'nothing there', 'Check the path.')
  if (!isRunFolder(folder)) throw usageError(folder, 'the folder of a run', 'one without recipe.json', 'Check the path.')
  return enter(folder, check)
}

/** Locks, prepares, reads. The lock is given back when any of it fails. */
function enter<E extends RunEvent>(folder: string, prepare: () => void): RunFolder<E> {
  const { path } = node()
  const unlock = refuse(folder, () => lockFolder(folder))
  try {
    prepare()
    const swept = refuse(folder, () => [
      ...sweepLeftovers(folder, true),
      ...sweepLeftovers(path.join(folder, 'checkpoints'), true),
      ...sweepFiles(folder),
    ])
    const recipe = readRecipe(folder)
    const log = openRunLog<E>(eventsFile(folder))
    const close = () => {
      log.close()
      unlock()
    }
    return { folder, modelFolder: path.join(folder, 'model'), recipe, log, swept, close, [Symbol.dispose]: close }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Files that `writeFileWhole` had not finished when a process ended. */
function sweepFiles(folder: string): string[] {
  const { fs, path } = node()
  const swept = fs.readdirSync(folder).filter((name) => /^\..+\.[0-9a-f-]{36}\.partial$/.test(name))
  for (const name of swept) fs.rmSync(path.join(folder, name), { force: true })
  return swept
}

/** What the system refuses, in the house's words. */
function refuse<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    throw usageError(folder, 'a folder that can be written', systemReason(cause), 'Check its permissions or choose another place.', cause)
  }
}
