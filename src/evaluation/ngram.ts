/**
 * A byte n-gram model: what counting alone achieves on the same bytes, between the general compressors and the network.
 *
 *   p(c | h) = (count(h c) + kinds(h) p(c | h')) / (count(h) + kinds(h))
 *
 * h is the bytes before c, h' the same without its first one, kinds(h) how many different bytes were seen behind h; behind the
 * empty context comes the uniform distribution over 256 bytes. (Witten and Bell, 1991; interpolated as in Chen and Goodman,
 * 1998.) It is trained on training text, like the network, and does not learn from what it scores.
 * Claim: foundations.reading-tools.
 */
import { invariant } from '../base/errors.ts'

/** Longest context in bytes: with its length and the next byte a key is 51 bits, exact in a double. */
const mostContextBytes = 5

/** What an n-gram model achieves on held-out text, for an event. */
export interface NgramScore {
  readonly bitsPerByte: number
  readonly contextBytes: number
  readonly trainingBytes: number
}

/** Counts by key, open addressing with linear probing; the key 0 is free because every key begins with a length above 0. */
class CountTable {
  #keys = new Float64Array(2 ** 16)
  #counts = new Uint32Array(2 ** 16)
  #used = 0

  /** The count so far; then one more. */
  increment(key: number): number {
    if (this.#used * 2 >= this.#keys.length) this.#grow()
    const slot = this.#slotOf(key)
    if (this.#keys[slot] === 0) {
      this.#keys[slot] = key
      this.#used++
    }
    return this.#counts[slot]++
  }

  get(key: number): number {
    return this.#counts[this.#slotOf(key)]
  }

  /** Where a key is, or the free place where it would be. */
  #slotOf(key: number): number {
    const mask = this.#keys.length - 1
    const high = Math.floor(key / 2 ** 32)
    let hash = Math.imul((key | 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35)
    let slot = (hash ^ (hash >>> 16)) & mask
    while (this.#keys[slot] !== key && this.#keys[slot] !== 0) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [keys, counts] = [this.#keys, this.#counts]
    this.#keys = new Float64Array(keys.length * 2)
    this.#counts = new Uint32Array(keys.length * 2)
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === 0) continue
      const slot = this.#slotOf(keys[i])
      this.#keys[slot] = keys[i]
      this.#counts[slot] = counts[i]
    }
  }
}

/** Counts of a text, and the probabilities that follow from them. Made by `trainNgram`. */
export class NgramModel {
  readonly contextBytes: number
  #trainingBytes = 0
  /** count(h c), count(h), kinds(h). */
  readonly #pairs = new CountTable()
  readonly #contexts = new CountTable()
  readonly #kinds = new CountTable()

  constructor(contextBytes: number) {
    invariant(
      contextBytes >= 0 && contextBytes <= mostContextBytes,
      `n-gram: expected 0 to ${mostContextBytes} bytes of context, got ${contextBytes}`,
    )
    this.contextBytes = contextBytes
  }

  get trainingBytes(): number {
    return this.#trainingBytes
  }

  /** Counts a text. */
  learn(bytes: Uint8Array): void {
    this.#trainingBytes += bytes.length
    for (let i = 0; i < bytes.length; i++) {
      const longest = Math.min(i, this.contextBytes)
      for (let length = 0, context = 0; ; context += bytes[i - 1 - length] * 256 ** length++) {
        const key = keyOf(length, context)
        this.#contexts.increment(key)
        if (this.#pairs.increment(key * 256 + bytes[i]) === 0) this.#kinds.increment(key)
        if (length === longest) break
      }
    }
  }

  /** Bits of the byte at `i` of a text. */
  bitsOf(bytes: Uint8Array, i: number): number {
    let p = 1 / 256
    const longest = Math.min(i, this.contextBytes)
    for (let length = 0, context = 0; ; context += bytes[i - 1 - length] * 256 ** length++) {
      const key = keyOf(length, context)
      const total = this.#contexts.get(key)
      // No longer context was seen either.
      if (total === 0) break
      const kinds = this.#kinds.get(key)
      p = (this.#pairs.get(key * 256 + bytes[i]) + kinds * p) / (total + kinds)
      if (length === longest) break
    }
    return -Math.log2(p)
  }

  /** Bits per byte of texts, each from its own beginning. @param texts not all empty */
  score(texts: readonly string[]): NgramScore {
    const encoder = new TextEncoder()
    let bits = 0
    let count = 0
    for (const text of texts) {
      const bytes = encoder.encode(text)
      for (let i = 0; i < bytes.length; i++) bits += this.bitsOf(bytes, i)
      count += bytes.length
    }
    return { bitsPerByte: bits / count, contextBytes: this.contextBytes, trainingBytes: this.#trainingBytes }
  }
}

/** A context of `length` bytes, the nearest one lowest; the length stands above it. */
const keyOf = (length: number, context: number) => (length + 1) * 2 ** 40 + context

/**
 * Counts training text.
 *
 * @param texts        training documents; the last one read is cut off
 * @param mostBytes    of UTF-8
 * @param contextBytes at most 5
 */
export function trainNgram(texts: Iterable<string>, mostBytes: number, contextBytes = mostContextBytes): NgramModel {
  const model = new NgramModel(contextBytes)
  const encoder = new TextEncoder()
  for (const text of texts) {
    const left = mostBytes - model.trainingBytes
    if (left <= 0) break
    model.learn(encoder.encode(text).subarray(0, left))
  }
  return model
}
