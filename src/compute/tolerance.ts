/**
 * How far a result in few bits may lie from the one in float64. One rule for every check, derived and not tuned.
 *
 * A sum of K products, each rounded to within half a unit in the last place, strays like a random walk: by about
 * sqrt(K) rounding errors of its terms' size. The constant covers the few roundings around the sum (an exponential, a
 * root, a division) and the largest of many draws.
 */

/** Distance from 1 to the next number. */
const epsilonOf = { f32: 2 ** -23, bf16: 2 ** -7, e4m3: 2 ** -3 } as const

export type FloatFormat = keyof typeof epsilonOf

const constant = 4

/**
 * Largest error that rounding explains, as a share of the largest number that is compared: c · eps · sqrt(K).
 *
 * @param format number format of the operands
 * @param terms  K: numbers behind one sum, at least 1
 */
export function tolerance(format: FloatFormat, terms: number): number {
  return constant * epsilonOf[format] * Math.sqrt(Math.max(1, terms))
}
