/** Causal attention of MLA's expanded form, one query at a time. DeepSeek-V3 report, equations 10 and 11. */

interface AttentionSizes {
  readonly B: number
  readonly T: number
  readonly H: number
  readonly N: number
  readonly R: number
  readonly W: number
}

/**
 *   score_ij = (qNope_i · kNope_j + qRope_i · kRope_j) · scale        for start_i ≤ j ≤ i
 *   out_i    = sum over j of softmax(score_i)_j v_j                   for each head
 *
 * q_MX       X = H (N + R): each head [nope | rope];  M = B T
 * kv_MY      Y = H (N + W): each head [key | value]
 * kRope_MR   shared by all heads
 * start_M    first visible position in the row; null: the row's first
 * → out_MZ, Z = H W
 */
export function attention(
  q_MX: Float64Array,
  kv_MY: Float64Array,
  kRope_MR: Float64Array,
  start_M: Float64Array | null,
  { B, T, H, N, R, W }: AttentionSizes,
  scale: number,
): Float64Array {
  const [X, Y, Z] = [H * (N + R), H * (N + W), H * W]
  const out_MZ = new Float64Array(B * T * Z)
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let i = 0; i < T; i++) {
        const query = b * T + i
        const start = start_M ? start_M[query] : 0
        const scores: number[] = []
        for (let j = start; j <= i; j++) {
          const key = b * T + j
          let score = 0
          for (let n = 0; n < N; n++) score += q_MX[query * X + h * (N + R) + n] * kv_MY[key * Y + h * (N + W) + n]
          for (let r = 0; r < R; r++) score += q_MX[query * X + h * (N + R) + N + r] * kRope_MR[key * R + r]
          scores.push(score * scale)
        }
        softmax(scores).forEach((share, at) => {
          const key = b * T + start + at
          for (let w = 0; w < W; w++) out_MZ[query * Z + h * W + w] += share * kv_MY[key * Y + h * (N + W) + N + w]
        })
      }
    }
  }
  return out_MZ
}

/** e^score divided by the sum of all, shifted by the largest so that nothing overflows. */
export function softmax(scores: readonly number[]): number[] {
  let top = -Infinity
  for (const score of scores) top = Math.max(top, score)
  const powers = scores.map((score) => Math.exp(score - top))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}
