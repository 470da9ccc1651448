/**
 * AdamW over a whole parameter set, clipping by the global norm included (DeepSeek-V3 report, section 4.2).
 *
 *   m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g²      w -= lr (m̂ / (sqrt(v̂) + eps) + decay w)
 */
import { bits, fillBf16, type Machine, type Tensor, widenBf16 } from '../compute/index.ts'
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
  /** How both moments are kept between steps; f32 unless given. */
  readonly moments?: 'f32' | 'bf16'
  /** Where the moving average lies: in the heap unless given, or in ordinary memory of the host, the same numbers. */
  readonly averageIn?: 'heap' | 'host'
}

/** How what training keeps is rounded where it is not f32: the seam of a policy on a higher floor. */
export interface StatePrecision {
  /** Rounds the gradients' running sum, after each part of a batch. */
  readonly roundGradients: () => void
  /** Rounds both moments, after each step. */
  readonly roundMoments: (state: AdamW) => void
}

/** Moments and moving average of a parameter set. */
export interface AdamW {
  readonly mean: Tensor
  readonly square: Tensor
  /** Where it lies in the heap. */
  readonly average: Tensor | undefined
  /** Where it lies outside. */
  readonly hostAverage: Float32Array | undefined
  /** Without it everything stays f32. */
  readonly precision: StatePrecision | undefined
  /** Steps taken. */
  step: number
}

/** Moments of zero and, if asked for, a moving average that starts at the weights. @param precision of what is kept, where a policy rounds it */
export function createAdamW(
  { weights }: ParameterSet,
  { emaDecay, moments = 'f32', averageIn = 'heap' }: AdamWConfig,
  precision?: StatePrecision,
): AdamW {
  const { machine, shape } = weights
  const average = emaDecay !== null && averageIn === 'heap' ? machine.tensor(shape) : undefined
  if (average) machine.run('addScaled', average.address, weights.address, weights.count, bits(1), bits(0))
  const hostAverage = emaDecay !== null && averageIn === 'host' ? weights.toArray() : undefined
  return { mean: machine.zeros(shape, moments), square: machine.zeros(shape, moments), average, hostAverage, precision, step: 0 }
}

/** The moving average wherever it is; undefined when none is kept. */
export const averageOf = ({ average, hostAverage }: AdamW): Tensor | Float32Array | undefined => average ?? hostAverage

/** A moment's numbers: where they lie, or a copy of them, widened. */
export const momentNumbers = (moment: Tensor): Float32Array => (moment.dtype === 'bf16' ? widenBf16(moment) : (moment.data as Float32Array))

/** Puts a moment's numbers back. @param numbers what `momentNumbers` gave, with other numbers in it */
export function restoreMoment(moment: Tensor, numbers: Float32Array): void {
  if (moment.dtype === 'bf16') fillBf16(moment, numbers)
}

const chunk = 16384

/** Numbers of an average in the host's memory that pass through the heap at once: whole chunks, so that bits stay the same. */
const stagedNumbers = 8 * chunk

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
  const kernel = state.mean.dtype === 'bf16' ? 'adamwBf16' : 'adamw'
  const numbers = [learningRate, config.beta1, config.beta2, config.epsilon]
  const rest = [c1, c2, factor, config.emaDecay ?? 0]
  const ranges = [
    { from: 0, count: decayedCount, decay: config.weightDecay },
    { from: decayedCount, count: weights.count - decayedCount, decay: 0 },
  ]
  for (const { from, count, decay } of ranges) {
    const settings = [...numbers, decay, ...rest].map(bits)
    const run = (at: number, length: number, average: number) =>
      machine.run(
        kernel,
        weights.address + 4 * at,
        gradients!.address + 4 * at,
        ...[state.mean, state.square].map(({ address, dtype }) => address + (dtype === 'bf16' ? 2 : 4) * at),
        average,
        length,
        ...settings,
      )
    if (state.hostAverage)
      runStaged(machine, state.hostAverage.subarray(from, from + count), (at, length, average) => run(from + at, length, average))
    else run(from, count, state.average ? state.average.address + 4 * from : 0)
  }
  state.precision?.roundMoments(state)
}

/** Runs `work` on one piece of a vector of the host after the other, each copied into the heap and back. */
function runStaged(machine: Machine, vector: Float32Array, work: (from: number, count: number, address: number) => void): void {
  using _scope = machine.scope()
  const staged = machine.tensor([Math.min(vector.length, stagedNumbers)])
  for (let from = 0; from < vector.length; from += stagedNumbers) {
    const piece = vector.subarray(from, from + stagedNumbers)
    staged.data.set(piece)
    work(from, piece.length, staged.address)
    piece.set(staged.data.subarray(0, piece.length))
  }
}
