/**
 * A whole run, part by part, each skipped when the run's folder has it already. `strata run`, `npm start` and the verbs of single
 * stages differ in what they ask for and where they stop.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { formatSeconds } from '../../base/format.ts'
import { availableThreads } from '../../base/platform.ts'
import { readRunLog } from '../../base/run-log.ts'
import { Machine } from '../../compute/index.ts'
import { writeFileWhole } from '../../foundations/index.ts'
import { createRunFolder, eventsFile, isRunFolder, openRunFolder, readTokenizer, type RunFolder } from '../../infrastructure/index.ts'
import { checkHeap } from '../../pretraining/index.ts'
import { type Asked, type PartName, readRunFacts, type RunDocument, type RunRecordEvent, runEventSchemas } from '../../report/index.ts'
import type { Output } from '../output.ts'
import { checkLaterStages } from './check-later-stages.ts'
import { gatherText } from './gather-text.ts'
import { endOnInterrupt, listenForInterrupt } from './interrupt.ts'
import { Interrupted, type Part, type RunContext, type Until } from './part.ts'
import { partsUntil } from './parts/index.ts'
import { resolveRecipe } from './resolve.ts'
import { readRunSoFar, type RunSoFar } from './run-so-far.ts'
import { checkTextNeeds } from './text-needs.ts'
import { rejectDerivedSettings, resolveRun } from './within-budget.ts'
import { reportFile, writeReport } from './write-report.ts'

export interface RunRequest {
  /** What was asked for; null to go on with whatever the folder holds. */
  readonly asked: Asked | null
  /** The run's folder. */
  readonly folder: string
  /** Only go on, never begin. */
  readonly mustExist: boolean
  readonly threads?: number
  /** How far to go. */
  readonly until: Until
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

/** The parts of a folder that are done, by its events. Without the model they lead to, none is. */
function partsDone(events: readonly RunRecordEvent[], modelFolder: string): ReadonlySet<string> {
  if (!existsSync(modelFolder)) return new Set()
  return new Set(events.flatMap((event) => (event.type === 'run/stage' ? [event.stage] : [])))
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
  let soFar = null as RunSoFar | null
  using run = exists ? openRunFolder<RunRecordEvent>(folder, () => void (soFar = readRunSoFar(folder))) : null
  const { document: stored, events: before } = soFar ?? { document: null, events: [] }
  if (stored && asked) rejectOtherRun(folder, stored.asked, asked)
  const done = partsDone(before, path.join(folder, 'model'))
  if (stored && partsUntil(request.until, stored.recipe).every(({ name }) => done.has(name))) {
    if (request.until === 'report' && !existsSync(reportFile(folder))) writeReport(readRunFacts(folder), reportFile(folder))
    return { status: 'complete', document: stored, events: before, exitStatus: 0, wasComplete: true }
  }
  if (stored) await checkLaterStages(stored.recipe, (part) => done.has(part))
  // Awaited here: the folder is this process’s until the work is done.
  return await work({ ...request, threads }, { run, stored, done }, output)
}

/** A folder goes on with what it was begun with, and with nothing else. */
function rejectOtherRun(folder: string, before: Asked, now: Asked): void {
  const said = (value: unknown) => (value === null || (Array.isArray(value) && value.length === 0) ? 'nothing' : JSON.stringify(value))
  const violations = (['recipe', 'settings', 'data', 'conversations', 'seed', 'budget'] as const)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `${key}: the run was begun with ${said(before[key])}, and ${said(now[key])} is asked for now`)
  rejectViolations(folder, violations, 'Choose another name with --name, or go on with the run as it was begun: --resume and its folder.')
}

interface Present {
  readonly run: RunFolder<RunRecordEvent> | null
  readonly stored: RunDocument | null
  readonly done: ReadonlySet<string>
}

async function work(
  request: RunRequest & { readonly threads: number },
  { run: opened, stored, done }: Present,
  output: Output,
): Promise<RunResult> {
  const { folder, threads } = request
  const waiting: RunRecordEvent[] = []
  let log: (event: RunRecordEvent) => void = opened ? opened.log.append : (event) => void waiting.push(event)

  using early = endOnInterrupt(output)
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
      const resolved = await resolveRun({ asked: request.asked!, threads, until: request.until }, recipe, machine.kernels, output)
      document = resolved
      recipe = resolved.recipe
    }
    const textBegun = performance.now()
    const text = await gatherText(recipe, known, (event) => log(event), output)
    log({ type: 'run/stage', stage: 'data', seconds: (performance.now() - textBegun) / 1000 })
    const parts = partsUntil(request.until, recipe)
    const isWanted = (part: PartName) => !done.has(part) && parts.some(({ name }) => name === part)
    for (const sentence of checkTextNeeds(recipe, text, isWanted)) output.warn(sentence)

    using created = opened ? null : createRunFolder<RunRecordEvent>(folder, document)
    const run = opened ?? created!
    log = run.log.append
    for (const event of waiting) log(event)
    if (!known) writeFileWhole(tokenizerFile, [new TextEncoder().encode(text.tokenizer.toJson())])

    early[Symbol.dispose]()
    using interrupt = listenForInterrupt(() =>
      output.note('Finishing this step and writing a checkpoint; once more to leave at once. The same command goes on.'),
    )
    const context = { machine, run, document, text, output, interrupt }
    const status = await doParts(parts, done, context).catch((error: unknown) => {
      if (request.until === 'report') reportSoFar(folder, output)
      throw error
    })
    run.log.sync()
    if (status === 'complete' && request.until === 'report') writeReport(readRunFacts(folder), reportFile(folder))
    const events = readRunLog<RunRecordEvent>(eventsFile(folder), runEventSchemas)
    return { status, document, events, exitStatus: status === 'complete' ? 0 : interrupt.exitStatus(), wasComplete: false }
  } finally {
    machine.close()
  }
}

/** When a part has failed: the report of what there is, and where. What fails in that must not hide the failure that is told next. */
function reportSoFar(folder: string, output: Output): void {
  try {
    const facts = readRunFacts(folder)
    if (facts.config === null) return
    writeReport(facts, reportFile(folder))
    output.warn(`a part of the run failed; what was done before it is in ${reportFile(folder)}`)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    output.warn(`the report of what was done before could not be written: ${error.message}`)
  }
}

/** Does what is not done yet, in order. */
async function doParts(parts: readonly Part[], done: ReadonlySet<string>, context: RunContext): Promise<RunResult['status']> {
  const { machine, run, output } = context
  for (const [index, { name, work: doPart }] of parts.entries()) {
    if (done.has(name)) continue
    if (context.interrupt.signal.aborted) return 'interrupted'
    const begun = performance.now()
    if (parts.length > 1) output.note(`part      ${index + 1} of ${parts.length}: ${name}, after ${formatSeconds(begun / 1000)}`)
    try {
      using _scope = machine.scope()
      await doPart(context)
    } catch (error) {
      if (error instanceof Interrupted) return 'interrupted'
      throw error
    }
    run.log.append({ type: 'run/stage', stage: name, seconds: (performance.now() - begun) / 1000 })
  }
  return 'complete'
}
