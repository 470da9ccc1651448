/**
 * The machine that tensors live on: one heap, one pool of threads, one build of the kernels, and the tape that records
 * when something is to be differentiated.
 */
import { invariant, said, usageError } from '../base/errors.ts'
import { availableThreads, isNode, mostThreads } from '../base/platform.ts'
import { Heap, type Scope, type SharedMemory } from './heap.ts'
import { type Dialect, instantiate, type KernelChoice, type KernelExports, type LoadedKernels, loadKernels } from './kernels.ts'
import { type KernelName, opcodes } from './opcodes.ts'
import { type PoolThread, startThread } from './pool.ts'
import type { PackedWeights } from './ops/packed-weights.ts'
import type { LinearPrecision } from './precision.ts'
import type { Tape } from './tape.ts'
import { Tensor, type Dtype, dtypeBytes } from './tensor.ts'
import type { VectorBits } from './wide-vectors.ts'

/** The control block, as kernels/threads.ts lays it out; numbers of 32-bit words. */
const threadsWord = 132 / 4
const stopWord = 136 / 4
const generationWord = 64 / 4
const argumentWord = 1024 / 4
/** Where kernels/simd.ts finds its constants. */
const constantsAddress = 2048
const baseBytes = 65536
const exponential = [
  -87.3,
  88,
  Math.LOG2E,
  0.693359375,
  -2.1219444e-4,
  1.98756915e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
  1,
  1.5 * 2 ** 23,
]

/** Numbers of the buffer in which a thread computes edges of products (EDGE in kernels/micro.ts). */
export const edgeNumbers = 128
/** Numbers that a thread needs beside its tile: an edge buffer and a transposed block (kernels/gemm.ts). */
const threadScratch = edgeNumbers + 96 * (512 + 16)

const word = new Int32Array(1)
const float = new Float32Array(word.buffer)

/** The bits of an f32, to pass it among a kernel's arguments. */
export function bits(value: number): number {
  float[0] = value
  return word[0]
}

export interface MachineOptions {
  /** Threads, the main one included; default: as many as the machine has. */
  readonly threads?: number
  /** A build of the kernels to insist on. */
  readonly dialect?: Dialect
  /**
   * Bits of a vector to insist on; default: 128, or 256 once anybody in the process has asked for them. 256 holds for all
   * WebAssembly of the process from then on: see wide-vectors.ts.
   */
  readonly vectorBits?: VectorBits
}

/** One heap, one pool of threads, one build of the kernels; every tensor belongs to one. `Machine.start` makes it, `close` ends it. */
export class Machine {
  readonly heap: Heap
  readonly threads: number
  readonly kernels: KernelChoice
  /** Bits of a vector of its kernels: a matter of speed, no number depends on it. */
  readonly vectorBits: VectorBits
  /** Where ops record their backward passes; null while nothing is to be differentiated. */
  tape: Tape | null = null
  /** How the operands of linear products are rounded; null leaves all of them in f32. */
  precision: LinearPrecision | null = null
  /** Weights that products find packed already; null where each product packs its own. */
  packed: PackedWeights | null = null
  /** Space of all threads for `gemm` and `gemmTransposed`. */
  readonly gemmScratch: number
  /** Two row offsets, [0, M], for products without groups. */
  readonly wholeRange: number
  readonly #exports: KernelExports
  readonly #pool: readonly PoolThread[]
  #words: Int32Array

  private constructor(
    memory: SharedMemory,
    exports: KernelExports,
    { choice, vectorBits }: Pick<LoadedKernels, 'choice' | 'vectorBits'>,
    pool: readonly PoolThread[],
  ) {
    this.heap = new Heap(memory, baseBytes)
    this.kernels = choice
    this.vectorBits = vectorBits
    this.threads = pool.length + 1
    this.#exports = exports
    this.#pool = pool
    this.#words = new Int32Array(memory.buffer)
    this.#words[threadsWord] = this.threads
    new Float32Array(memory.buffer, constantsAddress, exponential.length).set(exponential)
    this.gemmScratch = this.heap.allocate(this.threads * threadScratch * 4)
    this.wholeRange = this.heap.allocate(8)
  }

  /**
   * Starts a machine.
   *
   * @throws UsageError for a number of threads that is none, and when this engine cannot run the kernels
   */
  static async start(options: MachineOptions = {}): Promise<Machine> {
    const { threads = availableThreads() } = options
    if (!Number.isInteger(threads) || threads < 1 || threads > mostThreads)
      throw usageError('threads', `a whole number from 1 to ${mostThreads}`, said(threads), 'Leave it away for all that the machine has.')
    const { module, ...loaded } = await loadKernels(options.dialect, options.vectorBits)
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true })
    const exports = instantiate(module, memory)
    exports.enter(0, isNode ? 1 : 0)
    const pool = await Promise.all(Array.from({ length: threads - 1 }, (_, i) => startThread(module, memory, i + 1)))
    return new Machine(memory, exports, loaded, pool)
  }

  /** Runs one kernel on all threads. @param values addresses and whole numbers; f32 as `bits(x)` */
  run(kernel: KernelName, ...values: readonly number[]): void {
    for (let i = 0; i < values.length; i++) this.#words[argumentWord + i] = values[i]!
    this.#exports.dispatch(opcodes[kernel])
  }

  /** A tensor with undefined contents, in the innermost scope. */
  tensor(shape: readonly number[], dtype: Dtype = 'f32'): Tensor {
    let count = 1
    for (const size of shape) count *= size
    return new Tensor(this, this.heap.allocate(count * dtypeBytes[dtype]), shape, dtype)
  }

  /** A tensor with the given numbers. */
  tensorOf(values: ArrayLike<number>, shape: readonly number[], dtype: Dtype = 'f32'): Tensor {
    const tensor = this.tensor(shape, dtype)
    invariant(values.length === tensor.count, `tensorOf: expected ${tensor.count} numbers for [${shape.join(', ')}], got ${values.length}`)
    tensor.data.set(values)
    return tensor
  }

  /** A tensor of zeros. */
  zeros(shape: readonly number[], dtype: Dtype = 'f32'): Tensor {
    const tensor = this.tensor(shape, dtype)
    this.run('fill', tensor.address, Math.ceil((tensor.count * dtypeBytes[dtype]) / 4), bits(0))
    return tensor
  }

  /** Opens a scope of the heap. */
  scope(): Scope {
    return this.heap.scope()
  }

  /** Ends the pool's threads; the machine is of no use afterwards. */
  close(): void {
    Atomics.store(this.#words, stopWord, 1)
    Atomics.add(this.#words, generationWord, 1)
    Atomics.notify(this.#words, generationWord)
    for (const thread of this.#pool) thread.terminate()
  }
}
