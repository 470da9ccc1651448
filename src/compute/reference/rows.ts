/** What is done to one row of the residual stream at a time: embedding, the residual sum, RMSNorm, RoPE. */

/** x_MD = table_VD[id_M] */
export function embed(id_M: Float64Array, table_VD: Float64Array, { M, D }: { M: number; D: number }): Float64Array {
  const x_MD = new Float64Array(M * D)
  for (let m = 0; m < M; m++) {
    for (let d = 0; d < D; d++) x_MD[m * D + d] = table_VD[id_M[m] * D + d]!
  }
  return x_MD
}

/** y = x + the sum of the branches, number by number. */
export function residual(x: Float64Array, ...branches: readonly Float64Array[]): Float64Array {
  return x.map((value, i) => branches.reduce((sum, branch) => sum + branch[i], value))
}

/** y_MD = x_MD · gain_D / sqrt(mean over D of x_MD² + eps) */
export function rmsNorm(x_MD: Float64Array, gain_D: Float64Array, { M, D }: { M: number; D: number }, eps: number): Float64Array {
  const y_MD = new Float64Array(M * D)
  for (let m = 0; m < M; m++) {
    let squares = 0
    for (let d = 0; d < D; d++) squares += x_MD[m * D + d] ** 2
    const root = Math.sqrt(squares / D + eps)
    for (let d = 0; d < D; d++) y_MD[m * D + d] = (x_MD[m * D + d] / root) * gain_D[d]
  }
  return y_MD
}

/** Where the rotated slices lie in a row: slice h of `heads` starts at column `offset + h * stride`. */
interface RotatedSlices {
  readonly heads: number
  readonly offset: number
  readonly stride: number
}

/**
 * (x0, x1) → (x0 cos - x1 sin, x0 sin + x1 cos) for each adjacent pair of each slice; the rest of the row stays.
 *
 * cosine_TP, sine_TP   one row a position, one column a pair
 */
export function rope(
  x_MX: Float64Array,
  cosine_TP: Float64Array,
  sine_TP: Float64Array,
  position_M: Float64Array,
  { M, X, P }: { M: number; X: number; P: number },
  { heads, offset, stride }: RotatedSlices,
): Float64Array {
  const y_MX = Float64Array.from(x_MX)
  for (let m = 0; m < M; m++) {
    for (let h = 0; h < heads; h++) {
      for (let p = 0; p < P; p++) {
        const at = m * X + offset + h * stride + 2 * p
        const cos = cosine_TP[position_M[m] * P + p]
        const sin = sine_TP[position_M[m] * P + p]
        y_MX[at] = x_MX[at] * cos - x_MX[at + 1] * sin
        y_MX[at + 1] = x_MX[at] * sin + x_MX[at + 1] * cos
      }
    }
  }
  return y_MX
}
