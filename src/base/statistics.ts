/**
 * The few statistics that benchmarks and evaluation print: a median with its spread, a mean with its interval, a paired
 * difference with its interval. Every figure of this project that could have come out differently passes through here.
 */
import { invariant } from './errors.ts'
import type { Random } from './random.ts'

/** A figure and the range that it plausibly lies in. */
export interface Interval {
  readonly value: number
  readonly low: number
  readonly high: number
  /** Number of samples behind it. */
  readonly count: number
}

/** Samples of one measurement, in the unit of the samples. */
export interface Spread {
  readonly count: number
  readonly median: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
  readonly minimum: number
  readonly maximum: number
}

/** Arithmetic mean of one or more samples. */
export function mean(samples: ArrayLike<number>): number {
  invariant(samples.length > 0, 'mean: expected samples, got none')
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += samples[i]
  return sum / samples.length
}

/** Unbiased variance (divided by n - 1) of two or more samples. */
export function variance(samples: ArrayLike<number>): number {
  invariant(samples.length > 1, `variance: expected two samples or more, got ${samples.length}`)
  const center = mean(samples)
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += (samples[i] - center) ** 2
  return sum / (samples.length - 1)
}

const sorted = (samples: ArrayLike<number>) => Float64Array.from(samples).sort()

function quantileOfSorted(ordered: Float64Array, share: number): number {
  const position = share * (ordered.length - 1)
  const below = Math.floor(position)
  const lower = ordered[below]
  const upper = ordered[Math.min(below + 1, ordered.length - 1)]
  return lower + (upper - lower) * (position - below)
}

/**
 * The value below which a share of the samples lies, interpolated linearly between neighbours (Hyndman and Fan's type 7).
 *
 * @param share 0..1; 0.5 is the median
 */
export function quantile(samples: ArrayLike<number>, share: number): number {
  invariant(samples.length > 0, 'quantile: expected samples, got none')
  invariant(share >= 0 && share <= 1, `quantile: expected a share from 0 to 1, got ${share}`)
  return quantileOfSorted(sorted(samples), share)
}

/** The middle of the samples. */
export const median = (samples: ArrayLike<number>): number => quantile(samples, 0.5)

/** Median, quartiles and extremes of one or more samples: what a benchmark prints. */
export function spread(samples: ArrayLike<number>): Spread {
  invariant(samples.length > 0, 'spread: expected samples, got none')
  const ordered = sorted(samples)
  const at = (share: number) => quantileOfSorted(ordered, share)
  const [minimum, lowerQuartile, median, upperQuartile, maximum] = [at(0), at(0.25), at(0.5), at(0.75), at(1)] as const
  return { count: ordered.length, median, lowerQuartile, upperQuartile, minimum, maximum }
}

/** Two-sided 95 % point of the standard normal distribution. */
const z = 1.959963984540054

/** 95 % points of Student's t for 1 to 30 degrees of freedom (any table of the distribution). */
const tTable = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101, 2.093, 2.086,
  2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]

/** Beyond the table: the first two terms of the Cornish-Fisher expansion, right to 1e-4 there. */
const studentT = (freedom: number): number =>
  tTable[freedom - 1] ?? z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)

/** Mean of two or more independent samples with its 95 % interval (Student's t). */
export function meanInterval(samples: ArrayLike<number>): Interval {
  const value = mean(samples)
  const half = studentT(samples.length - 1) * Math.sqrt(variance(samples) / samples.length)
  return { value, low: value - half, high: value + half, count: samples.length }
}

/**
 * How much larger `a` is than `b` on the same items, with its 95 % interval. Pairing removes what the items themselves
 * contribute to the spread, so it tells two models apart with far fewer items than two separate means.
 *
 * @param a scores of one system, item by item
 * @param b scores of the other on the same items in the same order
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): Interval {
  invariant(a.length === b.length, `pairedDifference: expected as many samples on both sides, got ${a.length} and ${b.length}`)
  return meanInterval(Float64Array.from(a, (value, index) => value - b[index]))
}

/** Share of successes with its 95 % interval, right for small counts and for 0 and 1 too (Wilson, 1927). */
export function shareInterval(successes: number, count: number): Interval {
  invariant(count > 0 && successes >= 0 && successes <= count, `shareInterval: expected 0 to ${count} successes, got ${successes}`)
  const value = successes / count
  const scale = 1 / (1 + z ** 2 / count)
  const center = (value + z ** 2 / (2 * count)) * scale
  const half = z * Math.sqrt((value * (1 - value)) / count + z ** 2 / (4 * count ** 2)) * scale
  return { value, low: successes === 0 ? 0 : center - half, high: successes === count ? 1 : center + half, count }
}

/**
 * 95 % interval of any statistic by resampling with replacement (Efron's percentile bootstrap): for ratios such as bits
 * per byte over documents, whose spread has no formula.
 *
 * @param items     the independent units: documents, questions, runs
 * @param statistic what is computed of them, for example total bits divided by total bytes
 * @param rng       stream of the resampling; the same stream gives the same interval
 * @param rounds    resamples
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number,
  rng: Random,
  rounds = 1000,
): Interval {
  invariant(items.length > 0, 'bootstrapInterval: expected items, got none')
  const resampled = new Float64Array(rounds)
  for (let round = 0; round < rounds; round++) resampled[round] = statistic(items.map(() => items[rng.below(items.length)]))
  const ordered = resampled.sort()
  return { value: statistic(items), low: quantileOfSorted(ordered, 0.025), high: quantileOfSorted(ordered, 0.975), count: items.length }
}

/**
 * Exponential moving average without the pull to zero at the start (the correction of Adam's moments).
 *
 *   m ← decay·m + (1 - decay)·x,  value = m / (1 - decay^n)
 *
 * @param decay 0..1, the weight of the past
 * @returns a function that takes the next sample and gives the average so far
 */
export function movingAverage(decay: number): (sample: number) => number {
  invariant(decay >= 0 && decay < 1, `movingAverage: expected a decay from 0 to below 1, got ${decay}`)
  let average = 0
  let weight = 0
  return (sample) => {
    average = decay * average + (1 - decay) * sample
    weight = decay * weight + (1 - decay)
    return average / weight
  }
}
