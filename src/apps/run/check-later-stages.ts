/** What a recipe's later stages name, looked at before anything is trained: tasks, conversations, ablations, a verifier. */
import { rejectViolations } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import { taskNames } from '../../evaluation/index.ts'
import { chooseTasks, readConversations, tryVerifier } from '../../posttraining/index.ts'
import { ablationNames, configAfter, type Recipe } from '../../pretraining/index.ts'
import type { PartName } from '../../report/index.ts'

/**
 * Checks everything that is named and not built in, as far as it is still to be used.
 *
 * @param isDone which parts of the run are done; none of a new one
 * @throws UsageError naming what does not exist, every faulty line of a file of conversations, and a verifier that does not load
 *   or gives no verdicts
 */
export async function checkLaterStages(recipe: Recipe, isDone: (part: PartName) => boolean = () => false): Promise<void> {
  const { evaluation, sft, rl, ablations } = recipe
  rejectViolations(
    'evaluation.tasks',
    evaluation.tasks
      .filter((name) => !taskNames.includes(name))
      .map((name) => `there is no task called "${name}". ${didYouMean(name, taskNames)}`.trim()),
    `The tasks are ${taskNames.join(', ')}.`,
  )
  rejectBeyondWindow(recipe)
  if (sft && !isDone('sft')) for (const file of sft.paths) readConversations(file)
  if (ablations && !isDone('ablations')) ablationNames(ablations.names)
  if (!rl || isDone(rl.shuffledSteps > 0 ? 'evaluate-rl-shuffled' : 'evaluate-rl')) return
  chooseTasks(rl.tasks)
  if (rl.verifier !== null) await tryVerifier(rl)
}

/** Rows and replies that the model's window has no room for: noticed now, not after the training before them. */
function rejectBeyondWindow(recipe: Recipe): void {
  const { sft, rl } = recipe
  const window = configAfter(recipe, 'sft').maxLength
  rejectViolations(
    'recipe',
    [
      ...(sft && sft.rowLength > window ? [`sft.rowLength: expected at most the window of ${window} tokens, got ${sft.rowLength}`] : []),
      ...(rl && rl.maxTokens >= window ? [`rl.maxTokens: expected less than the window of ${window} tokens, got ${rl.maxTokens}`] : []),
    ],
    'Lower them, or extend the window.',
  )
}
