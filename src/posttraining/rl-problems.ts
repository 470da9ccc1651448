/** The questions of reinforcement: tasks by the recipe's words, problems of a step, prompts as the chat template has them. */
import { rejectViolations, usageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { drawProblems, encodeChat, type Problem, type Task, tasks, type Tokenizer, v3ChatTemplate } from '../foundations/index.ts'

/** A task and the recipe's word for it: its name, or its family's. */
export interface ChosenTask {
  readonly task: Task
  readonly family: string
}

/**
 * The tasks of some names and families, each once.
 *
 * @throws UsageError with every name that is none
 */
export function chooseTasks(names: readonly string[]): ChosenTask[] {
  const words = [...new Set(tasks.flatMap(({ name, family }) => [family, name]))]
  rejectViolations(
    'rl.tasks',
    names.filter((name) => !words.includes(name)).map((name) => `no task or family of tasks is called ${JSON.stringify(name)}`),
    `Those that there are: ${words.join(', ')}.`,
  )
  return tasks.filter(({ name, family }) => names.includes(name) || names.includes(family)).map((task) => ({ task, family: task.family }))
}

/**
 * Training problems of a step. The tasks take turns from step to step, so that each is asked as often as the others.
 *
 * @param step steps done before this one
 * @param rng  the stage's root; a step draws from a stream of its own
 */
export function problemsOfStep(chosen: readonly ChosenTask[], rng: Random, step: number, count: number, level: number): Problem[] {
  const first = (step * count) % chosen.length
  const turned = [...chosen.slice(first), ...chosen.slice(0, first)].map(({ task }) => task)
  return drawProblems(turned, rng.fork(`problems/${step}`), { side: 'train', count, level })
}

/**
 * A problem as the model reads it, up to where it answers.
 *
 * @param room tokens that prompt and reply may take together
 * @throws UsageError when the prompt leaves no room for the reply
 */
export function promptIdsOf(tokenizer: Tokenizer, { prompt }: Problem, maxTokens: number, room: number): Int32Array {
  const { ids } = encodeChat(tokenizer, v3ChatTemplate, [{ role: 'user', content: prompt }], true)
  if (ids.length + maxTokens > room)
    throw usageError(
      'rl.maxTokens',
      `at most ${Math.max(0, room - ids.length)} behind a prompt of ${ids.length} tokens in a window of ${room}`,
      `${maxTokens}`,
      'Lower it, or extend the window.',
    )
  return Int32Array.from(ids)
}
