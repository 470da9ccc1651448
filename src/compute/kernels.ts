/**
 * The kernels' loader: picks the build that this engine can run, and says which one and why.
 *
 * `relaxed` fuses multiply and add; `plain` is for engines without relaxed SIMD and for golden figures.
 */
import { UsageError } from '../base/errors.ts'
import { readAsset } from '../base/platform.ts'
import type { SharedMemory } from './heap.ts'

export type Dialect = 'relaxed' | 'plain'

/** What the run log keeps about the choice. */
export interface KernelChoice {
  readonly type: 'kernels'
  readonly dialect: Dialect
  readonly reason: string
}

/** A compiled build: a WebAssembly.Module, which only the browser's library has a type for. */
export type KernelModule = object

export interface KernelExports {
  enter(thread: number, mayWait: number): void
  dispatch(opcode: number): void
  serve(): void
}

/** The folder of the builds: beside `dist/`'s floors in the package, `build/kernels` in a clone. */
const folder = import.meta.url.endsWith('.ts') ? '../../build/kernels/' : '../kernels/'

/**
 * Compiles the kernels.
 *
 * @param wanted a build to insist on; without it, the fastest that this engine can run
 * @throws UsageError when the engine cannot run the build, or has no SIMD or no shared memory at all
 */
export async function loadKernels(wanted?: Dialect): Promise<{ module: KernelModule; choice: KernelChoice }> {
  if (typeof SharedArrayBuffer === 'undefined') {
    throw new UsageError(
      'kernels: expected shared memory, got an engine without it. In a browser, serve the page with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.',
    )
  }
  if (wanted !== 'plain') {
    const bytes = await readAsset(new URL(`${folder}relaxed.wasm`, import.meta.url))
    if (WebAssembly.validate(bytes)) {
      const reason = wanted ? 'asked for' : 'this engine has relaxed SIMD: multiply and add are fused'
      return { module: await WebAssembly.compile(bytes), choice: { type: 'kernels', dialect: 'relaxed', reason } }
    }
    if (wanted) throw new UsageError('kernels: expected an engine with relaxed SIMD, got one without it. Use the plain build.')
  }
  const bytes = await readAsset(new URL(`${folder}plain.wasm`, import.meta.url))
  if (!WebAssembly.validate(bytes)) {
    throw new UsageError('kernels: expected an engine with WebAssembly SIMD and threads, got one without. Node 20 or newer has both.')
  }
  const reason = wanted
    ? 'asked for'
    : 'this engine has no relaxed SIMD, so multiply and add are two steps, and slower; Node 22 or newer has it'
  return { module: await WebAssembly.compile(bytes), choice: { type: 'kernels', dialect: 'plain', reason } }
}

/** An instance of the kernels on `memory`, for one thread. */
export function instantiate(module: KernelModule, memory: SharedMemory): KernelExports {
  const abort = () => {
    throw new Error('kernels: abort')
  }
  const imports = { env: { memory: memory as WebAssembly.Memory, abort } }
  return new WebAssembly.Instance(module, imports).exports as unknown as KernelExports
}
