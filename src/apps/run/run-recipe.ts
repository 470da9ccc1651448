/**
 * A whole run, stage by stage, each skipped when the run's folder has it already: text, tokenizer, training, model folder,
 * scores, samples. `strata pretrain`, `strata run` and `npm start` differ in what they ask for and where they stop.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { formatBytes, formatCount, formatSeconds } from '../../base/format.ts'
import { availableThreads, cacheFolder } from '../../base/platform.ts'
import { readRunLog } from '../../base/run-log.ts'
import { Machine } from '../../compute/index.ts'
import { stepsLeft, type Tokenizer, writeFileWhole } from '../../foundations/index.ts'
import {
  createRunFolder,
  eventsFile,
  isRunFolder,
  loadModelFolder,
  openRunFolder,
  readTokenizer,
  type RunFolder,
  writeModelFolder,
} from '../../infrastructure/index.ts'
import { checkHeap, type DataEvent, prepareText, type PreparedText, type Recipe, trainInFolder } from '../../pretraining/index.ts'
import type { Output } from '../output.ts'
import { evaluate, scoreOnTheWay, writeSamples } from './after-training.ts'
import { listenForInterrupt } from './interrupt.ts'
import { type Asked, checkRunDocument, type RunDocument, type RunRecordEvent } from '../../report/index.ts'
import { resolveRecipe } from './resolve.ts'
import { showTraining } from './training-progress.ts'
import { rejectDerivedSettings, resolveRun } from './within-budget.ts'

export interface RunRequest {
  /** What was asked for; null to go on with whatever the folder holds. */
  readonly asked: Asked | null
  /** The run's folder. */
  readonly folder: string
  /** Only go on, never begin. */
  readonly mustExist: boolean
  readonly threads?: number
  /** Stop when the model is written, or score it and let it write too. */
  readonly until: 'model' | 'samples'
}

/** How a run ended. */
export interface RunResult {
  readonly status: 'complete' | 'interrupted'
  readonly document: RunDocument
  readonly events: readonly RunRecordEvent[]
  /** Exit status of an interruption, 0 otherwise. */
  readonly exitStatus: number
  /** Whether everything was there already. */
  readonly wasComplete: boolean
}

/** What a folder has, by its events: the last training, and what came after it. */
interface Standing {
  readonly isTrained: boolean
  readonly isScored: boolean
  readonly hasSamples: boolean
}

function standingOf(events: readonly RunRecordEvent[], modelFolder: string): Standing {
  const last = events.findLastIndex(({ type }) => type === 'training/start')
  const since = events.slice(last + 1)
  const has = (stage: string) => since.some((event) => event.type === 'run/stage' && event.stage === stage)
  return { isTrained: has('model') && existsSync(modelFolder), isScored: has('evaluation'), hasSamples: has('samples') }
}

/**
 * Runs a recipe as far as asked, from where its folder stands.
 *
 * @throws UsageError whenever something is to be mended: settings, paths, memory, a folder in use, numbers that explode
 */
export async function runRecipe(request: RunRequest, output: Output): Promise<RunResult> {
  const { folder, asked } = request
  const exists = isRunFolder(folder)
  if (!exists && (request.mustExist || asked === null))
    throw usageError(folder, 'the folder of a run to go on with', 'none', 'Begin one without --resume.')
  const threads = request.threads ?? availableThreads()
  using run = exists ? openRunFolder<RunRecordEvent>(folder) : null
  const stored = run && checkRunDocument(run.recipe, path.join(folder, 'recipe.json'))
  if (stored && asked) rejectOtherRun(folder, stored.asked, asked)
  const before = exists ? readRunLog<RunRecordEvent>(eventsFile(folder)) : []
  const standing = standingOf(before, path.join(folder, 'model'))
  const isDone = standing.isTrained && (request.until === 'model' || (standing.isScored && standing.hasSamples))
  if (stored && isDone) return { status: 'complete', document: stored, events: before, exitStatus: 0, wasComplete: true }
  // Awaited here: the folder is this process’s until the work is done.
  return await work({ ...request, threads }, { run, stored, standing }, output)
}

/** A folder goes on with what it was begun with, and with nothing else. */
function rejectOtherRun(folder: string, before: Asked, now: Asked): void {
  const said = (value: unknown) => (value === null || (Array.isArray(value) && value.length === 0) ? 'nothing' : JSON.stringify(value))
  const violations = (['recipe', 'settings', 'data', 'seed', 'budget'] as const)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `${key}: the run was begun with ${said(before[key])}, and ${said(now[key])} is asked for now`)
  rejectViolations(folder, violations, 'Choose another name with --name, or go on with the run as it was begun: --resume and its folder.')
}

interface Present {
  readonly run: RunFolder<RunRecordEvent> | null
  readonly stored: RunDocument | null
  readonly standing: Standing
}

