/**
 * A judge that is asked: both replies stand in one prompt, and the likelier of two answers is its verdict.
 *
 *   Which reply is better? Question: … Reply A: … Reply B: …   ->   p("<answer>A</answer>") against p("<answer>B</answer>")
 *
 * Nothing is drawn, so the same prompt gets the same verdict; what may differ is the verdict on the same two replies in the other
 * order. A small model of a judge that is prompted, as in Zheng et al., "Judging LLM-as-a-judge" (2023).
 */
import type { Model } from '../../architecture/index.ts'
import { encodeChat, formatReply, type Tokenizer, v3ChatTemplate } from '../../foundations/index.ts'
import { policyBatches, replyLosses } from '../../posttraining/index.ts'

/** A question with two replies in the order in which a judge sees them. */
export interface Shown {
  readonly prompt: string
  readonly first: string
  readonly second: string
}

const questionOf = ({ prompt, first, second }: Shown) =>
  `Which reply is better, A or B?\nQuestion: ${prompt}\nReply A: ${first}\nReply B: ${second}`

/**
 * How much likelier "A" is than "B" for each pair, ln p(A) - ln p(B) in nats; positive prefers the first.
 *
 * @param yieldTurn awaited between batches
 */
export async function askedMargins(
  model: Model,
  tokenizer: Tokenizer,
  shown: readonly Shown[],
  yieldTurn: () => Promise<void>,
): Promise<Float64Array> {
  const sequences = shown.flatMap((pair) =>
    ['A', 'B'].map((option) => {
      const messages = [
        { role: 'user', content: questionOf(pair) },
        { role: 'assistant', content: formatReply(option) },
      ] as const
      const { ids, isTarget } = encodeChat(tokenizer, v3ChatTemplate, messages)
      return { ids: Int32Array.from(ids), promptLength: isTarget.indexOf(1) }
    }),
  )
  const losses = await replyLosses(model, sequences, policyBatches(sequences), yieldTurn)
  const total = (index: number) => losses[index].reduce((sum, loss) => sum + loss, 0)
  return Float64Array.from(shown, (_, index) => total(2 * index + 1) - total(2 * index))
}
