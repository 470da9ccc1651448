/** For tests: repeated timings of decoding and of drafts, shaped like those of a short run of `nano`. */
import type { DecodeRoundsEvent, DraftRoundsEvent } from '../inference/index.ts'

/** What a decoded token's time is made of, in seconds. */
export interface TestParts {
  readonly weights: number
  readonly experts: number
  /** At the shorter and at the longer context. */
  readonly cache: readonly [number, number]
}

/**
 * Twenty rounds. The machine is slow in some, which all of a round share; what single timings add is `noise`.
 *
 * @param noise share of a time
 */
export function testDecodeRounds(contextLengths: readonly [number, number], parts: TestParts, noise = 0.01): DecodeRoundsEvent {
  const rounds = Array.from({ length: 20 }, (_, round) => {
    const slowness = round % 5 === 0 ? 1.5 : 1
    return parts.cache.map((cache, end) => {
      const time = (seconds: number, part: number) => seconds * slowness * (1 + noise * Math.sin(13 * round + 5 * part + 3 * end))
      return {
        tokenSeconds: time(parts.weights + parts.experts + cache, 0),
        withoutCacheSeconds: time(parts.weights + parts.experts, 1),
        withoutExpertsSeconds: time(parts.weights + cache, 2),
      }
    })
  })
  const promptSeconds = [0, 1, 2, 3, 4].map((index) => 0.06 * (1 + noise * Math.sin(7 * index)))
  return { type: 'inference/decode-rounds', contextLengths, rounds, promptSeconds }
}

/** Twelve texts. @param speed with drafts over without, mean of the texts; @param spread of it from text to text */
export function testDraftRounds(speed: number, spread = 0.02): DraftRoundsEvent {
  const texts = Array.from({ length: 12 }, (_, index) => ({
    domain: ['prose', 'code'][index % 2],
    tokens: 64,
    repeatedTokens: 20 + index,
    drafted: 43,
    accepted: 14 + (index % 3),
    offSeconds: 0.04,
    onSeconds: 0.04 / (speed * Math.exp(spread * Math.sin(5 * index))),
  }))
  return { type: 'inference/draft-rounds', runTokens: 4, rounds: 3, texts }
}
