/** `strata plan`: what a model costs to hold, to train and to serve on a cluster, and whether the planner can be trusted. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { checkModelConfig, modelConfigViolations } from '../../architecture/check-config.ts'
import type { ModelConfig } from '../../architecture/config.ts'
import { isPresetName, presets } from '../../architecture/presets.ts'
import { rejectViolations, usageError, UsageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import { didYouMean } from '../../base/nearest.ts'
import { applySettings } from '../../base/settings.ts'
import { clusterNamed, clusterViolations, type Cluster } from '../../infrastructure/cluster/clusters.ts'
import { clusterOfMachine, parseProbe, type MachineProbe } from '../../infrastructure/cluster/probe.ts'
import { layoutViolations } from '../../infrastructure/plan/layout.ts'
import { planDocument } from '../../infrastructure/plan/plan-document.ts'
import {
  defaultClusterName,
  planSettingRules,
  planSettings,
  servingRequest,
  type PlanSettings,
} from '../../infrastructure/plan/plan-settings.ts'
import { planText } from '../../infrastructure/plan/plan-text.ts'
import { parseRoutingTrace } from '../../infrastructure/plan/routing.ts'
import { planServing, type ServingPlan } from '../../infrastructure/plan/serving.ts'
import { planTraining, planViolations } from '../../infrastructure/plan/training-plan.ts'
import { whatIf, whatIfVariables } from '../../infrastructure/plan/what-if.ts'
import type { StepTime } from '../../infrastructure/plan/step-time.ts'
import { commonFlags } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'

interface Flags {
  readonly cluster?: string
  readonly probe?: string
  readonly routing?: string
  readonly search?: boolean
  readonly whatIf?: string
  readonly validate?: boolean
  readonly svg?: string
  readonly pairSvg?: string
  readonly trace?: string
  readonly set: readonly string[]
  readonly json: boolean
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('plan')
    .summary('plan training and serving on a cluster: memory, traffic, schedule, step, cost')
    .description(
      'Plans the training and the serving of a model on a cluster, from memory to dollars. The preset deepseek-v3 carries its published layout.',
    )
    .argument('[model]', 'a preset, a recipe, or a config.json of the deepseek_v2 or deepseek_v3 kind', 'deepseek-v3')
    .option('--cluster <name>', 'h800x2048, h100x512, h200x…, b200x…, laptop (default: that of the published run, or by size)')
    .option('--probe <file>', 'plan for this machine, as measured by "strata bench probe --json"')
    .option('--routing <file>', 'a recorded routing trace: JSON, layers x tokens x expert ids')
    .option('--search', 'search all layouts and rank them')
    .option('--what-if <variable>', `move one variable: ${Object.keys(whatIfVariables).join(', ')}`)
    .option('--svg <file>', 'write the planned step as a timeline')
    .option('--pair-svg <file>', 'write what happens inside an overlapped pair as a timeline')
    .option('--trace <file>', 'write the planned step as a trace for chrome://tracing or ui.perfetto.dev')
    .option('--validate', 'print every number that was published beside ours')
  commonFlags(command, 'set', 'json').action(run)
}

async function run(text: string, flags: Flags): Promise<void> {
  const output = createOutput({ json: flags.json })
  const modes = [flags.validate && '--validate', flags.search && '--search', flags.whatIf && '--what-if'].filter(Boolean)
  if (modes.length > 1) throw usageError('plan', 'one of --validate, --search and --what-if', modes.join(' and '))
  if (flags.validate) {
    refuse('--validate', text === 'deepseek-v3' ? [] : [text], flags, everyFlag)
    return runValidation(output)
  }

  const { name, model } = await readModel(text)
  const probe = flags.probe === undefined ? undefined : parseProbe(read(flags.probe), flags.probe)
  if (probe && flags.cluster) throw usageError('plan', 'one of --probe and --cluster', 'both')
  const cluster = probe
    ? clusterOfMachine(probe, totalmem(), availableParallelism())
    : clusterNamed(flags.cluster ?? defaultClusterName(name, model))
  const { settings: defaults, hasPublishedLayout } = planSettings(name, model, cluster)
  const settings = applySettings(defaults, flags.set, planSettingRules)
  rejectViolations(`plan ${name}`, [...modelConfigViolations(settings.model), ...clusterViolations(settings.cluster)])
  if (settings.cluster.deviceCount === 1) return runLocal(output, name, settings, probe, flags)

  const pinned = flags.set.filter((assignment) => layoutChoices.test(assignment))
  if (flags.search) {
    refuse('--search', pinned, flags, ['routing', ...fileFlags])
    return runSearch(output, settings)
  }
  const found = hasPublishedLayout || pinned.length > 0 ? settings : { ...settings, layout: await bestLayout(settings) }
  const isChanged = flags.set.some((assignment) => assignment.startsWith('layout.'))
  const source =
    hasPublishedLayout && !isChanged ? 'as published' : hasPublishedLayout || pinned.length > 0 ? 'as set' : 'the best of a search'
  const trace = flags.routing === undefined ? undefined : parseRoutingTrace(read(flags.routing), settings.model, flags.routing)
  const request = { name, ...found, trace }
  if (flags.whatIf) {
    refuse('--what-if', [], flags, fileFlags)
    const { whatIfText } = await tables()
    const result = whatIf(request, servingRequest(found), flags.whatIf)
    return output.result(result, () => whatIfText(result))
  }
  const plan = planTraining(request)
  const serving = tryServing(found, flags)
  const isPlanned = typeof serving !== 'string'
  await writeFigures(plan.step, flags)
  output.result(planDocument(plan, isPlanned ? serving : null), () => planText(plan, serving, source))
}

/** What only some of the modes print is loaded with them: a plain plan starts in a fraction of a second. */
const tables = () => import('../../infrastructure/plan/tables.ts')

