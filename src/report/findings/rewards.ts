/** What a reward model was found to be worth, what judges of pairs and what generated data. */
import type { EventOf, RunFacts } from '../run-facts.ts'

export interface RewardFindings {
  readonly training: EventOf<'reward/training'> | null
  readonly agreement: EventOf<'reward/agreement'>
  /** By growing n; one or more. */
  readonly bestOf: readonly EventOf<'reward/best-of'>[]
  /** Looks at the optimised policy, by growing step; empty where none was optimised. */
  readonly policy: readonly EventOf<'reward/policy'>[]
}

/** The last measurement of each kind; null without agreement or a choice. */
export function rewardFindings(run: RunFacts): RewardFindings | null {
  const agreement = run.lastOf('reward/agreement')
  const bestOf = run.latestOf('reward/best-of', ({ n }) => String(n)).toSorted((a, b) => a.n - b.n)
  if (!agreement || bestOf.length === 0) return null
  const looks = run.ofType('reward/policy')
  const begin = looks.findLastIndex(({ step }) => step === 0)
  return { training: run.lastOf('reward/training'), agreement, bestOf, policy: begin < 0 ? [] : looks.slice(begin) }
}

type GeneratedData = EventOf<'posttraining/generated-data'>

/** One of the sets of generated data with what became of its model; undefined where it was not tried. */
export const generatedArm = (event: GeneratedData | null, arm: GeneratedData['arms'][number]['arm']) =>
  event?.arms.find((one) => one.arm === arm)

type JudgeScore = EventOf<'evaluation/judges'>['judges'][number]

/** The judge that sees both replies at once, and the one that agrees with the verifier most. */
export function judgesOf({ judges }: EventOf<'evaluation/judges'>): { readonly asked: JudgeScore | null; readonly best: JudgeScore } {
  return {
    asked: judges.find(({ isOrderFree }) => !isOrderFree) ?? null,
    best: judges.reduce((a, b) => (b.agreement.value > a.agreement.value ? b : a)),
  }
}
