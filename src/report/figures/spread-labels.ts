/** Names beside the ends of lines: as near as may be, and never one over the other. */
import { lineHeight } from './svg.ts'

/**
 * Moves positions apart until they are a line of text from each other, keeping their order.
 *
 * @param wanted positions, in pixels
 * @returns positions in the same order, between `low` and `high` as far as all of them fit
 */
export function spreadLabels(wanted: readonly number[], low: number, high: number, distance = lineHeight): number[] {
  const order = wanted.map((position, index) => ({ position, index })).sort((a, b) => a.position - b.position || a.index - b.index)
  const places: number[] = Array.from({ length: wanted.length })
  let free = low
  for (const { position, index } of order) {
    places[index] = Math.max(position, free)
    free = places[index] + distance
  }
  let limit = high
  for (const { index } of order.toReversed()) {
    if (places[index] <= limit) break
    places[index] = limit
    limit -= distance
  }
  return places
}
