/** The model of a stage: written as the run's result so far, and loaded again for what measures it. */
import path from 'node:path'
import { usageError } from '../../base/errors.ts'
import { formatSeconds } from '../../base/format.ts'
import { averageOf } from '../../foundations/index.ts'
import { createModel, type Model, type ModelConfig } from '../../architecture/index.ts'
import { dropOlderCheckpoints, latestCheckpoint, readStageWeights, writeModelFolder } from '../../infrastructure/index.ts'
import type { Stage, StageOutcome } from '../../pretraining/index.ts'
import type { RunContext } from './part.ts'

/** Writes the run's `model/`: the last stage that was trained is the result. */
export function writeResult(
  { run, document, text, output }: RunContext,
  { model, optimizer }: Pick<StageOutcome, 'model' | 'optimizer'>,
): void {
  const { temperature, topP } = document.recipe.samples
  const weights = averageOf(optimizer)
  writeModelFolder(run.modelFolder, model, text.tokenizer, {
    generation: { temperature, topP },
    ...(weights && { weights }),
  })
  output.note(
    `model     written to ${path.relative(process.cwd(), run.modelFolder) || '.'} after ${formatSeconds(performance.now() / 1000)}`,
  )
}

/** A finished stage is gone on from its end alone: its other checkpoints go. */
export const keepEndOnly = ({ run }: RunContext, stage: Stage): void => dropOlderCheckpoints(run.folder, stage, 1)

/**
 * Where a stage ended.
 *
 * @throws UsageError when its checkpoint is gone
 */
export function endOfStage({ run }: RunContext, stage: Stage): string {
  const { found } = latestCheckpoint(run.folder, stage)
  if (found) return found.folder
  throw usageError(run.folder, `the last checkpoint of ${stage}`, 'none that is whole', 'Start a new run under another name.')
}

/**
 * The model as a stage left it, on the heap's innermost scope.
 *
 * @param config its sizes; rotation and window may be others than in the stage, to try them
 */
export function loadStage(context: RunContext, stage: Stage, config: ModelConfig): Model {
  const model = createModel(context.machine, config, { withGradients: false, length: config.maxLength })
  readStageWeights(endOfStage(context, stage), model)
  return model
}
