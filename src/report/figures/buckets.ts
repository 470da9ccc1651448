/** Long traces as lines that can be read: means over equal stretches, with the range that they hide kept as a band. */
import { extent } from 'd3-array'
import { mean } from '../../base/statistics.ts'

/** A trace in stretches. */
export interface Bucketed {
  readonly points: readonly (readonly [x: number, y: number])[]
  /** Values in a stretch; the last may have fewer. */
  readonly size: number
  /** Least and greatest value of each stretch. */
  readonly band: readonly (readonly [x: number, low: number, high: number])[]
}

/**
 * Means of a trace over equal stretches of its points; values that are not finite are left out.
 *
 * @param trace in the order of x
 * @param count stretches, at most
 */
export function bucketed(trace: readonly (readonly [x: number, y: number])[], count = 60): Bucketed {
  const finite = trace.filter(([, y]) => Number.isFinite(y))
  const size = Math.max(1, Math.ceil(finite.length / count))
  const stretches = Array.from({ length: Math.ceil(finite.length / size) }, (_, index) => finite.slice(index * size, (index + 1) * size))
  const middles = stretches.map((stretch) => ({ x: mean(stretch.map(([x]) => x)), ys: stretch.map(([, y]) => y) }))
  return {
    size,
    points: middles.map(({ x, ys }) => [x, mean(ys)]),
    band: middles.map(({ x, ys }) => {
      const [low, high] = extent(ys) as [number, number]
      return [x, low, high]
    }),
  }
}
