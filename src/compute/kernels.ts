/**
 * The kernels' loader: picks the build that this engine can run, and says which one and why.
 *
 * `relaxed` fuses multiply and add; `plain` is for engines without relaxed SIMD and for golden figures. Of `relaxed` there is
 * a second build, `wide`, with the same bits, for engines that join vectors (wide-vectors.ts).
 */
import { said, UsageError, usageError } from '../base/errors.ts'
import { readAsset } from '../base/platform.ts'
import type { SharedMemory } from './heap.ts'
import { settleVectorBits, type VectorBits } from './wide-vectors.ts'

export type Dialect = 'relaxed' | 'plain'

/** What the run log keeps about the choice. */
export interface KernelChoice {
  readonly type: 'kernels'
  readonly dialect: Dialect
  readonly reason: string
}

/** A compiled build: a WebAssembly.Module, which only the browser's library has a type for. */
export type KernelModule = object

/** A compiled build, and what it is. */
export interface LoadedKernels {
  readonly module: KernelModule
  readonly choice: KernelChoice
  /** Bits of a vector: a matter of speed, no number depends on it. */
  readonly vectorBits: VectorBits
}

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
 * @param wantedBits of a vector; without it 128, or 256 where vectors have been joined
 * @throws UsageError when the engine cannot run the build, or has no SIMD or no shared memory at all
 */
export async function loadKernels(wanted?: Dialect, wantedBits?: VectorBits): Promise<LoadedKernels> {
  if (typeof SharedArrayBuffer === 'undefined') {
    throw new UsageError(
      'kernels: expected shared memory, got an engine without it. In a browser, serve the page with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.',
    )
  }
  if (![undefined, 128, 256].includes(wantedBits))
    throw usageError('vectorBits', '128 or 256', said(wantedBits), 'Leave it away for what the process has.')
  if (wanted === 'plain' && wantedBits === 256)
    throw usageError('vectorBits', '128 for the plain build', '256', 'Leave the dialect away, or ask for relaxed.')
  if (wanted !== 'plain') {
    const bits = settleVectorBits(wantedBits)
    const bytes = await readAsset(new URL(`${folder}${bits === 256 ? 'wide' : 'relaxed'}.wasm`, import.meta.url))
    if (WebAssembly.validate(bytes)) {
      const joined = bits === 256 ? '; pairs of vectors are joined to 256 bits' : ''
      const reason = (wanted ? 'asked for' : 'this engine has relaxed SIMD: multiply and add are fused') + joined
      return { module: await WebAssembly.compile(bytes), choice: { type: 'kernels', dialect: 'relaxed', reason }, vectorBits: bits }
    }
    if (wanted || wantedBits === 256)
      throw new UsageError('kernels: expected an engine with relaxed SIMD, got one without it. Use the plain build.')
  }
  const bytes = await readAsset(new URL(`${folder}plain.wasm`, import.meta.url))
  if (!WebAssembly.validate(bytes)) {
    throw new UsageError('kernels: expected an engine with WebAssembly SIMD and threads, got one without. Node 20 or newer has both.')
  }
  const reason = wanted
    ? 'asked for'
    : 'this engine has no relaxed SIMD, so multiply and add are two steps, and slower; Node 22 or newer has it'
  return { module: await WebAssembly.compile(bytes), choice: { type: 'kernels', dialect: 'plain', reason }, vectorBits: 128 }
}

/** An instance of the kernels on `memory`, for one thread. */
export function instantiate(module: KernelModule, memory: SharedMemory): KernelExports {
  const abort = () => {
    throw new Error('kernels: abort')
  }
  const imports = { env: { memory: memory as WebAssembly.Memory, abort } }
  return new WebAssembly.Instance(module, imports).exports as unknown as KernelExports
}
