/** Shares, their differences, work and values with intervals, as they stand in sentences. */
import { formatCount } from '../base/format.ts'
import type { Interval } from '../base/statistics.ts'
import { shareInterval } from '../base/statistics.ts'
import type { Attempts } from './findings/attempts.ts'
import { digits, percent } from './wording.ts'

const points = (share: number): string => `${share < 0 ? '−' : '+'}${(100 * Math.abs(share)).toFixed(1)}`

/** "+12.0 points (95 % interval +5.1 to +18.6)": a difference of two shares. */
export const pointsOf = ({ value, low, high }: Interval): string =>
  `${points(value)} points (95 % interval ${points(low)} to ${points(high)})`

/** "62 % (95 % interval 55 to 69 %)". */
export const intervalText = ({ value, low, high }: Interval): string =>
  `${percent(value)} (95 % interval ${percent(low).replace(' %', '')} to ${percent(high)})`

/** "31 of 200, 16 % (95 % interval 11 to 21 %)". @param attempts n above 0 */
export function shareOf({ correct, n }: Attempts): string {
  const { value, low, high } = shareInterval(correct, n)
  return `${correct} of ${n}, ${percent(value)} (95 % interval ${(100 * low).toFixed(0)} to ${percent(high)})`
}

/** "8.93 MFLOP". */
export const workOf = (flops: number): string =>
  formatCount(flops).replace(
    /^([\d.]+)([KMBT]?)$/,
    (_, number: string, size: string) => `${number} ${size === 'B' ? 'G' : size === 'K' ? 'k' : size}FLOP`,
  )

/** "4.31 ± 0.02". */
export const plusMinus = (value: number, half: number): string =>
  Number.isFinite(half) ? `${digits(value)} ± ${digits(half)}` : digits(value)
