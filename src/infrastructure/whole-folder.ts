/**
 * Folders that are there whole or not at all, as `writeFileWhole` is for files.
 *
 * Everything is written into a hidden folder beside the place, synced, and moved there by name. No system call of Node's
 * exchanges two folders, so an earlier folder is moved aside first; a process that dies between the two moves leaves the
 * earlier one under its hidden name, and `recoverFolder` moves it back. Hidden names carry the writer's process id: what
 * a living process is writing is left alone.
 */
import { UsageError, usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { syncFolder, systemReason } from '../foundations/index.ts'

/** `partial`: not complete yet; `old`: complete, and about to be replaced. */
type HiddenKind = 'partial' | 'old'

const hiddenName = /^\.(.+)\.(\d+)-[0-9a-f]{8}\.(partial|old)$/

function hiddenSibling(folder: string, kind: HiddenKind): string {
  const { path, crypto } = node()
  const name = `.${path.basename(folder)}.${globalThis.process.pid}-${crypto.randomUUID().slice(0, 8)}.${kind}`
  return path.join(path.dirname(folder), name)
}

/** Whether a process of this machine has that id and is not this one. */
export function isOtherProcessAlive(pid: number): boolean {
  if (pid === globalThis.process.pid) return false
  try {
    globalThis.process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** What dead processes left in `parent`: the folder that each was writing, and under what name. */
function leftovers(parent: string): { readonly file: string; readonly target: string; readonly kind: HiddenKind }[] {
  const { fs, path } = node()
  if (!fs.existsSync(parent)) return []
  return fs.readdirSync(parent).flatMap((name) => {
    const [, base, pid, kind] = hiddenName.exec(name) ?? []
    if (base === undefined || isOtherProcessAlive(Number(pid))) return []
    return [{ file: path.join(parent, name), target: path.join(parent, base), kind: kind as HiddenKind }]
  })
}

/**
 * Moves a folder back to its place that a dead process had moved aside and not replaced.
 *
 * @param folder the place; nothing happens when something is there
 */
export function recoverFolder(folder: string): void {
  const { fs, path } = node()
  if (fs.existsSync(folder)) return
  const target = path.resolve(folder)
  const kept = leftovers(path.dirname(target)).find((left) => left.kind === 'old' && left.target === target)
  if (kept) fs.renameSync(kept.file, target)
}

/**
 * Removes what dead processes left half written below `parent`, and puts back what they had moved aside.
 *
 * @param parent a folder; not searched deeper
 * @returns the names that were removed
 */
export function sweepLeftovers(parent: string): string[] {
  const { fs, path } = node()
  const found = leftovers(path.resolve(parent))
  for (const { kind, target } of found) if (kind === 'old') recoverFolder(target)
  const removed = found.filter(({ file }) => fs.existsSync(file))
  for (const { file } of removed) fs.rmSync(file, { recursive: true, force: true })
  return removed.map(({ file }) => path.basename(file))
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
