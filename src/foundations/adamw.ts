/**
 * AdamW over a whole parameter set, clipping by the global norm included (DeepSeek-V3 report, section 4.2).
 *
 *   m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g²      w -= lr (m̂ / (sqrt(v̂) + eps) + decay w)
 */
import { bits, type Machine, type Tensor } from '../compute/index.ts'
import type { ParameterSet } from './parameters.ts'

export interface AdamWConfig {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Weight decay of matrices; gains are not decayed. */
  readonly weightDecay: number
  /** Largest global gradient norm; a larger one scales the gradient down. */
  readonly clipNorm: number
  /** Decay of the weights' moving average; null keeps none. */
  readonly emaDecay: number | null
}

/** Moments and moving average of a parameter set. */
export interface AdamW {
  readonly mean: Tensor
  readonly square: Tensor
  readonly average: Tensor | undefined
  /** Steps taken. */
  step: number
}

/** Moments of zero and, if asked for, a moving average that starts at the weights. */
export function createAdamW({ weights }: ParameterSet, { emaDecay }: AdamWConfig): AdamW {
  const { machine, shape } = weights
  const average = emaDecay === null ? undefined : machine.tensor(shape)
  if (average) machine.run('addScaled', average.address, weights.address, weights.count, bits(1), bits(0))
  return { mean: machine.zeros(shape), square: machine.zeros(shape), average, step: 0 }
}

const chunk = 16384

/** Euclidean norm of a vector, summed in chunks in a fixed order; NaN or infinite when any number in it is. */
export function norm(x: Tensor): number {
  const { machine } = x
  const parts = machine.tensor([Math.ceil(x.count / chunk)])
  machine.run('sumSquares', parts.address, x.address, x.count)
  let total = 0
  for (const part of parts.data) total += part
  machine.heap.free(parts.address)
  return Math.sqrt(total)
}

/**
 * One step, in place.
 *
 * @param gradientNorm `norm` of the gradients, finite
 * @param learningRate of this step
 */
export function stepAdamW(
  state: AdamW,
  { weights, gradients, decayedCount }: ParameterSet,
  config: AdamWConfig,
  gradientNorm: number,
  learningRate: number,
): void {
  const machine: Machine = weights.machine
  state.step++
  const factor = gradientNorm > config.clipNorm ? config.clipNorm / gradientNorm : 1
  const c1 = 1 / (1 - config.beta1 ** state.step)
  const c2 = 1 / (1 - config.beta2 ** state.step)
  const ranges = [
    { from: 0, count: decayedCount, decay: config.weightDecay },
    { from: decayedCount, count: weights.count - decayedCount, decay: 0 },
  ]
  for (const { from, count, decay } of ranges) {
    const at = (tensor: Tensor | undefined) => (tensor ? tensor.address + 4 * from : 0)
    machine.run(
      'adamw',
      at(weights),
      at(gradients),
      at(state.mean),
      at(state.square),
      at(state.average),
      count,
      ...[learningRate, config.beta1, config.beta2, config.epsilon, decay, c1, c2, factor, config.emaDecay ?? 0].map(bits),
    )
  }
}
