/**
 * What a run came to, as a record: made from its recipe.json and its events alone, so it is the same right after the run and
 * a year later. The text that people read is summary-text.ts.
 */
import path from 'node:path'
import { mean, median } from '../base/statistics.ts'
import { countParameters } from '../architecture/index.ts'
import type { CompressorScores, DomainScoreEvent } from '../evaluation/index.ts'
import { extensionStages, planHeap, type Recipe, stepTrace } from '../pretraining/index.ts'
import type { RunDocument, RunRecordEvent, SampleEvent } from '../report/index.ts'

/** A figure at the beginning of a run and at its end. */
interface FirstAndLast {
  readonly first: number
  readonly last: number
}

export interface DomainScore {
  readonly domain: string
  readonly bitsPerByte: number
  /** Half the width of the 95 % interval. */
  readonly plusMinus: number
  readonly lossNats: number
  readonly utf8Bytes: number
  readonly documents: number
  readonly compressors: CompressorScores
}

interface StageAccuracy {
  readonly stage: string
  readonly correct: number
  readonly n: number
  readonly accuracy: number
  /** 95 %. */
  readonly low: number
  readonly high: number
  readonly chance: number
}

export interface RunSummary {
  readonly status: 'complete' | 'interrupted'
  readonly run: string
  readonly recipe: string
  readonly seed: number
  readonly model: { readonly parameters: number; readonly activated: number }
  /** Something else than what was asked for, or left out of it. */
  readonly warnings: readonly string[]
  readonly training: {
    readonly steps: number
    readonly skippedSteps: number
    readonly tokens: number
    /** Of the steps. */
    readonly seconds: number
    /** Medians over the steps. */
    readonly tokensPerSecond: number
    readonly gflops: number
    readonly peakShare: number
    readonly peakGflops: number
    readonly threads: number
    readonly peakHeapBytes: number
    readonly predictedHeapBytes: number
    readonly lossNats: FirstAndLast
    /** Depth 1; null where no module was trained. */
    readonly mtpNats: FirstAndLast | null
    /** Mean over the routers. */
    readonly maxViolation: FirstAndLast
  } | null
  /** Of the base model. */
  readonly scores: readonly DomainScore[]
  /** Held-out problems with verifiers, all tasks together, stage by stage; the control of shuffled rewards last. */
  readonly accuracy: readonly StageAccuracy[]
  /** Tokens that pre-training looked back on, and that the model can look back on now. */
  readonly window: { readonly trained: number; readonly extended: number }
  /** Drafts by the MTP module; null when they were not measured. */
  readonly speculation: { readonly acceptedShare: number; readonly speedUp: number } | null
  readonly samples: readonly Omit<SampleEvent, 'type'>[]
  readonly paths: { readonly model: string | null; readonly report: string | null; readonly events: string; readonly checkpoints: string }
}

/** Steps that make the figure at either end, as a share of the run; a single batch says little. */
const endShare = 0.02

function ends(values: readonly number[]): FirstAndLast {
  const count = Math.max(1, Math.round(values.length * endShare))
  return { first: mean(values.slice(0, count)), last: mean(values.slice(-count)) }
}

/**
 * Summarises a run.
 *
 * @param folder of the run
 * @param events of its log, in order
 */
