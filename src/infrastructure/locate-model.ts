/**
 * From a path to a model on disk: a model folder, a run folder (its result, or the end of an earlier stage), or a config.json.
 *
 * Each stage of a run left a checkpoint, which is a model in everything but the tokenizer. That one is the run's.
 */
import { usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { latestCheckpoint } from './checkpoint.ts'
import { recoverFolder } from './whole-folder.ts'

const configName = 'config.json'
const tokenizerName = 'tokenizer.json'

/** Where a path leads: to a file of sizes alone, or to a folder with weights. */
export type ModelLocation =
  | { readonly kind: 'config'; readonly configFile: string }
  | { readonly kind: 'model' | 'run'; readonly folder: string; readonly configFile: string; readonly tokenizerFile: string }

/**
 * Finds the model that a path means: a model folder, a run folder (its `model/`), or a `config.json`.
 *
 * @throws UsageError when it is none of them
 */
export function locateModel(given: string): ModelLocation {
  const { fs, path } = node()
  recoverFolder(given)
  const status = fs.statSync(given, { throwIfNoEntry: false })
  const expected = 'a model folder, a run folder or a config.json'
  if (!status) throw usageError(given, expected, 'nothing there', 'Check the path.')
  if (!status.isDirectory()) return { kind: 'config', configFile: given }
  const here = path.join(given, configName)
  if (fs.existsSync(here)) return { kind: 'model', folder: given, configFile: here, tokenizerFile: path.join(given, tokenizerName) }
  const folder = path.join(given, 'model')
  recoverFolder(folder)
  const inRun = path.join(folder, configName)
  if (fs.existsSync(inRun)) return { kind: 'run', folder, configFile: inRun, tokenizerFile: path.join(folder, tokenizerName) }
  if (fs.existsSync(path.join(given, 'recipe.json')))
    throw usageError(
      given,
      'a run that has written its model',
      'one without a model folder',
      `Let it finish: strata run ${given} --resume.`,
    )
  throw usageError(given, expected, 'a folder without config.json', 'Check the path.')
}

/** Stages in their order: the base model in its longest window, fine-tuned, reinforced. */
export const modelStages = ['base', 'sft', 'rl'] as const
export type ModelStage = (typeof modelStages)[number]

/** Stages of training whose end is a stage's model, the last one first. */
const trainingStages: Readonly<Record<ModelStage, readonly string[]>> = {
  base: ['extend-2', 'extend-1', 'pretrain'],
  sft: ['sft'],
  rl: ['rl'],
}

function endOf(runFolder: string, stage: ModelStage): string | null {
  for (const training of trainingStages[stage]) {
    const { found } = latestCheckpoint(runFolder, training)
    if (found) return found.folder
  }
  return null
}

/** The stages that a run has, in order; none for a folder that is no run's. */
export const stagesOf = (runFolder: string): ModelStage[] => modelStages.filter((stage) => endOf(runFolder, stage) !== null)

/**
 * Finds the model of a stage.
 *
 * @throws UsageError when there is no such run, or it has none
 */
export function locateStage(runFolder: string, stage: ModelStage): ModelLocation {
  const { fs, path } = node()
  if (!fs.existsSync(runFolder)) return locateModel(runFolder)
  const folder = endOf(runFolder, stage)
  if (folder !== null)
    return { kind: 'run', folder, configFile: path.join(folder, configName), tokenizerFile: path.join(runFolder, tokenizerName) }
  const present = stagesOf(runFolder)
  const hint = present.length > 0 ? `It has ${present.join(', ')}.` : 'Only the folder of a run has stages.'
  throw usageError(runFolder, `a run with a checkpoint of the stage ${stage}`, 'one without', hint)
}
