/**
 * One process at a time in a run's folder.
 *
 * A lock says whose it is: the process, when it started, on which machine. A lock whose process has ended is taken over,
 * also when another process has its number by now: after a restart of the machine, or in a new container.
 */
import { usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'

interface LockOwner {
  readonly pid: number
  readonly host: string
  /** Start of the process, in seconds since 1970. */
  readonly startedAt: number
  /** What the system says of that very process and no other; null where it cannot be asked. */
  readonly identity: string | null
}

/** A lock without readable contents is being written at this moment, unless it is older than this. */
const writingMilliseconds = 10_000
/** By how much two clocks that are read one after the other may differ, after they were set anew. */
const clockSeconds = 60

/** Linux: the boot and the tick at which a process started. Field 22 of stat; the name in field 2 may hold anything but ends with ")". */
function identityOf(pid: number): string | null {
  const { fs } = node()
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return `${fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`
  } catch {
    return null
  }
}

function thisProcess(): LockOwner {
  const { pid } = globalThis.process
  return { pid, host: node().os.hostname(), startedAt: Date.now() / 1000 - globalThis.process.uptime(), identity: identityOf(pid) }
}

/** Whether a process of this machine has that number. */
export function isProcessAlive(pid: number): boolean {
  try {
    globalThis.process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether the owner may still be at work. On another machine nobody can tell, so it may. */
function isHeld({ pid, host, startedAt, identity }: LockOwner): boolean {
  const { os } = node()
  if (host !== os.hostname()) return true
  if (!isProcessAlive(pid)) return false
  const now = identityOf(pid)
  if (identity !== null && now !== null) return identity === now
  if (pid === globalThis.process.pid) return Math.abs(startedAt - thisProcess().startedAt) < clockSeconds
  const bootAt = Date.now() / 1000 - os.uptime()
  return startedAt > bootAt - clockSeconds
}

/** The owner as the file says; null when there is none that can be read; undefined when there is no file. */
function readOwner(file: string): LockOwner | null | undefined {
  const { fs } = node()
  try {
    const { pid, host, startedAt, identity } = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<LockOwner>
    const isOwner = Number.isSafeInteger(pid) && pid! > 0 && typeof host === 'string' && typeof startedAt === 'number'
    return isOwner ? { pid: pid!, host, startedAt, identity: typeof identity === 'string' ? identity : null } : null
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null
  }
}

function refuse(subject: string, file: string, owner: LockOwner | null): never {
  const since = owner && new Date(owner.startedAt * 1000).toISOString().slice(0, 16).replace('T', ' ')
  const who = owner ? `process ${owner.pid} on ${owner.host}, started at ${since} UTC` : 'a process that has just begun'
  const hint = `Wait for it or end it, or choose another name. If that process is gone, remove ${file}.`
  throw usageError(subject, 'a folder that nobody is working in', `one in use by ${who}`, hint)
}

/**
 * Takes the lock of a folder.
 *
 * @param folder exists
 * @returns gives the lock back; calling it twice does no harm
 * @throws UsageError saying who has it
 */
export function lockFolder(folder: string): () => void {
  const { fs, path } = node()
  const file = path.join(folder, '.lock')
  const mine = JSON.stringify(thisProcess())
  while (!writeNew(file, mine)) {
    const owner = readOwner(file)
    if (owner === undefined) continue
    if (owner ? isHeld(owner) : Date.now() - fs.statSync(file).mtimeMs < writingMilliseconds) refuse(folder, file, owner)
    removeStale(file, owner)
  }
  return () => {
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === mine) fs.rmSync(file)
  }
}

/** → false when there is a lock already */
function writeNew(file: string, text: string): boolean {
  try {
    node().fs.writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

/** Takes the file aside before it goes: if somebody else was faster, what was taken is their new lock, and goes back. */
function removeStale(file: string, stale: LockOwner | null): void {
  const { fs, crypto } = node()
  const aside = `${file}.${crypto.randomUUID()}`
  try {
    fs.renameSync(file, aside)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw cause
  }
  if (JSON.stringify(readOwner(aside)) === JSON.stringify(stale)) fs.rmSync(aside)
  else fs.renameSync(aside, file)
}
