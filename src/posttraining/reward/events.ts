/** What a reward model has to say of itself: its training, its agreement with the verifier, and what becomes of those who trust it. */
import type { Interval } from '../../base/statistics.ts'

/** What was trained: everything, or the head alone on a trunk that stays as it is. */
export type RewardParts = 'trunk and head' | 'head'

/** A training on pairs of replies to training problems. First and last are means over a tenth of the steps. */
export interface RewardTrainingEvent {
  readonly type: 'reward/training'
  readonly parts: RewardParts
  /** Training problems that were answered, and those of them that some replies got right and some wrong. */
  readonly problems: number
  readonly mixedProblems: number
  readonly samplesPerProblem: number
  readonly pairs: number
  readonly epochs: number
  readonly steps: number
  readonly firstLossNats: number
  readonly lastLossNats: number
  readonly seconds: number
}

/** How often the right one of two replies to a held-out problem scores higher. Intervals are over problems. */
export interface RewardAgreementEvent {
  readonly type: 'reward/agreement'
  readonly parts: RewardParts
  /** Held-out problems with right and wrong replies, and pairs of such replies in all. */
  readonly problems: number
  readonly pairs: number
  readonly chance: number
  readonly agreement: Interval
  readonly byTask: readonly { readonly task: string; readonly problems: number; readonly agreement: number }[]
}

/** The best of n replies by the reward model, on held-out problems; means over problems with intervals over them. */
export interface BestOfEvent {
  readonly type: 'reward/best-of'
  readonly n: number
  readonly problems: number
  /** Share of chosen replies that the verifier lets through. */
  readonly accuracy: Interval
  /** The same of a reply that is chosen at random, and of a choice that always finds a right one if there is one. */
  readonly randomAccuracy: number
  readonly oracleAccuracy: number
  /** Of the choice over chance, problem by problem. */
  readonly gain: Interval
  /** Reward of the chosen above the mean of its problem's replies, nats. */
  readonly reward: Interval
  /** Distance from the policy that draws, nats a reply. */
  readonly klNats: number
}

/** A policy that is optimised against the reward model, on held-out problems with one reply each. */
export interface RewardPolicyEvent {
  readonly type: 'reward/policy'
  /** Steps that it has been optimised for. */
  readonly step: number
  readonly problems: number
  /** Reward of its replies above the mean of the fine-tuned model's to the same problem, nats. */
  readonly reward: Interval
  /** Share of its replies that the verifier lets through. */
  readonly accuracy: Interval
  /** Of the accuracy over that before the first step, problem by problem. */
  readonly gain: Interval
  /** Divergence from the fine-tuned model, nats a reply. */
  readonly klNats: number
}

export type RewardEvent = RewardTrainingEvent | RewardAgreementEvent | BestOfEvent | RewardPolicyEvent
