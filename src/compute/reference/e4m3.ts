/**
 * FP8 in its E4M3 form, number by number: what the kernels in kernels/e4m3.ts are checked against.
 *
 * A sign, 4 bits of exponent with bias 7, 3 of mantissa; subnormals are multiples of 2^-9; no infinity, largest 448.
 * Source: Micikevicius et al., "FP8 formats for deep learning" (2022).
 */
import type { Scaling } from '../e4m3.ts'

const largestValue = 448
const leastExponent = -6
const mantissaBits = 3
/** The smallest scale: the smallest normal number of f32. */
const leastScale = 2 ** -126

/** The nearest number of E4M3, ties to even, saturating; NaN stays. */
export function nearestE4m3(value: number): number {
  if (Number.isNaN(value)) return value
  const size = Math.min(Math.abs(value), largestValue)
  const exponent = size === 0 ? leastExponent : Math.max(leastExponent, Math.floor(Math.log2(size)))
  const step = 2 ** (exponent - mantissaBits)
  const steps = size / step
  const below = Math.floor(steps)
  const rest = steps - below
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
  return Math.sign(value) < 0 || Object.is(value, -0) ? -rounded * step : rounded * step
}

/** The scale of a block: its largest magnitude over 448, in f32. */
function scaleOf(values: ArrayLike<number>): number {
  let top = 0
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) > top) top = Math.abs(values[i])
  return Math.max(Math.fround(top / largestValue), leastScale)
}

/** What E4M3 keeps of f32 numbers in a matrix of `rows` rows. Scale, quotient and product are f32, as in the kernel. */
export function roundedE4m3(x_MK: ArrayLike<number>, rows: number, scaling: Scaling): Float64Array {
  const columns = rows === 0 ? 0 : x_MK.length / rows
  const out_MK = new Float64Array(x_MK.length)
  const block = scaling === 'none' ? { rows, columns } : scaling
  for (let row = 0; row < rows; row += block.rows) {
    for (let column = 0; column < columns; column += block.columns) {
      const places: number[] = []
      for (let m = row; m < Math.min(rows, row + block.rows); m++) {
        for (let k = column; k < Math.min(columns, column + block.columns); k++) places.push(m * columns + k)
      }
      const scale = scaling === 'none' ? 1 : scaleOf(places.map((place) => x_MK[place]))
      for (const place of places) out_MK[place] = Math.fround(nearestE4m3(Math.fround(x_MK[place] / scale)) * scale)
    }
  }
  return out_MK
}
