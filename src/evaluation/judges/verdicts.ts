/**
 * What the verdicts of judges come to: for or against the verifier, the same in both orders or not, the same as each other's.
 *
 * Each pair is judged twice, in either order. A verdict is whether the reply that is shown first is preferred; a tie is one for
 * the first. The verifier's verdict is known, and so is chance: of two replies one is right, each stands first once, so whoever
 * guesses, or always says the same place, agrees in half of the verdicts.
 */
import { invariant } from '../../base/errors.ts'
import { type Interval, meanInterval, shareInterval } from '../../base/statistics.ts'

/** A judge's verdicts on all pairs. */
export interface Verdicts {
  readonly judge: string
  /** Whether its verdict cannot depend on the order, because it looks at one reply at a time. */
  readonly isOrderFree: boolean
  /** For each pair whether the first is preferred with the better reply first, and with the worse one first. */
  readonly prefersFirst: readonly (readonly [betterFirst: boolean, worseFirst: boolean])[]
}

/** One judge, beside the verifier. */
export interface JudgeScore {
  readonly judge: string
  readonly isOrderFree: boolean
  readonly pairs: number
  /** Share of verdicts for the reply that the verifier let through; both orders of a pair are one sample. Chance is 0.5. */
  readonly agreement: Interval
  /** Share of verdicts for the reply that was shown first. 0.5 is no bias. */
  readonly firstShare: Interval
  /** Share of pairs with the same preference in both orders. Chance is 0.5. */
  readonly selfAgreement: Interval
}

/** Two judges: the share of verdicts that are the same; both orders of a pair are one sample. Chance is 0.5. */
export interface JudgesTogether {
  readonly judges: readonly [string, string]
  readonly pairs: number
  readonly agreement: Interval
}

const share = (...verdicts: readonly boolean[]) => verdicts.filter(Boolean).length / verdicts.length

/** What one judge's verdicts come to. @param verdicts on two pairs or more */
export function scoreJudge({ judge, isOrderFree, prefersFirst }: Verdicts): JudgeScore {
  const pairs = prefersFirst.length
  invariant(pairs > 1, `judges: expected two pairs or more, got ${pairs}`)
  return {
    judge,
    isOrderFree,
    pairs,
    agreement: meanInterval(prefersFirst.map(([betterFirst, worseFirst]) => share(betterFirst, !worseFirst))),
    firstShare: meanInterval(prefersFirst.map((verdicts) => share(...verdicts))),
    selfAgreement: shareInterval(prefersFirst.filter(([betterFirst, worseFirst]) => betterFirst !== worseFirst).length, pairs),
  }
}

/** Every two judges. @param verdicts on the same pairs */
export function compareJudges(verdicts: readonly Verdicts[]): JudgesTogether[] {
  return verdicts.flatMap((a, index) =>
    verdicts.slice(index + 1).map((b) => ({
      judges: [a.judge, b.judge] as const,
      pairs: a.prefersFirst.length,
      agreement: meanInterval(
        a.prefersFirst.map(([betterFirst, worseFirst], pair) =>
          share(betterFirst === b.prefersFirst[pair][0], worseFirst === b.prefersFirst[pair][1]),
        ),
      ),
    })),
  )
}
