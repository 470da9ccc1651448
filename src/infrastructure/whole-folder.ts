/**
 * Folders that are there whole or not at all, as `writeFileWhole` is for files.
 *
 * Everything is written into a hidden folder beside the place, synced, and moved there by name. No system call of Node's
 * exchanges two folders, so an earlier folder is moved aside first; a process that dies between the two moves leaves the
 * earlier one under its hidden name, and `recoverFolder` moves it back. Hidden names carry the writer's process and machine:
 * what a living process is writing is left alone.
 */
import { UsageError, usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { syncFolder, systemReason } from '../foundations/index.ts'
import { isProcessAlive } from './run-lock.ts'

/** `partial`: not complete yet; `old`: complete, and about to be replaced. */
type HiddenKind = 'partial' | 'old'

const hiddenName = /^\.(.+)\.(\d+)-([0-9a-f]{4})[0-9a-f]{8}\.(partial|old)$/

/** Four digits for this machine: on a shared disk, the processes of others cannot be asked. */
function machineDigits(): string {
  const { crypto, os } = node()
  return crypto.createHash('sha256').update(os.hostname()).digest('hex').slice(0, 4)
}

function hiddenSibling(folder: string, kind: HiddenKind): string {
  const { path, crypto } = node()
  const writer = `${globalThis.process.pid}-${machineDigits()}${crypto.randomUUID().slice(0, 8)}`
  return path.join(path.dirname(folder), `.${path.basename(folder)}.${writer}.${kind}`)
}

interface Leftover {
  readonly file: string
  /** The folder that was being written. */
  readonly target: string
  readonly kind: HiddenKind
}

/** What dead processes left in `parent`; with `isOwned`, what any process left. */
function leftovers(parent: string, isOwned: boolean): Leftover[] {
  const { fs, path } = node()
  if (!fs.existsSync(parent)) return []
  return fs.readdirSync(parent).flatMap((name) => {
    const [, base, pid, machine, kind] = hiddenName.exec(name) ?? []
    if (base === undefined) return []
    const isDead = machine === machineDigits() && (Number(pid) === globalThis.process.pid || !isProcessAlive(Number(pid)))
    if (!isOwned && !isDead) return []
    return [{ file: path.join(parent, name), target: path.join(parent, base), kind: kind as HiddenKind }]
  })
}

/**
 * Moves a folder back to its place that a dead process had moved aside and not replaced.
 *
 * @param folder  the place; nothing happens when something is there
 * @param isOwned whether nobody else can be writing there, as under the lock of a run
 */
export function recoverFolder(folder: string, isOwned = false): void {
  const { fs, path } = node()
  if (fs.existsSync(folder)) return
  const target = path.resolve(folder)
  const kept = leftovers(path.dirname(target), isOwned).find((left) => left.kind === 'old' && left.target === target)
  if (kept) fs.renameSync(kept.file, target)
}

/**
 * Removes what dead processes left half written in `parent`, and puts back what they had moved aside.
 *
 * @param parent  a folder; not searched deeper
 * @param isOwned whether nobody else can be writing there, as under the lock of a run
 * @returns the names that were removed
 */
export function sweepLeftovers(parent: string, isOwned = false): string[] {
  const { fs, path } = node()
  const found = leftovers(path.resolve(parent), isOwned)
  for (const { kind, target } of found) if (kind === 'old') recoverFolder(target, isOwned)
  const removed = found.filter(({ file }) => fs.existsSync(file))
  for (const { file } of removed) fs.rmSync(file, { recursive: true, force: true })
  return removed.map(({ file }) => path.basename(file))
}

/**
 * Removes a folder in one step for everybody who looks for it, and its contents after that.
 *
 * @throws UsageError when the system refuses
 */
export function removeFolder(folder: string): void {
  const { fs, path } = node()
  const aside = hiddenSibling(path.resolve(folder), 'partial')
  try {
    fs.renameSync(folder, aside)
    fs.rmSync(aside, { recursive: true, force: true })
  } catch (cause) {
    throw usageError(folder, 'a folder that can be removed', systemReason(cause), 'Check its permissions.', cause)
  }
}

/**
 * Writes a folder whole or not at all. An earlier folder of that name stays until the new one is complete.
 *
 * @param folder where it will be; the folders above are made
 * @param write  puts the files into the folder that it is given, each synced (`writeFileWhole`)
 * @throws UsageError when the system refuses, a full disk included, and whatever `write` throws; nothing is left behind
 */
export function writeFolderWhole(folder: string, write: (temporary: string) => void): void {
  const { fs, path } = node()
  const target = path.resolve(folder)
  const parent = path.dirname(target)
  const temporary = hiddenSibling(target, 'partial')
  try {
    fs.mkdirSync(parent, { recursive: true })
    sweepLeftovers(parent)
    fs.mkdirSync(temporary)
    write(temporary)
    syncFolder(temporary)
    moveIn(temporary, target)
  } catch (cause) {
    fs.rmSync(temporary, { recursive: true, force: true })
    if (cause instanceof UsageError) throw new UsageError(cause.message.replaceAll(temporary, folder), { cause })
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    const hint = 'Nothing was changed. Free some space or choose another folder.'
    throw usageError(folder, 'room and permission to write', systemReason(cause), hint, cause)
  }
}

function moveIn(temporary: string, target: string): void {
  const { fs, path } = node()
  const aside = fs.existsSync(target) ? hiddenSibling(target, 'old') : null
  if (aside) fs.renameSync(target, aside)
  try {
    fs.renameSync(temporary, target)
  } catch (cause) {
    if (aside) fs.renameSync(aside, target)
    throw cause
  }
  syncFolder(path.dirname(target))
  if (aside) fs.rmSync(aside, { recursive: true, force: true })
}
