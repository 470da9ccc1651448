/** Matrix products as three nested loops. Letters are BLAS's: out_MN, contracted K; all matrices lie row by row. */

interface ProductSizes {
  readonly M: number
  readonly N: number
  readonly K: number
}

/** out_MN = a_MK · b_KN */
export function matmul(a_MK: Float64Array, b_KN: Float64Array, { M, N, K }: ProductSizes): Float64Array {
  const out_MN = new Float64Array(M * N)
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) {
      for (let n = 0; n < N; n++) out_MN[m * N + n] += a_MK[m * K + k] * b_KN[k * N + n]
    }
  }
  return out_MN
}

/** y_MN = x_MK · w_NKᵀ, with weights as checkpoints store them: [out, in]. */
export function linear(x_MK: Float64Array, w_NK: Float64Array, { M, N, K }: ProductSizes): Float64Array {
  const y_MN = new Float64Array(M * N)
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0
      for (let k = 0; k < K; k++) sum += x_MK[m * K + k] * w_NK[n * K + k]
      y_MN[m * N + n] = sum
    }
  }
  return y_MN
}
