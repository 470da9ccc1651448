/**
 * `strata ablate`: trains a variant and its control from the same seeds on the same text, and prints the difference with its
 * interval. Runs are kept by content, so the same question costs nothing the second time.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { formatCount, formatSeconds } from '../../base/format.ts'
import { cacheFolder } from '../../base/platform.ts'
import { Machine } from '../../compute/index.ts'
import type { Tokenizer } from '../../foundations/index.ts'
import { openRunFolder, readTokenizer, type RunFolder } from '../../infrastructure/index.ts'
import {
  ablationBaseOn,
  type AblationEvent,
  ablationList,
  ablationNames,
  ablationRuns,
  measureTrainingSpeed,
  memoryAblation,
  type PreparedText,
  type Recipe,
  runAblation,
  tokensWithin,
} from '../../pretraining/index.ts'
import { ablationListText, ablationText } from '../ablation-text.ts'
import { commonFlags, type CommonFlags, wholeNumber } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { packageVersion } from '../package-version.ts'
import { ablateGenerated, generatedAblation, isGenerated } from '../run/ablate-generated.ts'
import { showAblation } from '../run/ablation-progress.ts'
import { commandLine } from '../run/commands.ts'
import { gatherText } from '../run/gather-text.ts'
import { endOnInterrupt, listenForInterrupt } from '../run/interrupt.ts'
import { resolveRecipe } from '../run/resolve.ts'
import { readRunSoFar, type RunSoFar } from '../run/run-so-far.ts'
import { startMachine } from '../start-machine.ts'

interface Flags extends CommonFlags {
  readonly seeds?: number
  readonly recipe?: string
  readonly data?: readonly string[]
  readonly run?: string
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('ablate')
    .summary('train with a mechanism and without it, and say whether the difference is established')
    .description(
      'Trains the arms of ablations from the same seeds on the same text, in a small model, and prints each difference with its 95 % interval. Without names it lists what there is.',
    )
    .argument('[names...]', 'ablations, or claims that some bear on')
    .option('--seeds <count>', 'runs of each arm; three or more put the interval over seeds', wholeNumber('--seeds', 1, 100))
    .option('--recipe <recipe>', 'what the small model is derived from: nano, bench, tiny, or a .ts or .js file (default: nano)')
    .option('--data <paths...>', 'your own files and folders, in the place of the built-in text')
    .option('--run <folder>', 'recipe and tokenizer of a run, whose log the results are added to')
  commonFlags(command, 'budget', 'set', 'seed', 'threads', 'json', 'quiet').action(ablate)
}

async function ablate(wanted: readonly string[], flags: Flags): Promise<void> {
  const output = createOutput(flags)
  if (wanted.length === 0) rejectWithoutNames(flags)
  const all = [...ablationList, generatedAblation]
  if (wanted.length === 0) return output.result({ ablations: all }, () => ablationListText(all, output.paint))
  if (isGenerated(wanted)) return ablateGenerated(flags, output)
  const names = ablationNames(wanted)
  if (flags.run !== undefined) rejectChanges(flags.run, flags)
  rejectWithoutPart(names, flags)
  let soFar = null as RunSoFar | null
  // A damaged log would be found when the report is written: after the training.
  using run = flags.run === undefined ? null : openRunFolder<AblationEvent>(flags.run, () => void (soFar = readRunSoFar(flags.run!)))
  const recipe = soFar ? soFar.document.recipe : await ownRecipe(flags)
  await work(names, recipe, run, flags, output)
}

/** Names are listed without looking at anything: every other flag would be ignored. */
function rejectWithoutNames({ json: _json, quiet: _quiet, set, ...others }: Flags): void {
  const given = Object.entries({ ...others, set: set.length > 0 ? set : undefined }).flatMap(([name, value]) =>
    value === undefined ? [] : `--${name}`,
  )
  const names = ablationList.map(({ name }) => name).join(', ')
  if (given.length > 0) throw usageError('ablate', `ablations beside ${given.join(' and ')}`, 'none', `There are ${names}.`)
}

/** A run brings its own; something else would be ignored, or would not belong to it. */
function rejectChanges(folder: string, { recipe, data, set, seed }: Flags): void {
  const given = Object.entries({ recipe: recipe !== undefined, data: data !== undefined, set: set.length > 0, seed: seed !== undefined })
  const flags = given.filter(([, isGiven]) => isGiven).map(([name]) => `--${name}`)
  if (flags.length > 0)
    throw usageError('--run', `the recipe and the text of ${folder} as they are`, flags.join(' and '), 'Leave one away.')
}

/** Settings that no small run of an ablation has: they would be ignored. */
const withoutPart =
  /^(?:extension|sft|rl|samples|evaluation)\b|^training\.(?:tokens|checkpointSeconds|keptCheckpoints)\b|^ablations\.names\b/
