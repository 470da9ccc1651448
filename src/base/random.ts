/**
 * Named, counter-based random streams.
 *
 * A stream is a 64-bit key made from a seed and a path of names, and a counter. Draw number n of a stream depends on
 * nothing but (key, n): a stream does not move when another one is used more, and a checkpoint stores a path and a number.
 * Keys of forks come from counters whose last word is 1, draws from counters whose last word is 0: they never meet.
 * The mixing function is Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 */
import { invariant } from './errors.ts'

const rounds = 10

/** One block of Philox 4x32-10: counter and key in, four 32-bit words out. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0)
    const high1 = multiplyHigh(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0]
}

function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (middle % 0x10000)
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)
}

/** FNV-1a over UTF-16 code units, twice with different offsets: a 64-bit digest of a name. */
function hashName(name: string, seed: readonly [number, number]): [number, number] {
  let a = seed[0] ^ 0x811c9dc5
  let b = seed[1] ^ 0x050c5d1f
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit ^ (a >>> 13), 0x85ebca6b)
  }
  const [x, y] = philox([a, b, name.length, 1], seed)
  return [x, y]
}

/** What a checkpoint stores of a stream. */
export interface RandomState {
  readonly path: string
  readonly draws: number
}

/** One random stream. Forked streams are independent of it and of each other. */
export class Random {
  readonly path: string
  readonly #key: readonly [number, number]
  readonly #block = new Uint32Array(4)
  #draws = 0

  private constructor(key: readonly [number, number], path: string) {
    this.#key = key
    this.path = path
  }

  /** The root of all streams of a run. @param seed a whole number, 0 ≤ seed < 2^53 */
  static seeded(seed: number): Random {
    invariant(Number.isSafeInteger(seed) && seed >= 0, `seed: expected a whole number from 0 to 2^53 - 1, got ${seed}`)
    return new Random([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], '')
  }

  /**
   * A stream of its own for `name`; the same name gives the same stream, wherever this one stands.
   *
   * A slash in the name walks: `fork('init/layers')` is `fork('init').fork('layers')`, so a state's path, forked from
   * the root and moved with `seek`, is the stream that the state was taken from.
   */
  fork(name: string): Random {
    invariant(/^[^/]+(?:\/[^/]+)*$/.test(name), `fork: expected names joined by single slashes, got "${name}"`)
    const key = name.split('/').reduce<readonly [number, number]>((parent, part) => hashName(part, parent), this.#key)
    return new Random(key, this.path ? `${this.path}/${name}` : name)
  }

  /** Where this stream stands: all that a checkpoint needs of it. */
  get state(): RandomState {
    return { path: this.path, draws: this.#draws }
  }

  /** Moves to draw number `draws`. @param draws a whole number, 0 ≤ draws < 2^53 */
  seek(draws: number): this {
    invariant(Number.isSafeInteger(draws) && draws >= 0, `seek: expected a whole number from 0 to 2^53 - 1, got ${draws}`)
    this.#draws = draws
    if (draws % 4 !== 0) this.#refill(Math.floor(draws / 4))
    return this
  }

  #refill(block: number) {
    this.#block.set(philox([block >>> 0, Math.floor(block / 2 ** 32) >>> 0, 0, 0], this.#key))
  }

  /** A whole number, uniform in 0..2^32-1. */
  uint32(): number {
    const lane = this.#draws % 4
    if (lane === 0) this.#refill(this.#draws / 4)
    this.#draws++
    return this.#block[lane]
  }

  /** Uniform in [0, 1), 32 bits fine. */
  uniform(): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number, uniform in 0..bound-1 (Lemire's rejection, so without bias). */
  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32, `below: expected a bound from 1 to 2^32, got ${bound}`)
    const limit = 2 ** 32 - (2 ** 32 % bound)
    for (;;) {
      const draw = this.uint32()
      if (draw < limit) return draw % bound
    }
  }

  /** Standard normal (Box-Muller; two draws a number, so the counter stays simple). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 2 ** 32))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Shuffles in place (Fisher-Yates). */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const kept = items[i]
      items[i] = items[j]!
      items[j] = kept
    }
    return items
  }
}
