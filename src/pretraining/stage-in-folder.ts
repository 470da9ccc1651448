/**
 * A stage of training in a run's folder: begins from the seed or from the last checkpoint of the stage before, goes on from its
 * own latest checkpoint, and saves new ones. Pre-training, context extension and fine-tuning are this with other rows.
 */
import { Random } from '../base/random.ts'
import { type EventSink, teeLog } from '../base/run-log.ts'
import { createModel, type Model, type ModelConfig } from '../architecture/index.ts'
import type { Machine } from '../compute/index.ts'
import { type AdamW, createAdamW, initialize } from '../foundations/index.ts'
import {
  documentHash,
  latestCheckpoint,
  readCheckpoint,
  readStageWeights,
  type RunFolder,
  writeCheckpoint,
} from '../infrastructure/index.ts'
import type { BatchSource } from './batch-source.ts'
import type { Stage, TrainingEvent, TrainingState } from './events.ts'
import { checkHeap } from './heap-plan.ts'
import { train, type TrainingOutcome, type TrainingProbe } from './loop.ts'
import type { Recipe, TrainingConfig } from './recipe.ts'

/** What every stage is told by whoever runs it. */
export interface StageSurroundings {
  readonly machine: Machine
  readonly recipe: Recipe
  /** Of the run; this process works in it. */
  readonly run: RunFolder<TrainingEvent>
  /** Hears every event that goes into the run's log. */
  readonly onEvent?: (event: TrainingEvent) => void
  readonly peakFlopsPerSecond?: number
  readonly stop?: AbortSignal
  /** Told once, when the stage goes on from a checkpoint, and of each one that had to be passed over. */
  readonly onResume?: (step: number, brokenCheckpoints: readonly string[]) => void
}

export interface StageRun extends StageSurroundings {
  readonly stage: Stage
  /** Sizes of the model in this stage: rotation and window may differ from stage to stage. */
  readonly model: ModelConfig
  readonly training: TrainingConfig
  readonly source: BatchSource
  readonly maskDocuments: boolean
  /** Of the data that the rows are made from: a stage goes on only with its own. */
  readonly dataHash: string
  /** Folder of the checkpoint to begin from; null begins from the recipe's seed. */
  readonly from: string | null
  readonly probes?: readonly TrainingProbe[]
  readonly decode?: (ids: Int32Array) => string
}

/** A trained model, still on the machine. */
export interface StageOutcome extends TrainingOutcome {
  readonly model: Model
  readonly optimizer: AdamW
}

/**
 * Trains a stage from where its folder stands.
 *
 * @throws UsageError when the heap would not fit, a checkpoint does not belong to the recipe or the data, or the loss is
 *   not finite for too long
 */
export async function trainStage(options: StageRun): Promise<StageOutcome> {
  const { machine, recipe, training, source, run, stage, from } = options
  checkHeap(options.model, training)
  const model = createModel(machine, options.model, { withGradients: true, length: options.model.maxLength })
  const hashes = { recipeHash: documentHash(recipe), dataHash: options.dataHash }
  const { found, broken } = latestCheckpoint(run.folder, stage)
  if (!found && from !== null) readStageWeights(from, model)
  else initialize(model.parameters.set, options.model.initStd, Random.seeded(recipe.seed))
  const optimizer = createAdamW(model.parameters.set, training.optimizer)
  let start: TrainingState | undefined
  if (found) {
    const { step, tokens, data, schedule } = readCheckpoint(found.folder, { model, optimizer }, hashes)
    source.restore(data)
    start = { step, tokens, skippedInARow: schedule['skippedInARow'] ?? 0, data: source.state() }
  }
  if (found || broken.length > 0)
    options.onResume?.(
      start?.step ?? 0,
      broken.map(({ reason }) => reason),
    )
  const log: EventSink<TrainingEvent> = teeLog(run.log, { append: (event) => options.onEvent?.(event) })
  const outcome = await train({
    stage,
    model,
    optimizer,
    source,
    log,
    start,
    config: training,
    maskDocuments: options.maskDocuments,
    peakFlopsPerSecond: options.peakFlopsPerSecond,
    probes: options.probes,
    stop: options.stop,
    decode: options.decode,
    save: ({ step, tokens, skippedInARow, data }) => {
      run.log.sync()
      const state = { stage, step, tokens, random: [], data: structuredClone(data) as never, schedule: { skippedInARow }, ...hashes }
      return writeCheckpoint(run.folder, { model, optimizer, state }, { keepCount: training.keptCheckpoints })
    },
  })
  return { ...outcome, model, optimizer }
}
