/**
 * What is chosen by a reward, and what it is worth: agreement with the verifier, and the best of n replies.
 *
 * Of G drawn replies the best of any n of them is averaged over all sets of n, in closed form: ranked by reward from the lowest,
 * the i-th one is the best of C(i - 1, n - 1) sets out of C(G, n). So nothing is drawn twice, and n = 1 is the plain mean.
 */
import type { Reply } from '../replies.ts'
import type { Answered } from './answers.ts'

/** A problem's replies with a reward for each. */
export interface Rewarded extends Answered {
  readonly rewards: Float64Array
}

/**
 * Share of pairs of a right and a wrong reply whose right one scores higher; equal rewards count half. 0.5 is chance.
 *
 * @returns null when all replies are right, or none
 */
export function agreementOn({ replies, rewards }: Rewarded): { readonly agreement: number; readonly pairs: number } | null {
  const of = (isCorrect: boolean) => rewards.filter((_, index) => replies[index].isCorrect === isCorrect)
  const [right, wrong] = [of(true), of(false)]
  const pairs = right.length * wrong.length
  if (pairs === 0) return null
  let won = 0
  for (const high of right) for (const low of wrong) won += high > low ? 1 : high === low ? 0.5 : 0
  return { agreement: won / pairs, pairs }
}

/** Weight of the i-th of G ranked things, from the lowest on, when the best of n drawn without repeats is taken. */
function chosenWeights(G: number, n: number): Float64Array {
  const weights = new Float64Array(G)
  // C(i - 1, n - 1) / C(G, n), from the highest down: w_G = n / G, w_{i-1} = w_i (i - n) / (i - 1).
  let weight = n / G
  for (let i = G; i >= n; i--) {
    weights[i - 1] = weight
    if (i > 1) weight *= (i - n) / (i - 1)
  }
  return weights
}

/** The best of n replies to one problem, on the average over all sets of n. */
export interface BestOf {
  /** Chance that the chosen reply is right. */
  readonly right: number
  /** Its reward above the mean of the problem's replies, nats. */
  readonly reward: number
  /** Chance that any of the n is right: what choosing could reach. */
  readonly anyRight: number
}

/**
 * @param n at most the problem's replies
 */
export function bestOf({ replies, rewards }: Rewarded, n: number): BestOf {
  const G = replies.length
  const rank = Array.from(rewards.keys()).sort((a, b) => rewards[a] - rewards[b] || b - a)
  const weights = chosenWeights(G, n)
  const averageOf = (value: (index: number) => number) => rank.reduce((sum, index, place) => sum + weights[place] * value(index), 0)
  const average = rewards.reduce((sum, reward) => sum + reward, 0) / G
  const isRight = (reply: Reply) => (reply.isCorrect ? 1 : 0)
  const byTruth = replies.map(isRight).sort()
  return {
    right: averageOf((index) => isRight(replies[index])),
    reward: averageOf((index) => rewards[index] - average),
    anyRight: byTruth.reduce<number>((sum, right, place) => sum + weights[place] * right, 0),
  }
}

/** How far the best of n has moved from the policy that draws, nats a reply (Stiennon et al., 2020): ln n - (n - 1) / n. */
export const bestOfKl = (n: number): number => Math.log(n) - (n - 1) / n
