/**
 * Sums as a tensor core keeps them: products of 32 numbers are aligned to the largest of them and cut off after 14 bits, and
 * so is the running sum; every so many numbers it is handed over to a sum in f32 ("promoted").
 *
 * Plain loops, for measuring the error of single products; training does not use it. Source: DeepSeek-V3 report, section
 * 3.3.2, and its authors' hardware paper (ISCA 2025): 13 bits of fraction, cut off and not rounded.
 */

/** Bits that survive, the leading one included. */
const keptBits = 14
/** Products that are aligned and added at once. */
const groupSize = 32

/** Numbers between two promotions in the published kernels. */
export const publishedInterval = 128

/** Cut off, towards zero, below a unit that is a power of two. */
const cut = (value: number, unit: number) => Math.trunc(value * (1 / unit)) * unit

/** Value of the last bit that is kept of a number of this size. */
const lastBit = (size: number) => 2 ** (Math.floor(Math.log2(size)) - (keptBits - 1))

/**
 * Sum over k of a_k b_k as such a core adds it up.
 *
 * @param interval numbers between promotions: a multiple of 32, or Infinity for none
 */
export function limitedDot(a: ArrayLike<number>, b: ArrayLike<number>, interval: number): number {
  const products = new Float64Array(groupSize)
  let promoted = 0
  let running = 0
  for (let from = 0; from < a.length; from += groupSize) {
    const count = Math.min(groupSize, a.length - from)
    let largest = 0
    for (let i = 0; i < count; i++) {
      products[i] = a[from + i] * b[from + i]
      largest = Math.max(largest, Math.abs(products[i]))
    }
    if (largest > 0) {
      const unit = lastBit(largest)
      for (let i = 0; i < count; i++) running += cut(products[i], unit)
      if (running !== 0) running = cut(running, lastBit(Math.abs(running)))
    }
    if ((from + count) % interval === 0) {
      promoted = Math.fround(promoted + running)
      running = 0
    }
  }
  return Math.fround(promoted + running)
}
