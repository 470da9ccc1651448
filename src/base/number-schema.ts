/** Schemas of numbers in a range. What is outside is answered with the whole range, so that nobody has to find its other end by trying. */
import { z } from 'zod'

/** Schema of a whole number. @param high the largest one; there is none unless given */
export const whole = (low: number, high = Number.MAX_SAFE_INTEGER): z.ZodType<number> =>
  z.custom<number>(
    (value) => Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high,
    high === Number.MAX_SAFE_INTEGER ? `expected a whole number, ${low} or more` : `expected a whole number from ${low} to ${high}`,
  )

/** The ends of a range: the lower one belongs to it as `from` and does not as `above`, the upper one as `to` and `below`. */
type Ends = ({ readonly from: number } | { readonly above: number }) & ({ readonly to: number } | { readonly below: number } | object)

/** Schema of a finite number. */
export function within(ends: Ends): z.ZodType<number> {
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity } = ends as Readonly<Partial<Record<string, number>>>
  const words = [
    ...(from > -Infinity ? [`of at least ${from}`] : [`above ${above}`]),
    ...(to < Infinity ? [`at most ${to}`] : below < Infinity ? [`below ${below}`] : []),
  ]
  return z.custom<number>(
    (value) => typeof value === 'number' && Number.isFinite(value) && value >= from && value > above && value <= to && value < below,
    `expected a number ${words.join(' and ')}`,
  )
}
