/** Pre-training in a run's folder: the mixture of the recipe's text, from the recipe's seed. */
import { fimOptions, Mixture } from './data/index.ts'
import type { TrainingProbe } from './loop.ts'
import type { PreparedText } from './prepare-text.ts'
import { type StageOutcome, type StageSurroundings, trainStage } from './stage-in-folder.ts'

export interface FolderRun extends StageSurroundings {
  readonly text: PreparedText
  readonly probes?: readonly TrainingProbe[]
}

/**
 * Trains what the folder's recipe asks for, from where it stands.
 *
 * @throws UsageError as `trainStage`
 */
export async function trainInFolder(options: FolderRun): Promise<StageOutcome> {
  const { recipe, text } = options
  const source = new Mixture(text.tokenized, {
    seed: recipe.seed,
    extra: recipe.model.mtpDepth,
    fim: recipe.data.fimRate > 0 ? fimOptions(text.tokenizer, recipe.data.fimRate) : undefined,
  })
  return trainStage({
    ...options,
    stage: 'pretrain',
    model: recipe.model,
    training: recipe.training,
    source,
    maskDocuments: recipe.data.maskDocuments,
    dataHash: text.tokenized.fingerprint,
    from: null,
    decode: (ids) => text.tokenizer.decode(ids),
  })
}
