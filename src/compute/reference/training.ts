/** What only training needs: cross-entropy behind the output head, the sum of squares behind clipping, AdamW. */
import { linear } from './matmul.ts'

/**
 *   loss_m = log(sum over v of e^(logit_mv)) - logit_m,target      logits_MV = h_MD · w_VDᵀ
 *
 * → loss_M, nats
 */
export function headCrossEntropy(
  h_MD: Float64Array,
  w_VD: Float64Array,
  target_M: Float64Array,
  { M, D, V }: { M: number; D: number; V: number },
): Float64Array {
  const logits_MV = linear(h_MD, w_VD, { M, N: V, K: D })
  return target_M.map((target, m) => {
    const logits = logits_MV.subarray(m * V, (m + 1) * V)
    const top = logits.reduce((largest, logit) => Math.max(largest, logit), -Infinity)
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0)
    return top + Math.log(sum) - logits[target]
  })
}

/** The sum of all squares. */
export function sumSquares(x: Float64Array): number {
  return x.reduce((sum, value) => sum + value * value, 0)
}

/** Settings of one AdamW step. */
interface AdamwStep {
  /** Learning rate. */
  readonly lr: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  /** Decoupled weight decay. */
  readonly decay: number
  /** t: number of this step, from 1. */
  readonly step: number
  /** Factor on the gradient: clipping. */
  readonly factor: number
  readonly emaDecay: number
}

/** The numbers of one parameter and all that is kept about it. */
interface AdamwState {
  readonly w: Float64Array
  readonly m: Float64Array
  readonly v: Float64Array
  /** Moving average of the weights. */
  readonly ema: Float64Array
}

/**
 *   m ← β1 m + (1 - β1) g      v ← β2 v + (1 - β2) g²
 *   w ← w - lr ( m / (1 - β1^t) / (sqrt(v / (1 - β2^t)) + eps) + decay w )      ema ← d ema + (1 - d) w
 *
 * Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
 *
 * @param g gradient, before `factor`
 * @returns the state after the step
 */
export function adamw(state: AdamwState, g: Float64Array, settings: AdamwStep): AdamwState {
  const { lr, beta1, beta2, eps, decay, step, factor, emaDecay } = settings
  const m = state.m.map((mean, i) => beta1 * mean + (1 - beta1) * factor * g[i])
  const v = state.v.map((square, i) => beta2 * square + (1 - beta2) * (factor * g[i]) ** 2)
  const w = state.w.map((weight, i) => {
    const mean = m[i] / (1 - beta1 ** step)
    const square = v[i] / (1 - beta2 ** step)
    return weight - lr * (mean / (Math.sqrt(square) + eps) + decay * weight)
  })
  const ema = state.ema.map((average, i) => emaDecay * average + (1 - emaDecay) * w[i])
  return { w, m, v, ema }
}
