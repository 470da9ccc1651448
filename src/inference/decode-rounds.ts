/**
 * A decoded token timed again and again at two context lengths, whole and with a part left out, and now and then a prompt, so
 * that differences of times have an interval.
 *
 * All that is compared stands in the same short round, so a slow second slows all of it; the rounds are taken between other
 * measurements, so that they are seconds apart and their spread holds what the machine does from one second to the next.
 */
import { Random } from '../base/random.ts'
import { median } from '../base/statistics.ts'
import type { Model } from '../architecture/index.ts'
import { Decoder } from './decode.ts'
import type { LeftOut } from './decode-list.ts'
import type { DecodeRoundsEvent, StepTimes } from './events.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'

/** Steps of each kind, in turn, whose median counts. */
const stepsPerRound = 5
/** A prompt of the longer length is read in the first of so many rounds. */
const roundsPerPrompt = 4

/** Decoders of all that a step does, and of less. */
export const leftOuts: readonly (LeftOut | undefined)[] = [undefined, 'attention on the cache', 'routing and experts']

/** Rounds of timings, to be taken whenever there is time for one. */
export interface DecodeRounds {
  readonly take: () => void
  /** All rounds so far. */
  readonly event: () => DecodeRoundsEvent
}

/**
 * Lays out decoders and caches in the heap's innermost scope.
 *
 * @param contextLengths two, the shorter first; within the model's context
 */
export function createDecodeRounds(model: Model, contextLengths: readonly [number, number]): DecodeRounds {
  const { config } = model
  const rng = Random.seeded(0).fork('inference/decode-rounds')
  const draw = (count: number) => Int32Array.from({ length: count }, () => rng.below(config.vocabSize))
  const { weights } = new Decoder(model)
  const decoders = leftOuts.map((leftOut) => new Decoder(model, 1, { leftOut, weights }))
  // Read once before it is timed: the first time takes longer.
  const promptIds = draw(contextLengths[1])
  const promptCache = new LatentCache(model, promptIds.length)
  prefill(promptCache, promptIds, weights)
  const filled = contextLengths
    .toReversed()
    .map((length) => {
      promptCache.truncate(length)
      const cache = new LatentCache(model, length + 1)
      cache.copyFrom(promptCache)
      return { cache, length }
    })
    .toReversed()
  const rounds: StepTimes[][] = []
  const promptSeconds: number[] = []
  const timesOf = ({ cache, length }: (typeof filled)[number], round: number): StepTimes => {
    const step = (which: number) => {
      cache.truncate(length)
      decoders[which].decode([{ id: rng.below(config.vocabSize), cache }])
    }
    const samples = decoders.map(() => [] as number[])
    // The first pass warms up; whose turn is first moves on from round to round.
    for (let pass = 0; pass <= stepsPerRound; pass++)
      for (let turn = 0; turn < decoders.length; turn++) {
        const which = (turn + round) % decoders.length
        const seconds = secondsOf(() => step(which))
        if (pass > 0) samples[which].push(seconds)
      }
    const [tokenSeconds, withoutCacheSeconds, withoutExpertsSeconds] = samples.map((times) => median(times))
    return { tokenSeconds, withoutCacheSeconds, withoutExpertsSeconds }
  }
  return {
    take: () => {
      if (rounds.length % roundsPerPrompt === 0)
        promptSeconds.push(
          secondsOf(() => {
            promptCache.truncate(0)
            prefill(promptCache, promptIds, weights)
          }),
        )
      rounds.push(filled.map((one) => timesOf(one, rounds.length)))
    },
    event: () => ({ type: 'inference/decode-rounds', contextLengths, rounds, promptSeconds }),
  }
}

function secondsOf(work: () => void): number {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}