/** Settings that choose a layout, so that none is searched for. */
const layoutChoices = /^layout\.(?:pipelineRanks|expertRanks|schedule|chunkCount|microbatchSequences|savings)/

const fileFlags = ['svg', 'pairSvg', 'trace'] as const
const everyFlag = ['cluster', 'probe', 'routing', ...fileFlags] as const

/** Nothing that was asked for is ignored silently. */
function refuse(mode: string, others: readonly string[], flags: Flags, names: readonly (typeof everyFlag)[number][]): void {
  const kebab = (name: string) => `--${name.replace('S', '-s')}`
  const given = [...others, ...names.filter((name) => flags[name] !== undefined).map(kebab), ...(mode === '--validate' ? flags.set : [])]
  if (given.length > 0) throw usageError('plan', `${mode} without what it does not read`, given.join(', '))
}

async function writeFigures({ schedule, simulation, lanes, chunk }: StepTime, { svg, pairSvg: pairFile, trace }: Flags): Promise<void> {
  if (svg) {
    const { timelineSvg } = await import('../../infrastructure/schedules/timeline-svg.ts')
    write(svg, timelineSvg(schedule, simulation, { unit: 's' }))
  }
  if (pairFile) {
    if (!schedule.name.startsWith('dualpipe'))
      throw usageError(
        '--pair-svg',
        'a schedule with overlapped pairs, dualpipe or dualpipev',
        schedule.name,
        '--set layout.schedule=… chooses one.',
      )
    const { pairSvg } = await import('../../infrastructure/schedules/pair-svg.ts')
    write(pairFile, pairSvg(lanes, 1000, 'ms', chunk.overlapped))
  }
  if (trace) {
    const { chromeTrace } = await import('../../infrastructure/schedules/chrome-trace.ts')
    write(trace, JSON.stringify(chromeTrace(schedule, simulation, 1e6)))
  }
}

async function runValidation(output: Output): Promise<void> {
  const { validate } = await import('../../infrastructure/plan/validation.ts')
  const { validationText } = await tables()
  const rows = validate()
  output.result({ holds: rows.every(({ holds }) => holds), rows }, () => validationText(rows))
  if (rows.some(({ holds }) => !holds)) process.exitCode = 1
}

function searchRequest({ model, cluster, efficiency, layout }: PlanSettings) {
  const { batchSequences, sequenceLength, precision } = layout
  const violations = layoutViolations(model, cluster, { ...layout, pipelineRanks: 1, expertRanks: 1, schedule: 'gpipe' })
  rejectViolations(
    'plan',
    violations.filter((line) => /sequenceLength|batchSequences: expected a whole/.test(line)),
  )
  return { model, cluster, efficiency, batchSequences, sequenceLength, precision }
}

const search = () => import('../../infrastructure/plan/search.ts')

async function bestLayout(settings: PlanSettings) {
  const { searchLayouts } = await search()
  return searchLayouts(searchRequest(settings), 4).ranked[0].layout
}

async function runSearch(output: Output, settings: PlanSettings): Promise<void> {
  const { searchText } = await tables()
  const { searchLayouts } = await search()
  const result = searchLayouts(searchRequest(settings))
  const ranked = result.ranked.map(({ layout, step, memory, tokensPerSecond, boundBy }) => ({
    layout,
    stepSeconds: step.seconds,
    memoryBytes: memory.total,
    tokensPerDay: tokensPerSecond * 86_400,
    boundBy,
  }))
  output.result({ ...result, ranked }, () => searchText(result))
}

