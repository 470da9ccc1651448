/**
 * The training loop: batches in, steps taken, events out, a checkpoint now and then.
 *
 * It knows no files and no evaluation: whoever calls it says how a checkpoint is saved and which probes look at the model
 * on the way. What it needs to go on exactly where it stood is one `TrainingState`.
 */
import { usageError } from '../base/errors.ts'
import type { EventSink } from '../base/run-log.ts'
import { turn } from '../base/turn.ts'
import { type Model, targetWeightOf, trainingFlopsPerToken } from '../architecture/index.ts'
import { type AdamW, batchRowsAt, biasSpeedAt, learningRateAt, mtpWeightAt, stepsLeft } from '../foundations/index.ts'
import type { BatchSource, TrainingBatch } from './batch-source.ts'
import type { Stage, TrainingEvent, TrainingState } from './events.ts'
import type { TrainingConfig } from './recipe.ts'
import { takeStep } from './training-step.ts'

/** Looks at the model while it is trained; must leave it as it is. The recipe's runner puts evaluation in. */
export interface TrainingProbe {
  /** Steps between two looks. */
  readonly everySteps: number
  readonly look: (at: { readonly model: Model; readonly step: number; readonly tokens: number }) => void | Promise<void>
}

export interface TrainingRun {
  /** Of the run: stands in every event. */
  readonly stage: Stage
  readonly model: Model
  readonly optimizer: AdamW
  /** Where rows come from. */
  readonly source: BatchSource
  readonly config: TrainingConfig
  readonly maskDocuments: boolean
  readonly log: EventSink<TrainingEvent>
  /** Where an earlier process stopped; the mixture, the weights and the moments stand there already. */
  readonly start?: TrainingState
  /** Ceiling of all threads, in FLOP a second, for shares. */
  readonly peakFlopsPerSecond?: number
  readonly probes?: readonly TrainingProbe[]
  /** Saves a checkpoint and says where. Without it none is saved. */
  readonly save?: (state: TrainingState) => string
  /** Aborted: finish the step, save, return. */
  readonly stop?: AbortSignal
  /** The text of some ids, for events that name a batch. */
  readonly decode?: (ids: Int32Array) => string
}

export interface TrainingOutcome {
  readonly reason: 'complete' | 'interrupted'
  readonly state: TrainingState
}

/** Expert loads are reported this often in a run. */
const loadReports = 20

/** How many ids of a row an event shows. */
const shownIds = 24

/**
 * Trains until the run's tokens are consumed, or until it is told to stop.
 *
 * @throws UsageError after `nonFiniteLimit` steps in a row whose loss or gradient was not finite; nothing is saved then
 */
