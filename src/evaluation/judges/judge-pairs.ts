/**
 * Pairwise judging of held-out replies by three judges: the fine-tuned model that is asked which reply is better, the likelihood
 * that it gives to each, and the reward model. One pair a problem: its first right reply and its first wrong one.
 *
 * The last two score one reply at a time, so exchanging the order cannot change them: they agree with themselves by construction.
 * Claim: evaluation.weak-judges.
 */
import type { Model } from '../../architecture/index.ts'
import type { Tokenizer } from '../../foundations/index.ts'
import type { Rewarded } from '../../posttraining/index.ts'
import { mean } from '../../base/statistics.ts'
import type { JudgesEvent } from '../events.ts'
import { askedMargins } from './asked-judge.ts'
import { compareJudges, scoreJudge, type Verdicts } from './verdicts.ts'

/** One pair, with what two of the judges make of its replies. */
interface Pair {
  readonly prompt: string
  readonly texts: readonly [better: string, worse: string]
  /** Mean ln p of a token; and reward. */
  readonly likelihoods: readonly [number, number]
  readonly rewards: readonly [number, number]
}

function pairOf({ problem, replies, rewards }: Rewarded): Pair[] {
  const [better, worse] = [true, false].map((isCorrect) => replies.findIndex((reply) => reply.isCorrect === isCorrect))
  if (better < 0 || worse < 0) return []
  const both = <T>(of: (index: number) => T) => [of(better), of(worse)] as const
  return [
    {
      prompt: problem.prompt,
      texts: both((index) => replies[index].text),
      likelihoods: both((index) => mean(replies[index].logProbabilities)),
      rewards: both((index) => rewards[index]),
    },
  ]
}

/**
 * Judges one pair of replies to each problem that has both kinds, in both orders.
 *
 * @param model the one that is asked
 * @param rewarded problems with verified replies and their rewards; the likelihoods of the replies are those of their drawing
 * @returns null when fewer than two problems have both right and wrong replies
 */
export async function judgePairs(
  model: Model,
  tokenizer: Tokenizer,
  rewarded: readonly Rewarded[],
  yieldTurn: () => Promise<void>,
): Promise<JudgesEvent | null> {
  const pairs = rewarded.flatMap(pairOf)
  if (pairs.length < 2) return null
  const shown = pairs.flatMap(({ prompt, texts: [better, worse] }) => [
    { prompt, first: better, second: worse },
    { prompt, first: worse, second: better },
  ])
  const margins = await askedMargins(model, tokenizer, shown, yieldTurn)
  const orderFree = (judge: string, of: (pair: Pair) => readonly [number, number]): Verdicts => ({
    judge,
    isOrderFree: true,
    prefersFirst: pairs.map((pair) => {
      const [better, worse] = of(pair)
      return [better >= worse, worse >= better]
    }),
  })
  const verdicts: Verdicts[] = [
    { judge: 'asked', isOrderFree: false, prefersFirst: pairs.map((_, p) => [margins[2 * p] >= 0, margins[2 * p + 1] >= 0]) },
    orderFree('likelihood', ({ likelihoods }) => likelihoods),
    orderFree('reward model', ({ rewards }) => rewards),
  ]
  return { type: 'evaluation/judges', stage: 'sft', chance: 0.5, judges: verdicts.map(scoreJudge), together: compareJudges(verdicts) }
}
