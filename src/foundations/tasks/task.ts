/**
 * A task is data plus a verifier: problems drawn from a random stream, and an exact check of what a reply says.
 *
 * Rewards (posttraining) and scores (evaluation) both need it, so it lives below both. Every check is a rule, none a model:
 * DeepSeek-V3 report, section 5.2.2. Claim: posttraining.rule-rewards.
 */
import type { Random } from '../../base/random.ts'

/** One question with its answer. */
export interface Problem {
  /** Task and content, the same for one problem in all its spellings: "add/7+8" for both orders of 7 and 8. */
  readonly id: string
  /** Name of the task. */
  readonly task: string
  /** 0 is the easiest. */
  readonly level: number
  readonly prompt: string
  /** What stands between the answer tags of a right reply; other answers may be right too. */
  readonly answer: string
  /** The way to the answer in a line of text, where one helps; null where the answer is said at once. */
  readonly reasoning: string | null
}

/** What a task draws; its name, level and the id's beginning are added by `drawProblem`. */
export interface Draft {
  /** Tells problems of the task apart. */
  readonly key: string
  readonly prompt: string
  readonly answer: string
  readonly reasoning?: string
}

/** A kind of problem. */
export interface Task {
  readonly name: string
  /** Tasks of one family are variants of each other: "letters", "arithmetic". */
  readonly family: string
  /** Levels 0 to levelCount - 1. */
  readonly levelCount: number
  readonly draft: (rng: Random, level: number) => Draft
  /** Whether an answer, as it stands between its tags, is right. Never throws. */
  readonly isAnswer: (problem: Problem, answer: string) => boolean
  /**
   * Share of right answers, 0..1, that somebody reaches who knows the form of the answers and how often each occurs, but
   * does not work on the problem. What stands beside a score.
   */
  readonly chanceLevel: (problem: Problem) => number
}

/** A problem of a task. @param level 0 to `levelCount - 1` */
export function drawProblem({ name, draft }: Task, rng: Random, level: number): Problem {
  const { key, prompt, answer, reasoning = null } = draft(rng, level)
  return { id: `${name}/${key}`, task: name, level, prompt, answer, reasoning }
}

/** One of `items`. */
export const pick = <T>(rng: Random, items: readonly T[]): T => items[rng.below(items.length)]

/** A whole number from `low` to `high`, both included. */
export const between = (rng: Random, low: number, high: number): number => low + rng.below(high - low + 1)

/** The same answer, whatever blanks stand in it. */
export const isSameText = ({ answer }: Problem, given: string): boolean => withoutBlanks(answer) === withoutBlanks(given)

const withoutBlanks = (text: string) => text.replace(/\s+/g, '')