export function summarize(folder: string, document: RunDocument, events: readonly RunRecordEvent[]): RunSummary {
  const { recipe, ceilings } = document
  const { total, activated, mtp } = countParameters(recipe.model)
  const steps = stepTrace(events)
  const ahead = steps.flatMap(({ mtpNats }) => mtpNats.slice(0, 1))
  const isComplete = events.some((event) => event.type === 'run/stage' && event.stage === 'pretrain')
  // Scored twice (a stage was cut short and done again): the last counts.
  const scores = new Map<string, DomainScoreEvent>()
  const samples = new Map<string, SampleEvent>()
  for (const event of events) {
    if (event.type === 'evaluation/domain' && event.stage === 'pretrain') scores.set(event.domain, event)
    if (event.type === 'samples/text') samples.set(`${event.domain}\n${event.prompt}`, event)
  }
  const warnings = new Set(
    events.flatMap((event) => (event.type === 'data-fallback' ? [event.reason] : event.type === 'run/warning' ? [event.message] : [])),
  )
  return {
    status: isComplete ? 'complete' : 'interrupted',
    run: folder,
    recipe: recipe.name,
    seed: recipe.seed,
    model: { parameters: total + mtp.unique, activated },
    warnings: [...warnings],
    training:
      steps.length === 0
        ? null
        : {
            steps: steps.length,
            skippedSteps: events.filter(({ type }) => type === 'training/skipped').length,
            tokens: steps.at(-1)!.tokens,
            seconds: steps.reduce((sum, { stepSeconds }) => sum + stepSeconds, 0),
            tokensPerSecond: median(steps.map(({ tokensPerSecond }) => tokensPerSecond)),
            gflops: median(steps.map(({ modelFlops, stepSeconds }) => modelFlops / stepSeconds / 1e9)),
            peakShare: median(steps.map(({ modelFlops, stepSeconds }) => modelFlops / stepSeconds / 1e9)) / ceilings.gflopsAllThreads,
            peakGflops: ceilings.gflopsAllThreads,
            threads: ceilings.threads,
            peakHeapBytes: steps.reduce((most, { heapBytes }) => Math.max(most, heapBytes), 0),
            predictedHeapBytes: planHeap(recipe.model, recipe.training).total,
            lossNats: ends(steps.map(({ lossNats }) => lossNats)),
            mtpNats: ahead.length > 0 ? ends(ahead) : null,
            maxViolation: ends(steps.map(({ maxViolation }) => maxViolation.mean)),
          },
    scores: [...scores.values()].map(({ domain, bitsPerByte, plusMinus, lossNats, utf8Bytes, documents, compressors }) => {
      const score = { domain, bitsPerByte, plusMinus, lossNats, utf8Bytes, documents, compressors }
      return score
    }),
    samples: [...samples.values()].map(({ domain, prompt, text, temperature, topP }) => {
      const sample = { domain, prompt, text, temperature, topP }
      return sample
    }),
    accuracy: accuracyOf(events),
    window: windowOf(recipe, events),
    speculation: speculationOf(events),
    paths: {
      model: isComplete ? path.join(folder, 'model') : null,
      report: events.some((event) => event.type === 'run/stage' && event.stage === lastPartName(recipe))
        ? path.join(folder, 'report.html')
        : null,
      events: path.join(folder, 'events.jsonl'),
      checkpoints: path.join(folder, 'checkpoints'),
    },
  }
}

/** The last part of a whole run: behind it the report is there. */
const lastPartName = ({ ablations }: Recipe) => (ablations ? 'ablations' : 'inference')

function accuracyOf(events: readonly RunRecordEvent[]): StageAccuracy[] {
  const byStage = new Map<string, StageAccuracy>()
  for (const event of events) {
    if (event.type !== 'posttraining/accuracy' || event.task !== 'all') continue
    const { stage, correct, n, accuracy, chance, interval } = event
    byStage.set(stage, { stage, correct, n, accuracy, low: interval.low, high: interval.high, chance })
  }
  return [...byStage.values()]
}

function windowOf(recipe: Recipe, events: readonly RunRecordEvent[]): RunSummary['window'] {
  const done = new Set(events.flatMap((event) => (event.type === 'run/stage' ? [event.stage] : [])))
  const windows = extensionStages(recipe).filter(({ stage }) => stage !== 'extend-jump' && done.has(stage))
  return { trained: recipe.training.rowLength, extended: windows.at(-1)?.model.maxLength ?? recipe.training.rowLength }
}

function speculationOf(events: readonly RunRecordEvent[]): RunSummary['speculation'] {
  const last = events.findLast((event) => event.type === 'inference/speculation')
  if (!last || last.drafted === 0 || last.tokensPerSecondOff === 0) return null
  return { acceptedShare: last.accepted / last.drafted, speedUp: last.tokensPerSecondOn / last.tokensPerSecondOff }
}
