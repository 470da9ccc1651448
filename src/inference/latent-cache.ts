/**
 * What a sequence leaves behind for its next tokens: of each layer the normalised latent and the rotated key that all heads
 * share, side by side. C + R numbers a token and layer, where ordinary attention would keep 2 H W.
 *
 *   layer 0: [latent (C) | key (R)] of token 0, of token 1, … up to the capacity; layer 1: …
 *
 * Lives in the heap's scope that was innermost when it was made: make it outside the scopes of steps. Source: DeepSeek-V3
 * report, section 2.1.1. Claim: architecture.latent-cache.
 */
import { invariant, usageError } from '../base/errors.ts'
import type { Model, ModelConfig } from '../architecture/index.ts'
import type { Tensor } from '../compute/index.ts'

/** Bytes that one token occupies in the cache, all layers together: 4 (C + R) L. */
export function latentCacheBytesPerToken({ keyValueRank, ropeWidth, layerCount }: ModelConfig): number {
  return 4 * (keyValueRank + ropeWidth) * layerCount
}

/** The cache of one sequence: grows as tokens come, up to the model's longest context. */
export class LatentCache {
  readonly model: Model
  readonly layerCount: number
  readonly bytesPerToken: number
  /** Tokens that it holds. */
  length = 0
  #capacity: number
  #address: number

  /**
   * @param capacity   room for so many tokens at first; it grows up to the model's longest context
   * @param layerCount layers to keep: those of the trunk, or of a module that drafts
   */
  constructor(model: Model, capacity = 64, layerCount = model.config.layerCount) {
    this.model = model
    this.layerCount = layerCount
    this.bytesPerToken = latentCacheBytesPerToken({ ...model.config, layerCount })
    this.#capacity = Math.max(1, Math.min(capacity, this.maxLength))
    this.#address = model.machine.heap.allocate(this.bytes)
  }

  /** Tokens that the model can look back on: its longest context. */
  get maxLength(): number {
    return Math.min(this.model.config.maxLength, this.model.cosine_TP.shape[0])
  }

  /** Tokens that there is room for. */
  get capacity(): number {
    return this.#capacity
  }

  /** Memory that it occupies, in bytes. */
  get bytes(): number {
    return this.#capacity * this.bytesPerToken
  }

  /** Address of token 0 in layer 0. It moves when the cache grows. */
  get address(): number {
    return this.#address
  }

  /** From a layer to the next, in bytes. */
  get layerBytes(): number {
    return this.bytes / this.layerCount
  }

  /**
   * Makes room for `tokens` in all: what is there is kept, and the room at least doubles.
   *
   * @throws UsageError beyond the model's longest context
   */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return
    const { maxLength, length, layerCount, layerBytes: oldLayerBytes } = this
    if (tokens > maxLength)
      throw usageError('context', `at most ${maxLength} tokens`, `${tokens}`, 'Use a shorter prompt or generate fewer tokens.')
    const { heap } = this.model.machine
    const oldAddress = this.#address
    this.#capacity = Math.min(maxLength, Math.max(tokens, 2 * this.#capacity))
    this.#address = heap.allocate(this.bytes)
    const bytes = new Uint8Array(heap.memory.buffer)
    const usedBytes = (length * this.bytesPerToken) / layerCount
    for (let layer = 0; layer < layerCount; layer++) {
      const from = oldAddress + layer * oldLayerBytes
      bytes.copyWithin(this.#address + layer * this.layerBytes, from, from + usedBytes)
    }
    heap.free(oldAddress)
  }

  /**
   * Writes what prefill made of one layer, from token `length` on; `length` itself is moved when all layers are written.
   *
   * latent_MC     normalised; a view of columns will do
   * ropeKey_MR    rotated; a view of columns will do
   */
  write(layerIndex: number, latent_MC: Tensor, ropeKey_MR: Tensor): void {
    const { keyValueRank: C, ropeWidth: R } = this.model.config
    const rows = latent_MC.shape[0]
    invariant(this.length + rows <= this.#capacity, `cache: expected room for ${rows} more, got ${this.#capacity - this.length}`)
    const numbers = new Float32Array(this.model.machine.heap.memory.buffer)
    let to = (this.#address + layerIndex * this.layerBytes) / 4 + this.length * (C + R)
    let latent = latent_MC.address / 4
    let key = ropeKey_MR.address / 4
    for (let m = 0; m < rows; m++) {
      numbers.copyWithin(to, latent, latent + C)
      numbers.copyWithin(to + C, key, key + R)
      latent += latent_MC.rowStride
      key += ropeKey_MR.rowStride
      to += C + R
    }
  }

  /** Takes over what another cache of the same layers holds, in place of what is here. */
  copyFrom(other: LatentCache): void {
    invariant(other.layerCount === this.layerCount, `cache: expected ${this.layerCount} layers, got ${other.layerCount}`)
    this.length = 0
    this.reserve(other.length)
    const bytes = new Uint8Array(this.model.machine.heap.memory.buffer)
    const usedBytes = (other.length * this.bytesPerToken) / this.layerCount
    for (let layer = 0; layer < this.layerCount; layer++) {
      const from = other.address + layer * other.layerBytes
      bytes.copyWithin(this.#address + layer * this.layerBytes, from, from + usedBytes)
    }
    this.length = other.length
  }

  /** Forgets all tokens from `length` on: a rejected draft, another ending of the same beginning. */
  truncate(length: number): void {
    invariant(length >= 0 && length <= this.length, `cache: expected 0 ≤ ${length} ≤ ${this.length}`)
    this.length = length
  }

  /** Returns its memory. */
  free(): void {
    this.model.machine.heap.free(this.#address)
  }
}
