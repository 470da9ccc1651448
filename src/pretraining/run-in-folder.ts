/**
 * Training in a run's folder: begins from the recipe's seed or goes on from the latest checkpoint, and saves new ones.
 */
import { Random } from '../base/random.ts'
import { type EventSink, teeLog } from '../base/run-log.ts'
import { createModel, type Model } from '../architecture/index.ts'
import type { Machine } from '../compute/index.ts'
import { type AdamW, createAdamW, initialize } from '../foundations/index.ts'
import { documentHash, latestCheckpoint, readCheckpoint, type RunFolder, writeCheckpoint } from '../infrastructure/index.ts'
import { fimOptions, Mixture } from './data/index.ts'
import type { TrainingEvent, TrainingState } from './events.ts'
import { checkHeap } from './heap-plan.ts'
import { train, type TrainingOutcome, type TrainingProbe } from './loop.ts'
import type { PreparedText } from './prepare-text.ts'
import type { Recipe } from './recipe.ts'

export interface FolderRun {
  readonly machine: Machine
  readonly recipe: Recipe
  readonly text: PreparedText
  /** Of the run; this process works in it. */
  readonly run: RunFolder<TrainingEvent>
  /** Hears every event that goes into the run's log. */
  readonly onEvent?: (event: TrainingEvent) => void
  readonly probes?: readonly TrainingProbe[]
  readonly peakFlopsPerSecond?: number
  readonly stop?: AbortSignal
  /** Told once, when the run goes on from a checkpoint, and of each one that had to be passed over. */
  readonly onResume?: (step: number, brokenCheckpoints: readonly string[]) => void
}

/** A trained model, still on the machine. */
export interface FolderOutcome extends TrainingOutcome {
  readonly model: Model
  readonly optimizer: AdamW
}

const stage = 'pretrain'

/**
 * Trains what the folder's recipe asks for, from where it stands.
 *
 * @throws UsageError when the heap would not fit, a checkpoint does not belong to the recipe or the data, or the loss is
 *   not finite for too long
 */
export async function trainInFolder(options: FolderRun): Promise<FolderOutcome> {
  const { machine, recipe, text, run } = options
  const { training } = recipe
  checkHeap(recipe.model, training)
  const model = createModel(machine, recipe.model, { withGradients: true, length: recipe.model.maxLength })
  const mixture = new Mixture(text.tokenized, {
    seed: recipe.seed,
    extra: recipe.model.mtpDepth,
    fim: recipe.data.fimRate > 0 ? fimOptions(text.tokenizer, recipe.data.fimRate) : undefined,
  })
  const hashes = { recipeHash: documentHash(recipe), dataHash: text.tokenized.fingerprint }
  const { found, broken } = latestCheckpoint(run.folder, stage)
  initialize(model.parameters.set, recipe.model.initStd, Random.seeded(recipe.seed))
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  let start: TrainingState | undefined
  if (found) {
    const { step, tokens, data, schedule } = readCheckpoint(found.folder, { model, optimizer }, hashes)
    mixture.restore(data)
    start = { step, tokens, skippedInARow: schedule['skippedInARow'] ?? 0, data: mixture.state() }
  }
  if (found || broken.length > 0)
    options.onResume?.(
      start?.step ?? 0,
      broken.map(({ reason }) => reason),
    )
  const log: EventSink<TrainingEvent> = teeLog(run.log, { append: (event) => options.onEvent?.(event) })
  const outcome = await train({
    model,
    optimizer,
    mixture,
    log,
    start,
    config: training,
    maskDocuments: recipe.data.maskDocuments,
    peakFlopsPerSecond: options.peakFlopsPerSecond,
    probes: options.probes,
    stop: options.stop,
    decode: (ids) => text.tokenizer.decode(ids),
    save: ({ step, tokens, skippedInARow, data }) => {
      run.log.sync()
      const state = { stage, step, tokens, random: [], data: structuredClone(data) as never, schedule: { skippedInARow }, ...hashes }
      return writeCheckpoint(run.folder, { model, optimizer, state }, { keepCount: training.keptCheckpoints })
    },
  })
  return { ...outcome, model, optimizer }
}
