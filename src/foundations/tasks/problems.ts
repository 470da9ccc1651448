/** Problems of several tasks for training and for scores: drawn from a stream, kept to their side of the held-out split. */
import { rejectViolations } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { arithmeticTasks } from './arithmetic.ts'
import { compare } from './comparison.ts'
import { countdown } from './countdown.ts'
import { letterTasks } from './letters.ts'
import { problemPlace } from './problem-split.ts'
import { drawProblem, type Problem, type Task } from './task.ts'
import { units } from './units.ts'

/** Every task, easier ones first. */
export const tasks: readonly Task[] = [...letterTasks, compare, ...arithmeticTasks, units, countdown]

const taskOfName = new Map(tasks.map((task) => [task.name, task]))

/**
 * Tasks by name.
 *
 * @throws UsageError with all names that are none
 */
export function tasksNamed(names: readonly string[]): Task[] {
  rejectViolations(
    'tasks',
    names.filter((name) => !taskOfName.has(name)).map((name) => `no task is called ${JSON.stringify(name)}`),
    `The tasks are ${[...taskOfName.keys()].join(', ')}.`,
  )
  return names.map((name) => taskOfName.get(name)!)
}

/** What a score may be about: problems by which settings are chosen, or those that nothing has been chosen by. */
export const scoredSides = ['validation', 'held-out'] as const

export type ScoredSide = (typeof scoredSides)[number]

/** Whom problems are for: a training step, or a score. */
export type ProblemSide = 'train' | ScoredSide

/**
 * Share of each task's problems that is held out, 0..1, and as much again for validation. Larger than for text, because easy
 * levels have few problems: of the 210 sums of two numbers up to 20, one in five leaves about 40 to score.
 */
export const heldOutProblemShare = 0.2

/** The side of a problem, the same in every run. */
export function sideOf({ id }: Pick<Problem, 'id'>): ProblemSide {
  const place = problemPlace(id)
  if (place < heldOutProblemShare) return 'validation'
  return place < 2 * heldOutProblemShare ? 'held-out' : 'train'
}

/**
 * One problem of a side; what is drawn of the other side is dropped.
 *
 * @param level 0 to `task.levelCount - 1`; the hardest one for anything above
 */
export function drawProblemOf(task: Task, rng: Random, side: ProblemSide, level = 0): Problem {
  for (;;) {
    const problem = drawProblem(task, rng, Math.min(level, task.levelCount - 1))
    if (sideOf(problem) === side) return problem
  }
}

export interface ProblemsOptions {
  readonly side: ProblemSide
  readonly count: number
  readonly level?: number
}

/** Draws in a row that bring nothing new, after which a task counts as used up. */
const mostRepeats = 200

/**
 * Distinct problems, the tasks in turn; fewer than asked for where the tasks have no more.
 *
 * @param rng a stream of its own: `rng.fork('problems/held-out')`
 */
export function drawProblems(chosen: readonly Task[], rng: Random, { side, count, level = 0 }: ProblemsOptions): Problem[] {
  const problems: Problem[] = []
  const ids = new Set<string>()
  const streams = new Map(chosen.map((task) => [task, rng.fork(task.name)]))
  const drawNew = (task: Task, stream: Random): Problem | null => {
    for (let repeats = 0; repeats < mostRepeats; repeats++) {
      const problem = drawProblemOf(task, stream, side, level)
      if (!ids.has(problem.id)) return problem
    }
    return null
  }
  while (streams.size > 0 && problems.length < count) {
    for (const [task, stream] of streams) {
      if (problems.length === count) break
      const problem = drawNew(task, stream)
      if (problem === null) streams.delete(task)
      else {
        ids.add(problem.id)
        problems.push(problem)
      }
    }
  }
  return problems
}
