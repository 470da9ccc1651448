/**
 * The one place below `apps` that touches the machine underneath: Node's built-in modules, and what a browser has instead.
 *
 * Nothing here is imported from `node:` statically, so every floor loads in a browser tab. What only Node can do is
 * reached through `node()`, which says so when there is none.
 */
/// <reference types="node" preserve="true" />
import { UsageError } from './errors.ts'

interface NodeModules {
  readonly fs: typeof import('node:fs')
  readonly path: typeof import('node:path')
  readonly os: typeof import('node:os')
  readonly crypto: typeof import('node:crypto')
  readonly zlib: typeof import('node:zlib')
  readonly url: typeof import('node:url')
  readonly childProcess: typeof import('node:child_process')
  readonly workerThreads: typeof import('node:worker_threads')
  readonly vm: typeof import('node:vm')
  readonly v8: typeof import('node:v8')
}

let modules: NodeModules | undefined

/** Whether this is Node and not a browser tab. */
export const isNode = typeof globalThis.process?.getBuiltinModule === 'function'

/**
 * Node's built-in modules.
 *
 * @throws UsageError in a browser
 */
export function node(): NodeModules {
  if (!isNode) throw new UsageError('platform: expected Node, got a browser. Files and processes are reached from Node only.')
  const load = globalThis.process.getBuiltinModule
  modules ??= {
    fs: load('node:fs'),
    path: load('node:path'),
    os: load('node:os'),
    crypto: load('node:crypto'),
    zlib: load('node:zlib'),
    url: load('node:url'),
    childProcess: load('node:child_process'),
    workerThreads: load('node:worker_threads'),
    vm: load('node:vm'),
    v8: load('node:v8'),
  }
  return modules
}

// The package is compiled for engines that have no `using`; what it compiles to needs the symbol, which they lack too.
if (Symbol.dispose === undefined) Object.defineProperty(Symbol, 'dispose', { value: Symbol('Symbol.dispose') })

/** Work that was cut off because it did not end in time. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime'
}

let place: import('node:vm').Context | undefined

/**
 * Does synchronous work that somebody else wrote, and cuts it off when it does not end. A browser has no way to: there it is done as it is.
 *
 * @param work what it closes over may be left half changed
 * @throws OutOfTime, and whatever the work throws
 */
export function endingWithin<T>(seconds: number, work: () => T): T {
  if (!isNode) return work()
  const { vm } = node()
  // One context for all: a new one takes a millisecond.
  place ??= vm.createContext({ work })
  place['work'] = work
  try {
    return vm.runInContext('work()', place, { timeout: seconds * 1000 }) as T
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw cause
    throw new OutOfTime(`expected an end within ${seconds} s, got none`, { cause })
  }
}

/** Threads that this machine can run at once. */
export function availableThreads(): number {
  return isNode ? node().os.availableParallelism() : (globalThis.navigator?.hardwareConcurrency ?? 1)
}

/** More threads than any machine of this kind runs: a typing mistake. */
export const mostThreads = 256

/**
 * The folder for what was fetched once and can be fetched again: `STRATA_CACHE`, or `strata` in the place that the
 * operating system keeps for caches. It may not exist yet.
 */
export function cacheFolder(): string {
  const { os, path } = node()
  const { STRATA_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = globalThis.process.env
  if (STRATA_CACHE) return path.resolve(STRATA_CACHE)
  if (globalThis.process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'strata')
  if (globalThis.process.platform === 'win32')
    return path.join(LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'strata', 'cache')
  return path.join(XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : path.join(os.homedir(), '.cache'), 'strata')
}

/**
 * The bytes of a file that ships with the package.
 *
 * @param url address of the file, made with `new URL(…, import.meta.url)`
 * @throws UsageError when there is no such file
 */
export async function readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (isNode && url.protocol === 'file:') {
    const { fs, url: urls } = node()
    if (!fs.existsSync(url))
      throw new UsageError(`${urls.fileURLToPath(url)}: expected a file of this package, got nothing. Install or build it again.`)
    return new Uint8Array(fs.readFileSync(url))
  }
  const response = await fetch(url)
  if (!response.ok) throw new UsageError(`${url.pathname}: expected a file, got HTTP status ${response.status}.`)
  return new Uint8Array(await response.arrayBuffer())
}
