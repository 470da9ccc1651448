/**
 * What repeated timings say of a decoded token: differences with their intervals, paired within the rounds.
 *
 * The intervals are over rounds that were seconds apart. They hold what the machine did in those seconds, and not what another
 * machine, or the same one on another day, would have done.
 */
import { type Interval, meanInterval } from '../../base/statistics.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'
import { atLongest } from './regimes.ts'

export interface DecodeRounds {
  readonly near: number
  readonly far: number
  readonly rounds: number
  /** By how much longer a token takes at the far context, in seconds, and the part of it that reads the cache. */
  readonly growth: Interval
  readonly cacheGrowth: Interval
  /** The growth as a share of the time at the near context. */
  readonly growthShare: Interval
  /** The growth of the cache's part less half of the whole growth, in seconds. */
  readonly cacheOverHalf: Interval
  /** Share of routing and experts in the time of a token, near and far. */
  readonly expertShares: readonly [near: Interval, far: Interval]
  /** Share of the cache in the time of a token, near and far. */
  readonly cacheShares: readonly [near: Interval, far: Interval]
}

type Round = EventOf<'inference/decode-rounds'>['rounds'][number]

/** The last repeated timings of a run; null without two rounds at two context lengths. */
export function decodeRounds(run: RunFacts): DecodeRounds | null {
  const event = run.lastOf('inference/decode-rounds', ({ rounds }) => rounds.length >= 2)
  if (!event) return null
  const over = (value: (near: Round[number], far: Round[number]) => number) =>
    meanInterval(event.rounds.map(([near, far]) => value(near, far)))
  const grown = (near: Round[number], far: Round[number]) => far.tokenSeconds - near.tokenSeconds
  const cacheGrown = (near: Round[number], far: Round[number]) => cacheOf(far) - cacheOf(near)
  return {
    near: event.contextLengths[0],
    far: event.contextLengths[1],
    rounds: event.rounds.length,
    growth: over(grown),
    cacheGrowth: over(cacheGrown),
    growthShare: over((near, far) => grown(near, far) / near.tokenSeconds),
    cacheOverHalf: over((near, far) => cacheGrown(near, far) - grown(near, far) / 2),
    expertShares: [over(expertShareOf), over((_near, far) => expertShareOf(far))],
    cacheShares: [over(cacheShareOf), over((_near, far) => cacheShareOf(far))],
  }
}

const cacheOf = ({ tokenSeconds, withoutCacheSeconds }: Round[number]) => tokenSeconds - withoutCacheSeconds
const cacheShareOf = (times: Round[number]) => cacheOf(times) / times.tokenSeconds
const expertShareOf = ({ tokenSeconds, withoutExpertsSeconds }: Round[number]) => 1 - withoutExpertsSeconds / tokenSeconds

/**
 * How many times the GFLOP/s of a single decoded token prefill reaches at the longest context, with the interval of repeated
 * timings; null where there are fewer than two of either.
 */
export function prefillOverDecode(run: RunFacts): Interval | null {
  const event = run.lastOf('inference/decode-rounds', ({ rounds, promptSeconds }) => rounds.length >= 2 && promptSeconds.length >= 2)
  const found = atLongest(run)
  if (!event || !found || found.decode.contextLength !== event.contextLengths[1]) return null
  const { prefill, decode } = found
  // Ratios of times have intervals in the logarithm.
  const perPromptToken = meanInterval(event.promptSeconds.map((seconds) => Math.log(seconds / prefill.contextLength)))
  const perToken = meanInterval(event.rounds.map(([, far]) => Math.log(far.tokenSeconds)))
  const value = Math.log(prefill.flopsPerToken / decode.flopsPerToken) + perToken.value - perPromptToken.value
  const half = Math.hypot(perToken.high - perToken.value, perPromptToken.high - perPromptToken.value)
  return { value: Math.exp(value), low: Math.exp(value - half), high: Math.exp(value + half), count: event.rounds.length }
}
