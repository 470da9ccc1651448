/** The two ends of a trace. A single batch says little, so each end is a mean over a tenth of the steps. */
import { mean } from '../../base/statistics.ts'

const endShare = 0.1

/** Values at each end of a trace of so many. */
export const endCount = (length: number): number => Math.max(1, Math.round(length * endShare))

/**
 * Means over the first and the last tenth of a trace, at least one value each.
 *
 * @param values in order; at least one
 */
export function endsOf(values: readonly number[]): { readonly first: number; readonly last: number } {
  const count = endCount(values.length)
  return { first: mean(values.slice(0, count)), last: mean(values.slice(-count)) }
}
