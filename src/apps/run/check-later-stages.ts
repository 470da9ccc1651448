/** What a recipe's later stages name, looked at before the first one begins: tasks, conversations, ablations. */
import { rejectViolations } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { taskNames } from '../../evaluation/index.ts'
import { chooseTasks, readConversations, VerifierSandbox } from '../../posttraining/index.ts'
import { ablationNames, type Recipe } from '../../pretraining/index.ts'

/**
 * Checks everything that is named and not built in.
 *
 * @throws UsageError naming what does not exist, every faulty line of a file of conversations, and a verifier that does not load
 */
export async function checkLaterStages({ evaluation, sft, rl, ablations }: Recipe): Promise<void> {
  rejectViolations(
    'evaluation.tasks',
    evaluation.tasks
      .filter((name) => !taskNames.includes(name))
      .map((name) => `there is no task called "${name}". ${didYouMean(name, taskNames)}`),
    `The tasks are ${taskNames.join(', ')}.`,
  )
  for (const file of sft?.paths ?? []) readConversations(file)
  if (ablations) ablationNames(ablations.names)
  if (!rl) return
  chooseTasks(rl.tasks)
  if (rl.verifier !== null) await (await VerifierSandbox.open(rl.verifier)).close()
}
