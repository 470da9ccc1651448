/** `strata eval`: a model on held-out text and tasks. Of a run its own text, of any other model the built-in one. */
import path from 'node:path'
import type { Command } from 'commander'
import { memoryLog } from '../../base/run-log.ts'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { cacheFolder } from '../../base/platform.ts'
import { type DomainScoreEvent, evaluateStage, type EvaluationEvent, taskNames, type TaskScoreEvent } from '../../evaluation/index.ts'
import { isRunFolder, loadModelFolder, readRecipe } from '../../infrastructure/index.ts'
import { prepareCorpus, type Recipe, recipes, weighDomains } from '../../pretraining/index.ts'
import { checkRunDocument } from '../../report/index.ts'
import { commonFlags, type CommonFlags, wholeNumber } from '../flags.ts'
import { createOutput } from '../output.ts'
import { stageFlag, type StageFlag } from '../stage-flag.ts'
import { startMachine } from '../start-machine.ts'
import { formatTable } from '../table.ts'

interface Flags extends Pick<CommonFlags, 'seed' | 'threads' | 'json' | 'quiet'>, StageFlag {
  readonly data?: readonly string[]
  readonly tasks?: readonly string[]
  readonly items: number
  readonly bytes: number
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('eval')
    .summary('score a model on held-out text and tasks')
    .description('Scores a model: bits per byte of each domain beside compressors, tasks beside chance, each with its interval.')
    .argument('<model>', 'a run folder, scored on the held-out text of the run, or a model folder')
    .option('--data <paths...>', 'your own files and folders; their held-out part is scored')
    .option('--tasks <names...>', `which tasks: ${taskNames.join(', ')} (default: all)`)
    .option('--items <count>', 'items of each task, at most', wholeNumber('--items', 1), 200)
    .option('--bytes <count>', 'held-out text of each domain, in bytes; 0 for none', wholeNumber('--bytes', 0), 60_000)
  commonFlags(stageFlag(command), 'seed', 'threads', 'json', 'quiet').action(run)
}

/** Text and seed of the run that a model came out of; the built-in ones for any other model. */
function recipeOf(folder: string, { data, seed }: Flags): Recipe {
  const base = isRunFolder(folder) ? checkRunDocument(readRecipe(folder), path.join(folder, 'recipe.json')).recipe : recipes.nano()
  const own = data && { ...base.data, set: 'none' as const, paths: data.map((file) => path.resolve(file)), weights: {} }
  return { ...base, data: own ?? base.data, seed: seed ?? base.seed }
}

async function run(folder: string, flags: Flags): Promise<void> {
  const output = createOutput(flags)
  const tasks = flags.tasks ?? taskNames
  const unknown = tasks.filter((name) => !taskNames.includes(name))
  rejectViolations(
    '--tasks',
    unknown.map((name) => `there is no task called ${name}`),
    `The tasks are ${taskNames.join(', ')}.`,
  )
  const { data, seed, training } = recipeOf(folder, flags)
  const machine = await startMachine(flags, output)
  try {
    const { model, tokenizer } = loadModelFolder(machine, folder, { withGradients: false, ...(flags.stage && { stage: flags.stage }) })
    if (!tokenizer) throw usageError(folder, 'a model with tokenizer.json', 'one without', 'Put the tokenizer of this model there.')
    const gathered = await prepareCorpus({
      set: data.set,
      paths: data.paths,
      seed,
      heldOutShare: data.heldOutShare,
      cacheFolder: cacheFolder(),
      onEvent: (event) => {
        if (event.type === 'data-fallback') output.warn(event.reason)
        if (event.type === 'data-skipped') output.warn(`${event.path}: ${event.reason}`)
      },
    })
    const rowLength = Math.min(training.rowLength, model.config.maxLength)
    const events = await evaluateStage({
      model,
      tokenizer,
      corpus: weighDomains(gathered, data.weights),
      stage: 'eval',
      seed,
      config: {
        rowLength,
        bytesPerDomain: flags.bytes,
        ngramBytes: 0,
        tasks,
        itemsPerTask: flags.items,
        contamination: false,
        positions: null,
        needle: null,
      },
      log: memoryLog<EvaluationEvent>(),
      onProgress: (what, share) => output.progress({ stage: 'eval', detail: `${what} ${(share * 100).toFixed(0)} %` }),
    })
    output.result({ model: folder, stage: flags.stage ?? null, rowLength, seed, scores: events }, () => describe(events))
  } finally {
    machine.close()
  }
}

const interval = (low: number, high: number) => `${low.toFixed(3)} to ${high.toFixed(3)}`

/** The scores as two tables, and what was left out. */
function describe(events: readonly EvaluationEvent[]): string {
  const domains = events.filter((event): event is DomainScoreEvent => event.type === 'evaluation/domain')
  const tasks = events.filter((event): event is TaskScoreEvent => event.type === 'evaluation/task')
  const leftOut = events.flatMap((event) => (event.type === 'evaluation/task-left-out' ? [`${event.task}: left out. ${event.reason}`] : []))
  const domainTable = formatTable(
    [
      { title: 'bits per byte' },
      { title: 'model', align: 'right' },
      { title: '95 %' },
      { title: 'gzip -9', align: 'right' },
      { title: 'xz -9', align: 'right' },
    ],
    domains.map(({ domain, bitsPerByte, plusMinus, compressors: { gzip, xz } }) => [
      domain,
      bitsPerByte.toFixed(3),
      interval(bitsPerByte - plusMinus, bitsPerByte + plusMinus),
      gzip.toFixed(3),
      xz === null ? '' : xz.toFixed(3),
    ]),
  )
  const taskTable = formatTable(
    [
      { title: 'task' },
      { title: 'right', align: 'right' },
      { title: '95 %' },
      { title: 'chance', align: 'right' },
      { title: 'n', align: 'right' },
      { title: '' },
    ],
    tasks.map(({ task, accuracy, interval: [low, high], chance, n, isAboveChance }) => [
      task,
      accuracy.toFixed(3),
      interval(low, high),
      chance.toFixed(3),
      `${n}`,
      isAboveChance ? 'above chance' : '',
    ]),
  )
  return [...(domains.length > 0 ? [domainTable] : []), ...(tasks.length > 0 ? [taskTable] : []), ...leftOut].join('\n\n')
}
