/**
 * Three sets of samples of one size, made of the same replies: as they were drawn; those that a verifier lets through, each once;
 * and those once more, with problems that are rarely solved weighed up.
 */
import type { Random } from '../../base/random.ts'
import type { Problem } from '../../foundations/index.ts'
import type { Reply } from '../replies.ts'
import { type Answered, sidesOf } from '../reward/answers.ts'

/** One reply to a problem. */
export interface Sample {
  readonly problem: Problem
  readonly reply: Reply
}

export interface GeneratedSets {
  readonly raw: readonly Sample[]
  readonly filtered: readonly Sample[]
  readonly reweighted: readonly Sample[]
  /** Of all replies: those that are right, and those of them that say the same as another to their problem. */
  readonly rightCount: number
  readonly duplicateCount: number
}

/** The first of each list, then the second of each, and so on: many problems before many replies to one. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, place) => lists.flatMap((list) => (place < list.length ? [list[place]] : []))).flat()
}

/**
 * Makes the sets. Their size is the number of distinct right replies: the largest for which nothing needs repeating.
 *
 * @param answered problems with as many replies each
 * @param rng      decides where the weighed drawing begins, and nothing else
 */
export function generatedSets(answered: readonly Answered[], rng: Random): GeneratedSets {
  const samples = (one: Answered, replies: readonly Reply[]) => replies.map((reply): Sample => ({ problem: one.problem, reply }))
  const filtered = inTurn(answered.map((one) => samples(one, sidesOf(one).right)))
  const raw = inTurn(answered.map((one) => samples(one, one.replies))).slice(0, filtered.length)
  const rightOf = new Map(answered.map(({ problem, replies }) => [problem, replies.filter(({ isCorrect }) => isCorrect).length]))
  const rightCount = [...rightOf.values()].reduce((sum, count) => sum + count, 0)
  // A problem's weight is how many replies one right answer to it took.
  const weights = filtered.map(({ problem }) => 1 / rightOf.get(problem)!)
  return { raw, filtered, reweighted: resampled(filtered, weights, rng), rightCount, duplicateCount: rightCount - filtered.length }
}

/** As many items, each about as often as its weight says: evenly spaced points on the line of all weights. */
function resampled<T>(items: readonly T[], weights: readonly number[], rng: Random): T[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const stride = total / items.length
  const chosen: T[] = []
  let point = stride * rng.uniform()
  let reached = 0
  for (const [index, item] of items.entries()) {
    reached += weights[index]
    for (; point < reached && chosen.length < items.length; point += stride) chosen.push(item)
  }
  // Rounding may leave the last point behind the end of the line.
  while (chosen.length < items.length) chosen.push(items.at(-1)!)
  return chosen
}
