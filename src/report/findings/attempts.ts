/**
 * Attempts at something, before and after: two shares with their counts, and the interval of their difference.
 *
 * The difference of two independent shares has Newcombe's interval (his method 10, 1998): it is built from the two Wilson
 * intervals, so it is right for small counts and for shares of 0 and 1 too. Where the same problems were tried twice it is too
 * wide rather than too narrow.
 */
import type { Interval } from '../../base/statistics.ts'
import { shareInterval } from '../../base/statistics.ts'

/** Successes among attempts. */
export interface Attempts {
  readonly correct: number
  readonly n: number
}

/** By how much the share of `after` is above that of `before`, with its 95 % interval. @param before, after with n above 0 */
export function shareDifference(after: Attempts, before: Attempts): Interval {
  const [a, b] = [after, before].map(({ correct, n }) => shareInterval(correct, n))
  const value = a.value - b.value
  return {
    value,
    low: value - Math.hypot(a.value - a.low, b.high - b.value),
    high: value + Math.hypot(a.high - a.value, b.value - b.low),
    count: after.n + before.n,
  }
}
