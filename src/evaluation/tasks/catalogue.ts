/** All tasks, in the order in which a report shows them, and the one way to get the items of one. */
import { usageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { arithmetic, arithmeticChoice } from './arithmetic.ts'
import { countryFacts } from './country-facts.ts'
import { definition } from './definition.ts'
import { grammar } from './grammar.ts'
import type { Task, TaskItem } from './item.ts'
import { lastWord } from './last-word.ts'
import { nextSentence } from './next-sentence.ts'
import { outputPrediction } from './output-prediction.ts'

/** Every task. */
export const tasks: readonly Task[] = [
  lastWord,
  grammar,
  nextSentence,
  definition,
  countryFacts,
  outputPrediction,
  arithmeticChoice,
  arithmetic,
]

/** Their names, for recipes and commands. */
export const taskNames: readonly string[] = tasks.map(({ name }) => name)

/**
 * The task called `name`.
 *
 * @throws UsageError when there is none
 */
export function taskNamed(name: string): Task {
  const task = tasks.find((one) => one.name === name)
  if (!task) throw usageError('task', `one of ${taskNames.join(', ')}`, name)
  return task
}

/**
 * Items of a task, the same for the same text and seed.
 *
 * @param domains  of a corpus; only held-out documents are looked at
 * @param mostItems drawn from all that the text gives; in the text's order
 */
export function taskItems(task: Task, domains: readonly CorpusDomain[], seed: number, mostItems: number): TaskItem[] {
  const rng = Random.seeded(seed).fork(`evaluation/${task.name}`)
  const all = task.build(domains, rng.fork('build'))
  const order = rng.fork('choose').shuffle(all.map((_, index) => index))
  return order
    .slice(0, mostItems)
    .sort((a, b) => a - b)
    .map((index) => all[index])
}
