/** What a run says about every claim. One whose measurements are missing is not tested; no rule has to say that by itself. */
import { unmeasured } from './claims/measurements.ts'
import type { RunFacts } from './run-facts.ts'
import type { Claim, Outcome, Verdict } from './types.ts'
import { listed } from './wording.ts'

/** Outcomes in the order in which they are listed. */
export const outcomes: readonly Outcome[] = ['held', 'did not hold', 'not established', 'not tested']

/** A claim with its verdict. */
export interface JudgedClaim {
  readonly claim: Claim
  readonly verdict: Verdict
}

/** Judges one claim. */
export function judge(claim: Claim, run: RunFacts): Verdict {
  const absent = claim.needs.filter((type) => !run.has(type))
  if (absent.length === 0) return claim.judge(run)
  return { outcome: 'not tested', sentence: `In this run ${listed(absent.map((type) => unmeasured[type]))}.` }
}

/** Judges all claims, in their order. */
export const judgeAll = (claims: readonly Claim[], run: RunFacts): JudgedClaim[] =>
  claims.map((claim) => ({ claim, verdict: judge(claim, run) }))

/** How many claims came out in each way. */
export function countOutcomes(judged: readonly JudgedClaim[]): Readonly<Record<Outcome, number>> {
  const counts = { held: 0, 'did not hold': 0, 'not established': 0, 'not tested': 0 }
  for (const { verdict } of judged) counts[verdict.outcome]++
  return counts
}
