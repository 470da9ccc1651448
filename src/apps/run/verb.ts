/** What the verbs that train have in common: arguments to a request, a result to output and an exit status. */
import { statSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import { isRunFolder } from '../../infrastructure/index.ts'
import { recipes } from '../../pretraining/index.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { summarize } from '../summary.ts'
import { summaryText } from '../summary-text.ts'
import { commandLine } from './commands.ts'
import type { Until } from './part.ts'
import type { Asked } from '../../report/index.ts'
import { runRecipe, type RunRequest, type RunResult } from './run-recipe.ts'

export type TrainingFlags = CommonFlags & {
  readonly data?: readonly string[]
  readonly conversations?: readonly string[]
  readonly name?: string
  readonly resume?: boolean
}

/** The flags of a verb that trains. */
export function trainingFlags(command: Command): Command {
  command
    .option('--data <paths...>', 'your own files and folders, in the place of the built-in text')
    .option('--conversations <files...>', 'your own conversations as JSON lines, to be fine-tuned on beside the made ones')
    .option('--name <name>', 'the run’s folder below runs/ (default: the recipe’s name)')
  return commonFlags(command, 'budget', 'set', 'seed', 'threads', 'json', 'quiet')
}

/** A verb that goes on with a recipe or a run's folder up to some part. */
export function stageVerb(program: Command, { name, description, until }: { name: string; description: string; until: Until }): void {
  const command = program
    .command(name)
    .description(description)
    .argument('[recipe]', 'nano, bench, tiny, a .ts or .js file with a recipe, or the folder of a run')
    .option('--resume', 'go on with a run, never begin one', false)
  trainingFlags(command).action((target: string | undefined, flags: TrainingFlags) => runAndReport(requestOf(target, flags, until), flags))
}

/** Everything that decides what a run is. */
export const askedOf = (recipe: string, flags: TrainingFlags, budget: Asked['budget']): Asked => ({
  recipe,
  settings: flags.set,
  data: flags.data ?? [],
  conversations: flags.conversations ?? [],
  seed: flags.seed ?? null,
  budget,
})

/** runs/<name>. @throws UsageError for a name that is no folder's */
export function runFolderOf(name: string): string {
  if (!/^[\w][\w.-]{0,99}$/.test(name)) throw usageError('--name', 'letters, digits, ".", "-" and "_"', `"${name}"`)
  return path.join('runs', name)
}

/**
 * The request of `strata pretrain` and `strata run`: a recipe's name or file, or the folder of a run to go on with.
 *
 * @param target the argument, if there was one
 */
function requestOf(target: string | undefined, flags: TrainingFlags, until: Until): RunRequest {
  const { threads, resume = false } = flags
  const isFolder = target !== undefined && isRunFolder(target)
  if (isFolder || (resume && (target === undefined || /[\\/]/.test(target)))) {
    const folder = isFolder ? target : (target ?? (flags.name && runFolderOf(flags.name)))
    if (!folder) throw usageError('--resume', 'the folder of a run, or --name', 'neither', 'Type the folder: runs/first.')
    rejectChanges(folder, flags)
    return { asked: null, folder, mustExist: true, threads, until }
  }
  if (target === undefined)
    throw usageError('recipe', 'the name of a recipe, a .ts or .js file, or the folder of a run', 'nothing', 'For example nano.')
  const ownRun = path.join('runs', target)
  if (!Object.hasOwn(recipes, target) && isRunFolder(ownRun))
    throw usageError('recipe', 'the name of a recipe, a .ts or .js file, or the folder of a run', `"${target}"`, `Did you mean ${ownRun}?`)
  if (!Object.hasOwn(recipes, target) && statSync(target, { throwIfNoEntry: false })?.isDirectory())
    throw usageError(target, 'the folder of a run', 'one without recipe.json', 'Put it back, or begin a new run under another name.')
  const budget = flags.budget === undefined ? null : ({ seconds: flags.budget, derives: 'model' } as const)
  const name = flags.name ?? path.basename(target).replace(/\.[cm]?[jt]s$/, '')
  return { asked: askedOf(target, flags, budget), folder: runFolderOf(name), mustExist: resume, threads, until }
}

/** A run goes on as it was begun; a change would be ignored. */
function rejectChanges(folder: string, { set, data, conversations, seed, budget }: TrainingFlags): void {
  const given = Object.entries({
    set: set.length > 0,
    data: data !== undefined,
    conversations: conversations !== undefined,
    seed: seed !== undefined,
    budget: budget !== undefined,
  })
  const names = given.filter(([, isGiven]) => isGiven).map(([name]) => `--${name}`)
  if (names.length > 0)
    throw usageError(
      folder,
      'a run to go on with as it was begun',
      names.join(' and '),
      'Leave them away, or begin a new run: give a recipe and --name.',
    )
}

/** Runs a request and prints what it came to. Sets the exit status of an interruption. */
export async function runAndReport(request: RunRequest, flags: TrainingFlags): Promise<void> {
  const output = createOutput(flags)
  const result = await runRecipe(request, output)
  report(request, result, output)
}

function report({ folder, until }: RunRequest, result: RunResult, output: Output): void {
  const summary = summarize(folder, result.document, result.events)
  if (result.wasComplete) output.note(`Everything is in place in ${folder}: nothing was done again. To begin anew, choose another --name.`)
  output.result(summary, () => {
    if (result.status === 'complete') return summaryText(summary, output.paint)
    const done = summary.training ? ` after step ${summary.training.steps}` : ''
    return `Stopped${done}; a checkpoint is in ${summary.paths.checkpoints}. Go on with:\n  ${commandLine(until === 'report' ? 'run' : until, folder, '--resume')}`
  })
  if (result.exitStatus !== 0) process.exitCode = result.exitStatus
}
