/**
 * The one place below `apps` that touches the machine underneath: Node's built-in modules, and what a browser has instead.
 *
 * Nothing here is imported from `node:` statically, so every floor loads in a browser tab. What only Node can do is
 * reached through `node()`, which says so when there is none.
 */
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
  }
  return modules
}

/** Threads that this machine can run at once. */
export function availableThreads(): number {
  return isNode ? node().os.availableParallelism() : (globalThis.navigator?.hardwareConcurrency ?? 1)
}

/**
 * The bytes of a file that ships with the package.
 *
 * @param url address of the file, made with `new URL(…, import.meta.url)`
 */
export async function readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  if (isNode && url.protocol === 'file:') return new Uint8Array(node().fs.readFileSync(url))
  const response = await fetch(url)
  if (!response.ok) throw new UsageError(`${url.pathname}: expected a file, got HTTP status ${response.status}.`)
  return new Uint8Array(await response.arrayBuffer())
}
