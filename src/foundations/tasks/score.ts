/**
 * The reward of a reply: right or wrong, and a little for the form.
 *
 *   reward = exactReward * isCorrect + formatReward * isWellFormed
 *
 * As R1-Zero's (DeepSeek-R1, section 2.2.2): a rule for accuracy, a rule for format, no reward model.
 */
import { mean } from '../../base/statistics.ts'
import { tasksNamed } from './problems.ts'
import { parseReply } from './reply-format.ts'
import type { Problem } from './task.ts'

/** What a right answer earns: the unit of rewards. */
export const exactReward = 1

/**
 * What the form earns. Not 0, so that a group of wrong replies still tells which of them could have been checked; a tenth, so
 * that no wrong reply comes near a right one.
 */
export const formatReward = 0.1

/** What a verifier finds. */
export interface Verdict {
  readonly isCorrect: boolean
  readonly isWellFormed: boolean
}

/** A verdict, and what it earns. */
export interface Score extends Verdict {
  readonly reward: number
}

/** Judges a reply; someone's own may throw or never end, so it runs behind a guard. */
export type Verifier = (problem: Problem, reply: string) => Verdict

/** The built-in verifier: the task's own check of what stands in the answer tags. */
export const verifyReply: Verifier = (problem, reply) => {
  const { isWellFormed, answer } = parseReply(reply)
  const [task] = tasksNamed([problem.task])
  return { isCorrect: answer !== null && task.isAnswer(problem, answer), isWellFormed }
}

/** The score of a verdict. */
export function scoreOf({ isCorrect, isWellFormed }: Verdict): Score {
  return { isCorrect, isWellFormed, reward: (isCorrect ? exactReward : 0) + (isWellFormed ? formatReward : 0) }
}

/** The score of a reply to a problem of a built-in task. */
export function score(problem: Problem, reply: string): Score {
  return scoreOf(verifyReply(problem, reply))
}

/** Mean chance level of problems, 0..1: what stands beside their accuracy. @param problems at least one */
export function chanceLevel(problems: readonly Problem[]): number {
  return mean(problems.map((problem) => tasksNamed([problem.task])[0].chanceLevel(problem)))
}