async function work(
  request: RunRequest & { readonly threads: number },
  { run: opened, stored, standing }: Present,
  output: Output,
): Promise<RunResult> {
  const { folder, threads } = request
  const waiting: RunRecordEvent[] = []
  let log: (event: RunRecordEvent) => void = opened ? opened.log.append : (event) => void waiting.push(event)
  const begunAt = performance.now()
  let stageBegun = begunAt
  const stageDone = (stage: 'data' | 'model' | 'evaluation' | 'samples') => {
    log({ type: 'run/stage', stage, seconds: (performance.now() - stageBegun) / 1000 })
    stageBegun = performance.now()
  }

  let recipe = stored?.recipe ?? (await resolveRecipe(request.asked!))
  if (!stored) checkHeap(recipe.model, recipe.training)
  const tokenizerFile = path.join(folder, 'tokenizer.json')
  const known = opened && existsSync(tokenizerFile) ? readTokenizer(tokenizerFile).tokenizer : undefined
  if (request.asked?.budget?.derives === 'model' && !stored) rejectDerivedSettings(request.asked.settings)

  const machine = await Machine.start({ threads })
  let document = stored
  try {
    log(machine.kernels)
    output.note(`kernels   ${machine.kernels.dialect}: ${machine.kernels.reason}; ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
    if (!document) {
      const resolved = await resolveRun(request.asked!, recipe, machine.kernels, threads, output)
      document = resolved
      recipe = resolved.recipe
    }
    stageBegun = performance.now()
    const text = await gatherText(recipe, known, (event) => log(event), output)
    stageDone('data')

    using created = opened ? null : createRunFolder<RunRecordEvent>(folder, document)
    const run = opened ?? created!
    log = run.log.append
    for (const event of waiting) log(event)
    if (!known) writeFileWhole(tokenizerFile, [new TextEncoder().encode(text.tokenizer.toJson())])

    if (!standing.isTrained) {
      stageBegun = performance.now()
      const exitStatus = await trainAndWrite(machine, run, document, text, output)
      if (exitStatus !== 0)
        return { status: 'interrupted', document, events: readRunLog<RunRecordEvent>(eventsFile(folder)), exitStatus, wasComplete: false }
      stageDone('model')
    }
    if (request.until === 'samples') {
      using _scope = machine.scope()
      const loaded = loadModelFolder(machine, path.join(folder, 'model'), { withGradients: false })
      stageBegun = performance.now()
      if (!(standing.isTrained && standing.isScored)) {
        await evaluate(loaded, text, recipe, run.log, output)
        stageDone('evaluation')
      }
      output.progress({ stage: 'samples' })
      writeSamples(loaded, text, recipe, run.log)
      stageDone('samples')
    }
    run.log.sync()
    return { status: 'complete', document, events: readRunLog<RunRecordEvent>(eventsFile(folder)), exitStatus: 0, wasComplete: false }
  } finally {
    machine.close()
  }
}

async function gatherText(
  recipe: Recipe,
  tokenizer: Tokenizer | undefined,
  log: (event: RunRecordEvent) => void,
  output: Output,
): Promise<PreparedText> {
  const onEvent = (event: DataEvent) => {
    log(event)
    if (event.type === 'data-fallback') output.warn(event.reason)
    if (event.type === 'data-skipped') output.warn(`${event.path}: ${event.reason}`)
    if (event.type === 'data-fetched') output.progress({ stage: 'data', detail: `fetched ${event.packageName}` })
    if (event.type === 'data-source') output.progress({ stage: 'data', detail: event.source })
    if (event.type === 'data-tokenized') output.progress({ stage: 'encode', detail: event.domain })
  }
  const text = await prepareText(recipe, {
    cacheFolder: cacheFolder(),
    tokenizer,
    onEvent,
    onTokenizerProgress: (progress) => {
      if (progress.stage === 'merges')
        output.progress({ stage: 'tokenizer', detail: `${progress.doneCount} of ${progress.totalCount} merges` })
    },
  })
  const { statistics, domains } = text.corpus
  const tokens = text.tokenized.domains.reduce((sum, { train }) => sum + train.ids.length, 0)
  output.note(
    `text      ${formatCount(statistics.documents)} documents, ${formatBytes(statistics.utf8Bytes)}, ${formatCount(tokens)} tokens: ${domains.map(({ name, weight }) => `${name} ${(weight * 100).toFixed(0)} %`).join(', ')}`,
  )
  return text
}

/** → 0, or the exit status of an interruption */
async function trainAndWrite(
  machine: Machine,
  run: RunFolder<RunRecordEvent>,
  document: RunDocument,
  text: PreparedText,
  output: Output,
): Promise<number> {
  const { recipe } = document
  const stepCount = stepsLeft(recipe.training.schedule, recipe.training)
  using interrupt = listenForInterrupt(() => output.note('Finishing this step and writing a checkpoint; once more to leave at once.'))
  using _scope = machine.scope()
  const outcome = await trainInFolder({
    machine,
    recipe,
    text,
    run,
    onEvent: showTraining(output, recipe.training.tokens),
    probes: scoreOnTheWay(text, recipe, stepCount, run.log),
    peakFlopsPerSecond: document.ceilings.gflopsAllThreads * 1e9,
    stop: interrupt.signal,
    onResume: (step, broken) => {
      for (const reason of broken) output.warn(`a checkpoint was passed over: ${reason}`)
      output.note(step > 0 ? `resume    from step ${step} of ${stepCount}` : 'resume    from the beginning: no checkpoint is whole')
    },
  })
  if (outcome.reason === 'interrupted') return interrupt.exitStatus()
  const { temperature, topP } = recipe.samples
  writeModelFolder(run.modelFolder, outcome.model, text.tokenizer, {
    generation: { temperature, topP },
    ...(outcome.optimizer.average && { weights: outcome.optimizer.average }),
  })
  output.note(
    `model     written to ${path.relative(process.cwd(), run.modelFolder) || '.'} after ${formatSeconds(performance.now() / 1000)}`,
  )
  return 0
}