export async function train(run: TrainingRun): Promise<TrainingOutcome> {
  const { stage, model, source, config, log, probes = [], stop } = run
  const { schedule, rowLength, tokens: totalTokens } = config
  const flopsOf = flopsPerToken(model, config)
  let step = run.start?.step ?? 0
  let tokens = run.start?.tokens ?? 0
  let skippedInARow = run.start?.skippedInARow ?? 0
  const state = (): TrainingState => ({ step, tokens, skippedInARow, data: source.state() })
  const stepCount = step + stepsLeft(schedule, config, tokens)
  const loadInterval = Math.max(1, Math.ceil(stepCount / loadReports))
  const begun = performance.now()
  let savedAt = begun
  let savedStep = step
  log.append({ type: 'training/start', stage, step, tokens, stepCount })

  const save = () => {
    if (!run.save || savedStep === step) return
    const from = performance.now()
    const folder = run.save(state())
    savedAt = performance.now()
    savedStep = step
    log.append({ type: 'training/checkpoint', stage, step, tokens, folder, seconds: (savedAt - from) / 1000 })
  }
  const end = (reason: TrainingOutcome['reason']): TrainingOutcome => {
    save()
    log.append({ type: 'training/end', stage, reason, step, tokens, seconds: (performance.now() - begun) / 1000 })
    return { reason, state: state() }
  }

  while (tokens < totalTokens) {
    const stepBegun = performance.now()
    const tokenShare = tokens / totalTokens
    const settings = {
      learningRate: learningRateAt(schedule, { step, tokenShare }),
      biasSpeed: biasSpeedAt(schedule, tokenShare),
      mtpWeight: model.config.mtpDepth > 0 ? mtpWeightAt(schedule, tokenShare) : 0,
    }
    const dataBefore = source.state()
    const batch = source.nextBatch(batchRowsAt(schedule, config.rows, tokenShare), rowLength)
    if (targetWeightOf(batch) === 0) {
      tokens += batch.rows * rowLength
      log.append({ type: 'training/unsupervised', stage, tokens })
      continue
    }
    const result = await takeStep(model, run.optimizer, batch, config, run.maskDocuments, settings, turn)
    const { lossNats, gradientNorm, isTaken } = result
    const batchTokens = batch.rows * rowLength
    const stepSeconds = (performance.now() - stepBegun) / 1000
    step++
    tokens += batchTokens
    skippedInARow = isTaken ? 0 : skippedInARow + 1

    if (isTaken) {
      const { mtpNats, balance, maxViolation } = result
      const modelFlops = batchTokens * flopsOf(settings.mtpWeight)
      log.append({
        type: 'training/step',
        stage,
        step,
        tokens,
        batchTokens,
        lossNats,
        mtpNats,
        balance,
        ...settings,
        gradientNorm,
        maxViolation,
        stepSeconds,
        modelFlops,
        tokensPerSecond: batchTokens / stepSeconds,
        peakShare: run.peakFlopsPerSecond ? modelFlops / stepSeconds / run.peakFlopsPerSecond : null,
        heapBytes: model.machine.heap.peakBytes,
      })
    } else {
      const rows = rowsAsText(batch, source, run.decode)
      log.append({
        type: 'training/skipped',
        stage,
        step,
        tokens,
        lossNats,
        gradientNorm,
        inARow: skippedInARow,
        batch: { data: dataBefore, rows },
      })
      if (skippedInARow >= config.nonFiniteLimit) throw nonFiniteError(step, skippedInARow, lossNats, gradientNorm, rows)
    }
    if (step % loadInterval === 0 || tokens >= totalTokens) {
      log.append({ type: 'training/load', stage, step, loadByRouter: result.loadByRouter.map((load) => Array.from(load)) })
    }
    for (const { everySteps, look } of probes) if (step % everySteps === 0) await look({ model, step, tokens })
    if (stop?.aborted) return end('interrupted')
    if (skippedInARow === 0 && performance.now() - savedAt >= config.checkpointSeconds * 1000) save()
  }
  return end('complete')
}

/** Model FLOPs of a token, with the MTP modules or without, by the weight that they have. */
function flopsPerToken({ config }: Model, { rowLength }: TrainingConfig): (mtpWeight: number) => number {
  const { total, totalWithMtp } = trainingFlopsPerToken(config, rowLength)
  return (mtpWeight) => (mtpWeight > 0 ? totalWithMtp : total)
}

function rowsAsText({ rows, rowTokens, tokens_BS, domainOfRow_B }: TrainingBatch, source: BatchSource, decode: TrainingRun['decode']) {
  return Array.from({ length: rows }, (_, row) => {
    const ids = tokens_BS.subarray(row * rowTokens, row * rowTokens + Math.min(rowTokens, shownIds))
    return { domain: source.domainNames[domainOfRow_B[row]], text: decode?.(ids) ?? Array.from(ids).join(' ') }
  })
}

function nonFiniteError(step: number, inARow: number, loss: number, norm: number, rows: readonly { domain: string; text: string }[]) {
  const [first] = rows
  return usageError(
    `training, step ${step}`,
    'a finite loss and gradient',
    `loss ${loss} and gradient norm ${norm}, ${inARow} in a row (the last batch has ${rows.length} rows, the first from ${first.domain}: ${JSON.stringify(first.text.slice(0, 60))})`,
    'The last checkpoint is whole: lower training.schedule.learningRate and begin again, or leave the text out that the event in events.jsonl names.',
  )
}
