/**
 * Problems with several replies to each, drawn by the model itself and verified: what preferences are made of, and what the best
 * of n is chosen from.
 */
import { usageError, type UsageError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { Problem } from '../../foundations/index.ts'
import type { Engine } from '../../inference/index.ts'
import type { Judge } from '../judge.ts'
import type { PolicySequence } from '../policy-update.ts'
import { drawReplies, type Reply } from '../replies.ts'

/** A problem and replies to it. */
export interface Answered {
  readonly problem: Problem
  readonly replies: readonly Reply[]
}

/** Two replies to one problem; the verifier let the first one through and not the second. */
export interface PreferencePair {
  readonly problem: Problem
  readonly better: Reply
  readonly worse: Reply
}

/** Called between two pieces of work with the share that is done; may throw to end it. */
export type OnShare = (share: number) => Promise<void>

export interface AnswerOptions {
  readonly samplesPerProblem: number
  readonly maxTokens: number
  /** A stream of its own. */
  readonly rng: Random
  readonly onShare?: OnShare
}

/** Problems that are answered between two looks at the clock. */
const problemsAtOnce = 32

/** Draws replies at temperature 1 and has each of them verified. */
export async function answerProblems(
  engine: Engine,
  problems: readonly Problem[],
  judge: Judge,
  { samplesPerProblem, maxTokens, rng, onShare }: AnswerOptions,
): Promise<Answered[]> {
  const answered: Answered[] = []
  for (let from = 0; from < problems.length; from += problemsAtOnce) {
    await onShare?.(from / problems.length)
    const part = problems.slice(from, from + problemsAtOnce)
    const { replies } = await drawReplies(engine, part, judge, {
      samplesPerProblem,
      maxTokens,
      temperature: 1,
      rng: rng.fork(`replies/${from}`),
    })
    answered.push(
      ...part.map((problem, index) => ({ problem, replies: replies.slice(index * samplesPerProblem, (index + 1) * samplesPerProblem) })),
    )
  }
  return answered
}

/** Right and wrong replies to a problem, each text once. */
export function sidesOf({ replies }: Answered): { readonly right: readonly Reply[]; readonly wrong: readonly Reply[] } {
  const distinct = [...new Map(replies.map((reply) => [reply.text, reply])).values()]
  return { right: distinct.filter(({ isCorrect }) => isCorrect), wrong: distinct.filter(({ isCorrect }) => !isCorrect) }
}

/**
 * Pairs of replies that differ in what the verifier says of them.
 *
 * @param mostPerProblem pairs of one problem, at most: those with many wrong replies must not drown the others
 */
export function preferencePairs(answered: readonly Answered[], mostPerProblem: number): PreferencePair[] {
  return answered.flatMap((one) => {
    const { right, wrong } = sidesOf(one)
    const count = right.length === 0 || wrong.length === 0 ? 0 : Math.min(mostPerProblem, Math.max(right.length, wrong.length))
    return Array.from({ length: count }, (_, index) => ({
      problem: one.problem,
      better: right[index % right.length],
      worse: wrong[index % wrong.length],
    }))
  })
}

/** A reply behind its prompt. */
export const sequenceOf = ({ promptIds, ids }: Reply): PolicySequence => ({
  ids: Int32Array.of(...promptIds, ...ids),
  promptLength: promptIds.length,
})

/**
 * The error for replies that teach nothing, with how many there are and how many of them are right.
 *
 * @param subject  what would learn from them
 * @param expected what it needs
 */
export function nothingToLearn(subject: string, expected: string, answered: readonly Answered[]): UsageError {
  const replies = answered.flatMap((one) => one.replies)
  const rightCount = replies.filter(({ isCorrect }) => isCorrect).length
  const got = `${replies.length} replies to ${answered.length} training problems, ${rightCount === 0 ? 'none' : rightCount} of them right`
  const hint =
    'It takes a model that solves some of its problems and not others, as that of strata run nano does; tiny is too small and trains too briefly. More of sft.conversations, or of the tokens before them, leads there.'
  return usageError(subject, expected, got, hint)
}