/** A serving plan, or why there is none; whoever sets a serving setting gets the error itself. */
function tryServing(settings: PlanSettings, { set }: Flags): ServingPlan | string {
  try {
    return planServing(servingRequest(settings))
  } catch (error) {
    if (!(error instanceof UsageError) || set.some((assignment) => assignment.startsWith('serving.'))) throw error
    return error.message
  }
}

async function runLocal(
  output: Output,
  name: string,
  settings: PlanSettings,
  probe: MachineProbe | undefined,
  flags: Flags,
): Promise<void> {
  const { predictLocalStep } = await import('../../infrastructure/plan/local-step.ts')
  const { planHeap } = await import('../../pretraining/heap-plan.ts')
  const { localDocument, localText } = await import('../../infrastructure/plan/local-text.ts')
  const modes = [flags.search && '--search', flags.whatIf && '--what-if'].filter((mode) => typeof mode === 'string')
  const unread = flags.set.filter((assignment) => !localSettings.test(assignment))
  refuse('one device', [...modes, ...unread], flags, ['routing', ...fileFlags])
  const { model, cluster, layout, tokens } = settings
  const batch = { sequences: layout.batchSequences, length: layout.sequenceLength }
  rejectViolations(
    `plan ${name}`,
    planViolations({ ...settings, name, layout: { ...layout, microbatchSequences: layout.batchSequences, schedule: 'gpipe' } }),
  )
  const machine = probe ?? ceilingsOf(cluster)
  const heap = planHeap(model, { microRows: batch.sequences, rowLength: batch.length, optimizer: { emaDecay: null } })
  const prediction = predictLocalStep(model, machine, batch, heap)
  const memoryLimit = cluster.device.memoryBytes * (1 - settings.efficiency.memoryReserveShare)
  if (prediction.memoryBytes > memoryLimit) {
    const { weights, gradients, moments } = prediction.memory
    const ofParameters = weights + gradients + moments
    throw usageError(
      'plan',
      `a step within the ${formatBytes(memoryLimit)} that ${cluster.name} offers`,
      `${formatBytes(prediction.memoryBytes)}, of which ${formatBytes(ofParameters)} for weights, gradients and moments`,
      ofParameters < memoryLimit
        ? 'Set fewer sequences (--set layout.batchSequences=1).'
        : 'No batch is small enough for that: name a cluster (--cluster h800x2048) or take a smaller model.',
    )
  }
  const plan = { name, machine: cluster.device.name, memoryLimit, model, probe: machine, batch, tokens, prediction }
  output.result(localDocument(plan), () => localText(plan))
}

/** What the plan of one machine reads. */
const localSettings = /^(?:model\.|tokens|layout\.(?:batchSequences|sequenceLength)|efficiency\.memoryReserveShare|cluster\.device\.)/

const ceilingsOf = ({ device }: Cluster): MachineProbe => ({
  gflopsOneThread: device.peakFlops.f32 / 1e9 / device.coreCount,
  gflopsAllThreads: device.peakFlops.f32 / 1e9,
  streamGBs: device.memoryBytesPerSecond / 1e9,
})

/** A preset by name, a recipe by its module, or a configuration by its file. */
async function readModel(text: string): Promise<{ name: string; model: ModelConfig }> {
  if (isPresetName(text)) return { name: text, model: presets[text] }
  if (/\.[cm]?[jt]s$/.test(text)) return { name: text, model: await modelOfRecipe(text) }
  if (text.endsWith('.json')) {
    const { parseHfConfig } = await import('../../architecture/hf-config.ts')
    return { name: text, model: parseHfConfig(read(text), text) }
  }
  const names = Object.keys(presets)
  throw usageError('plan', `a preset (${names.join(', ')}), a recipe or a config.json`, `"${text}"`, didYouMean(text, names))
}

/** The model of a recipe: a module whose default export is a recipe, or a function that returns one. */
async function modelOfRecipe(file: string): Promise<ModelConfig> {
  read(file)
  const module = (await import(pathToFileURL(path.resolve(file)).href)) as { default?: unknown }
  const recipe: unknown = typeof module.default === 'function' ? await (module.default as () => unknown)() : module.default
  const model = (recipe as { model?: unknown } | undefined)?.model
  if (typeof model !== 'object' || model === null) throw usageError(file, 'a default export with a model', typeof recipe)
  const missing = Object.keys(presets.tiny).filter((field) => !Object.hasOwn(model, field))
  rejectViolations(
    file,
    missing.map((field) => `model.${field}: expected a value, got none`),
  )
  return checkModelConfig(model as ModelConfig, file)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw usageError(file, 'a file that can be read', (cause as Error).message, '', cause)
  }
}

function write(file: string, contents: string): void {
  try {
    writeFileSync(file, contents)
  } catch (cause) {
    throw usageError(file, 'a file that can be written', (cause as Error).message, 'Choose another path.', cause)
  }
}
