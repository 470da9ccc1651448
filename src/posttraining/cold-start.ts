/**
 * Solved training problems of the tasks that are reinforced, at the level that they are reinforced at: without them no reply
 * would be right, and a group of wrong ones teaches nothing (DeepSeek-R1, section 2.3.1: cold start).
 *
 * Some conversations ask two, one behind the other: a model that never saw a second question in training makes a mess of it.
 */
import { Random } from '../base/random.ts'
import { type ChatMessage, drawProblemOf, formatReply } from '../foundations/index.ts'
import type { Recipe } from '../pretraining/index.ts'
import type { Conversation } from './conversations/conversation.ts'
import { chooseTasks } from './rl-problems.ts'

/** Their source. */
const coldStart = 'solved problems'

/** Share of the conversations that ask two problems. */
const twoTurnShare = 0.3

/**
 * Conversations of solved problems, the tasks in turn.
 *
 * @param count problems in all; the same problems for the same seed, and the first ones of a larger count
 */
export function solvedProblems({ rl, seed }: Pick<Recipe, 'rl' | 'seed'>, count: number): Conversation[] {
  if (rl === null) return []
  const chosen = chooseTasks(rl.tasks)
  const rng = Random.seeded(seed).fork(coldStart)
  const pairing = rng.fork('turns')
  const problemAt = (index: number) => drawProblemOf(chosen[index % chosen.length].task, rng.fork(`${index}`), 'train', rl.level)
  const conversations: Conversation[] = []
  for (let index = 0; index < count;) {
    const turnCount = pairing.uniform() < twoTurnShare && index + 1 < count ? 2 : 1
    const problems = Array.from({ length: turnCount }, (_, turn) => problemAt(index + turn))
    conversations.push({
      id: `${coldStart}/${index}/${problems.map(({ id }) => id).join(' + ')}`,
      source: coldStart,
      messages: problems.flatMap(({ prompt, answer, reasoning }): ChatMessage[] => [
        { role: 'user', content: prompt },
        { role: 'assistant', content: formatReply(answer, reasoning) },
      ]),
    })
    index += turnCount
  }
  return conversations
}
