/**
 * Whether rotary scores depend on distance alone: the run's own rotations, applied to queries and keys at shifted positions.
 *
 *   q_t · k_s  against  q_(t+d) · k_(s+d)
 *
 * Rotations are rounded to f32 as in the model's tables; the difference left is rounding. Source: Su et al., "RoFormer".
 */
import { type ModelConfig, ropeFrequencies } from '../../architecture/index.ts'
import { Random } from '../../base/random.ts'

export interface RotationShift {
  /** Pairs of positions times shifts. */
  readonly count: number
  /** Largest difference of a score, over the product of the lengths of query and key. */
  readonly largest: number
  readonly farthestShift: number
}

/**
 * @param config rotated width, base, YaRN's settings
 * @param window positions from 0 up to which pairs and their shifts stay
 */
export function rotationShift(config: ModelConfig, window: number, seed: number): RotationShift {
  const frequencies = ropeFrequencies(config)
  const rng = Random.seeded(seed).fork('report/rotation')
  const draws = 64
  const shifts = Array.from({ length: 6 }, (_, index) => Math.max(1, Math.floor(window / 2 ** (index + 1))))
  let largest = 0
  for (let draw = 0; draw < draws; draw++) {
    const query = Float64Array.from({ length: config.ropeWidth }, () => rng.normal())
    const key = Float64Array.from({ length: config.ropeWidth }, () => rng.normal())
    const size = Math.hypot(...query) * Math.hypot(...key)
    for (const shift of shifts) {
      const t = rng.below(Math.max(1, window - shift))
      const s = rng.below(t + 1)
      const here = score(query, key, t, s, frequencies)
      const there = score(query, key, t + shift, s + shift, frequencies)
      largest = Math.max(largest, Math.abs(here - there) / size)
    }
  }
  return { count: draws * shifts.length, largest, farthestShift: shifts[0] }
}

function score(query: Float64Array, key: Float64Array, t: number, s: number, frequencies: Float64Array): number {
  const [a, b] = [rotated(query, t, frequencies), rotated(key, s, frequencies)]
  return a.reduce((sum, value, index) => sum + value * b[index], 0)
}

/** Adjacent pairs turned by position times frequency, with cosines and sines in f32. */
function rotated(vector: Float64Array, position: number, frequencies: Float64Array): Float64Array {
  const out = new Float64Array(vector.length)
  for (let pair = 0; pair < frequencies.length; pair++) {
    const [cosine, sine] = [Math.fround(Math.cos(position * frequencies[pair])), Math.fround(Math.sin(position * frequencies[pair]))]
    const [x, y] = [vector[2 * pair], vector[2 * pair + 1]]
    out[2 * pair] = x * cosine - y * sine
    out[2 * pair + 1] = x * sine + y * cosine
  }
  return out
}
