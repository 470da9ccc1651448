/** The fine-tuned model of a run, for experiments that begin from it: what of the run's folder they need. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { usageError } from '../../base/errors.ts'
import type { RunEvent } from '../../base/run-log.ts'
import type { Tokenizer } from '../../foundations/index.ts'
import { latestCheckpoint, readTokenizer, type RunFolder } from '../../infrastructure/index.ts'
import type { Recipe } from '../../pretraining/index.ts'
import { checkRunDocument } from '../../report/index.ts'
import { commandLine } from './commands.ts'

export interface FineTuned {
  readonly recipe: Recipe
  readonly tokenizer: Tokenizer
  /** Folder of the last checkpoint of fine-tuning. */
  readonly from: string
}

/**
 * Finds the fine-tuned model of a run.
 *
 * @throws UsageError when the recipe does not fine-tune or reinforce, or the run has not come so far
 */
export function fineTunedOf<E extends RunEvent>({ folder, recipe: document }: RunFolder<E>): FineTuned {
  const { recipe } = checkRunDocument(document, path.join(folder, 'recipe.json'))
  if (recipe.sft === null || recipe.rl === null)
    throw usageError(folder, 'a run whose recipe fine-tunes and reinforces', 'one that does not', 'Begin one: strata run nano.')
  const file = path.join(folder, 'tokenizer.json')
  const { found } = latestCheckpoint(folder, 'sft')
  if (!found || !existsSync(file))
    throw usageError(folder, 'a run with a fine-tuned model', 'one without', `Fine-tune it first: ${commandLine('sft', folder)}`)
  return { recipe, tokenizer: readTokenizer(file).tokenizer, from: found.folder }
}
