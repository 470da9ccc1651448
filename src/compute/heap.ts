/**
 * One shared memory that holds every tensor.
 *
 * Scopes nest: what was allocated in a scope goes when the scope ends (`using step = heap.scope()`), all at once. Inside a
 * scope single blocks may be returned earlier; the holes are reused first-fit and merge with their neighbours. There are
 * no reference counts and no finalizers: the owner of a block is the scope, or whoever frees it before.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { InvariantError, UsageError } from '../base/errors.ts'
import { formatBytes } from '../base/format.ts'

const pageBytes = 65536
/** Blocks start on a cache line. */
const alignment = 64
/** Four GiB, the reach of a 32-bit address, less the last page. */
export const heapLimitBytes = 65536 * pageBytes - pageBytes

interface Hole {
  start: number
  end: number
}

/** A part of the heap's life; ending it returns everything that was allocated since it began. */
export interface Scope extends Disposable {
  /** Level of the heap when the scope began, in bytes. */
  readonly startBytes: number
}

/** What the heap needs of a WebAssembly.Memory: declarations name no type that only the browser's library has. */
export interface SharedMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** The allocator over one shared memory: nested scopes, holes reused first-fit. */
export class Heap {
  readonly memory: SharedMemory
  /** Most bytes that were ever in use at once, the holes below the top included. */
  peakBytes: number
  #top: number
  readonly #scopes: { start: number; holes: Hole[] }[]
  readonly #sizeOfBlock = new Map<number, number>()

  /** @param memory a shared memory  @param baseBytes bytes at the front that are not the heap's */
  constructor(memory: SharedMemory, baseBytes: number) {
    this.memory = memory
    this.#top = baseBytes
    this.peakBytes = baseBytes
    this.#scopes = [{ start: baseBytes, holes: [] }]
  }

  /** The first byte that is free all the way up, in bytes. */
  get levelBytes(): number {
    return this.#top
  }

  /**
   * A block, its contents undefined.
   *
   * @param bytes size, in bytes; 0 is allowed
   * @returns its address, a multiple of 64
   * @throws UsageError when the heap would pass 4 GiB
   */
  allocate(bytes: number): number {
    const size = Math.max(alignment, Math.ceil(bytes / alignment) * alignment)
    const { holes } = this.#scopes.at(-1)!
    for (let i = 0; i < holes.length; i++) {
      const hole = holes[i]
      if (hole.end - hole.start < size) continue
      const address = hole.start
      hole.start += size
      if (hole.start === hole.end) holes.splice(i, 1)
      this.#sizeOfBlock.set(address, size)
      return address
    }
    const address = this.#top
    this.#reach(address + size)
    this.#top = address + size
    this.#sizeOfBlock.set(address, size)
    return address
  }

  /** Returns one block of the innermost scope before the scope ends. */
  free(address: number): void {
    const size = this.#sizeOfBlock.get(address)
    const { start, holes } = this.#scopes.at(-1)!
    if (size === undefined || address < start) throw new InvariantError(`heap: expected a live block of this scope, got ${address}`)
    this.#sizeOfBlock.delete(address)
    let at = holes.findIndex((hole) => hole.start > address)
    if (at < 0) at = holes.length
    holes.splice(at, 0, { start: address, end: address + size })
    if (at + 1 < holes.length && holes[at].end === holes[at + 1].start) holes[at].end = holes.splice(at + 1, 1)[0].end
    if (at > 0 && holes[at - 1].end === holes[at].start) holes[at - 1].end = holes.splice(at, 1)[0].end
    const last = holes.at(-1)
    if (last?.end === this.#top) {
      this.#top = last.start
      holes.pop()
    }
  }

  /** Opens a scope; end it with `using` or `[Symbol.dispose]()`, innermost first. */
  scope(): Scope {
    const frame = { start: this.#top, holes: [] as Hole[] }
    this.#scopes.push(frame)
    return {
      startBytes: frame.start,
      [Symbol.dispose]: () => {
        if (this.#scopes.at(-1) !== frame) throw new InvariantError('heap: expected the innermost scope to end first')
        this.#scopes.pop()
        for (const address of this.#sizeOfBlock.keys()) if (address >= frame.start) this.#sizeOfBlock.delete(address)
        this.#top = frame.start
      },
    }
  }

  /**
   * Watches the level of the heap until `end`, from what is in use now on; watches do not nest.
   *
   * @returns end: the most bytes that were in use since, beyond those in use when it began
   */
  watchPeak(): { readonly end: () => number } {
    const [before, start] = [this.peakBytes, this.#top]
    this.peakBytes = start
    return {
      end: () => {
        const reached = this.peakBytes - start
        this.peakBytes = Math.max(before, this.peakBytes)
        return reached
      },
    }
  }

  #reach(bytes: number) {
    if (bytes > heapLimitBytes) {
      throw new UsageError(
        `heap: expected at most ${formatBytes(heapLimitBytes)}, got a need for ${formatBytes(bytes)}. Use a smaller model, fewer rows in a batch, or a shorter context.`,
      )
    }
    const missing = bytes - this.memory.buffer.byteLength
    try {
      if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes))
    } catch (cause) {
      throw new UsageError(`heap: this machine refused to grow it to ${formatBytes(bytes)}. Close other programs or use a smaller model.`, {
        cause,
      })
    }
    this.peakBytes = Math.max(this.peakBytes, bytes)
  }
}