/** Rows that go through the model at once: the small runs have their own, the measurement of memory has the recipe's. */
const rowsAtOnce = /^training\.microRows\b/
/** What the arms of the ablation of memory are made of. */
const ofMemory = /^training\.(?:recompute|activations|optimizer\.(?:moments|averageIn))\b/

/** What would be ignored, or said twice. */
function rejectWithoutPart(names: readonly string[], { set, seeds, budget }: Flags): void {
  const given = (name: string) => set.filter((setting) => setting.startsWith(`${name}=`))
  const hasMemory = names.includes(memoryAblation.name)
  const isWithoutPart = (setting: string) => withoutPart.test(setting) || (!hasMemory && rowsAtOnce.test(setting))
  rejectViolations(
    '--set',
    [
      ...set.filter(isWithoutPart).map((setting) => `${setting}: has no part in an ablation`),
      ...(hasMemory ? set.filter((setting) => ofMemory.test(setting)) : []).map((setting) => `${setting}: the arms of memory decide this`),
      ...(seeds === undefined ? [] : given('ablations.seeds').map((setting) => `${setting}: --seeds says this`)),
      ...(budget === undefined ? [] : given('ablations.tokens').map((setting) => `${setting}: --budget derives this`)),
    ],
    'The tokens of each run are ablations.tokens.',
  )
}

const ownRecipe = ({ recipe = 'nano', set, data = [], seed }: Flags): Promise<Recipe> =>
  resolveRecipe({ recipe, settings: set, data, conversations: [], seed: seed ?? null, budget: null })

function tokenizerOf(run: RunFolder<AblationEvent> | null): Tokenizer | undefined {
  if (!run) return undefined
  const file = path.join(run.folder, 'tokenizer.json')
  if (!existsSync(file)) throw usageError(run.folder, 'a run with tokenizer.json', 'one without', 'Go on with the run first.')
  return readTokenizer(file).tokenizer
}

async function work(names: readonly string[], recipe: Recipe, run: RunFolder<AblationEvent> | null, flags: Flags, output: Output) {
  const begun = performance.now()
  using early = endOnInterrupt(output)
  const text = await gatherText(recipe, tokenizerOf(run), () => {}, output)
  const seeds = flags.seeds ?? recipe.ablations?.seeds ?? 1
  const machine = await startMachine(flags, output)
  early[Symbol.dispose]()
  using interrupt = listenForInterrupt(() => output.note('Finishing this step; runs that are done are kept. Once more to leave at once.'))
  try {
    const tokens = await tokensOf(names, recipe, text, seeds, machine, flags, output)
    const events: AblationEvent[] = []
    const append = (event: AblationEvent) => {
      events.push(event)
      run?.log.append(event)
    }
    for (const name of names) {
      const { reason } = await runAblation(name, {
        machine,
        recipe,
        text,
        tokens,
        seeds,
        cacheFolder: cacheFolder(),
        codeVersion: packageVersion(),
        log: { append },
        stop: interrupt.signal,
        onProgress: showAblation(output),
      })
      if (reason === 'interrupted') {
        process.exitCode = interrupt.exitStatus()
        break
      }
    }
    const isWhole = interrupt.exitStatus() === 0
    output.note(`${isWhole ? 'done' : 'stopped'} after ${formatSeconds((performance.now() - begun) / 1000)}`)
    if (run && events.length > 0) output.note(`Added to ${run.folder}. Its report with them: ${commandLine('report', run.folder)}`)
    if (!isWhole) output.note('The same command again goes on where it stopped.')
    output.result({ recipe: recipe.name, run: run?.folder ?? null, seeds, isWhole, events: forJson(events) }, () =>
      events.length > 0 ? ablationText(events, output.paint) : 'No ablation was finished.',
    )
  } finally {
    machine.close()
  }
}

/** Tokens of each run: those of the recipe, or as many as fit the time. */
async function tokensOf(
  names: readonly string[],
  recipe: Recipe,
  text: PreparedText,
  seeds: number,
  machine: Machine,
  { budget }: Flags,
  output: Output,
): Promise<number | undefined> {
  if (budget === undefined) return undefined
  const base = ablationBaseOn({ recipe, text })
  const runCount = ablationRuns(names, base, seeds)
  const tokens = tokensWithin(budget, runCount, base, await measureTrainingSpeed(machine, base, 1))
  output.note(`budget    ${formatSeconds(budget)} for ${runCount} runs: ${formatCount(tokens)} tokens each`)
  return tokens
}

/** JSON has no infinity: a difference that is not finite is a word. */
const forJson = (events: readonly AblationEvent[]): unknown =>
  JSON.parse(
    JSON.stringify(events, (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value)),
  )
