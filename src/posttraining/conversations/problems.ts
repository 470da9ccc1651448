/**
 * Tasks with verifiers, answered: they teach the form of a reply and start reinforcement from more than nothing.
 *
 * Every task is there, mostly at its easiest level. Problems come from the training side of the split only, so held-out
 * accuracy is about problems that neither fine-tuning nor reinforcement has shown.
 */
import { drawProblemOf, drawProblems, formatReply, type Problem, tasks } from '../../foundations/index.ts'
import type { ConversationMaker, Exchange } from './conversation.ts'

/** Chances of levels 0, 1 and the hardest, as upper bounds of a draw from [0, 1). */
const levelBounds = [0.7, 0.9, 1]

const exchangeOf = ({ id, prompt, answer, reasoning }: Problem): Exchange => ({
  key: id,
  question: prompt,
  answer: formatReply(answer, reasoning),
})

/** The tasks in turn, each first at its easiest level; held-out ones are distinct. */
export const solvedProblems: ConversationMaker = {
  source: 'tasks',
  share: 0.54,
  reads: null,
  *exchanges(_, rng, side) {
    if (side === 'held-out') {
      yield* drawProblems(tasks, rng, { side, count: 20 * tasks.length }).map(exchangeOf)
      return
    }
    const streams = tasks.map((task) => rng.fork(task.name))
    for (let round = 0; ; round++)
      for (const [index, task] of tasks.entries()) {
        const stream = streams[index]
        const draw = stream.uniform()
        const level = round === 0 ? 0 : levelBounds.findIndex((bound) => draw < bound)
        yield exchangeOf(drawProblemOf(task, stream, side, level))
      }
  },
}
