/**
 * `strata ablate filtered-data`: the one ablation that begins from a run's fine-tuned model and its own samples. It has a seed,
 * problems and steps of the run's, so the flags of the others have no part in it.
 */
import { usageError } from '../../base/errors.ts'
import { formatSeconds } from '../../base/format.ts'
import type { Interval } from '../../base/statistics.ts'
import { openRunFolder } from '../../infrastructure/index.ts'
import { compareGenerated, type GeneratedDataEvent } from '../../posttraining/index.ts'
import type { CommonFlags } from '../flags.ts'
import type { Output } from '../output.ts'
import { startMachine } from '../start-machine.ts'
import { formatTable } from '../table.ts'
import { commandLine } from './commands.ts'
import { fineTunedOf } from './fine-tuned.ts'
import { listenForInterrupt } from './interrupt.ts'
import { Interrupted, pause } from './part.ts'
import { readRunSoFar } from './run-so-far.ts'

export const generatedAblation = {
  name: 'filtered-data',
  claims: ['posttraining.filtered-data'],
  question: 'Is a model better for its own samples as they are, or only for those that a verifier let through?',
} as const

type Given = Pick<CommonFlags, 'threads' | 'set' | 'seed' | 'budget'> & {
  readonly seeds?: number
  readonly recipe?: string
  readonly data?: readonly string[]
  readonly run?: string
}

/** Whether what was asked for is this ablation. @throws UsageError when others are asked for beside it */
export function isGenerated(wanted: readonly string[]): boolean {
  const names = new Set<string>([generatedAblation.name, ...generatedAblation.claims])
  const others = wanted.filter((name) => !names.has(name))
  if (others.length === wanted.length) return false
  if (others.length > 0)
    throw usageError(
      'ablate',
      `${generatedAblation.name} by itself`,
      `${others.join(' and ')} beside it`,
      'Ask for them one after the other.',
    )
  return true
}

function runOf({ run, seeds, recipe, data, set, seed, budget }: Given): string {
  const given = Object.entries({ seeds, recipe, data, seed, budget, set: set.length > 0 ? set : undefined })
  const flags = given.filter(([, value]) => value !== undefined).map(([name]) => `--${name}`)
  if (flags.length > 0)
    throw usageError(generatedAblation.name, 'what the run decides', flags.join(' and '), 'Leave it away: the run’s own holds.')
  if (run === undefined) throw usageError(generatedAblation.name, '--run with a fine-tuned model', 'none', 'For example --run runs/first.')
  return run
}

/** Runs it and adds the result to the run's log. */
export async function ablateGenerated(flags: Given, output: Output): Promise<void> {
  const folder = runOf(flags)
  using run = openRunFolder<GeneratedDataEvent>(folder, () => void readRunSoFar(folder))
  const { recipe, tokenizer, from } = fineTunedOf(run)
  const machine = await startMachine(flags, output)
  using interrupt = listenForInterrupt(() => output.note('Finishing this piece; nothing is kept. Once more to leave at once.'))
  const onProgress = async (what: string, share: number) => {
    output.progress({ stage: 'ablate', detail: `${generatedAblation.name}: ${what} ${(share * 100).toFixed(0)} %` })
    await pause({ interrupt })
  }
  try {
    const event = await compareGenerated({ machine, recipe, tokenizer, from, onProgress })
    run.log.append(event)
    output.note(`done after ${formatSeconds(event.seconds)}`)
    output.note(`Added to ${folder}. Its report with it: ${commandLine('report', folder)}`)
    output.result({ recipe: recipe.name, run: folder, isWhole: true, events: [event] }, () => generatedText(event))
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.exitCode = interrupt.exitStatus()
    output.result({ recipe: recipe.name, run: folder, isWhole: false, events: [] }, () => 'Nothing was finished.')
  } finally {
    machine.close()
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const shareText = ({ value, low, high }: Interval) => `${percent(value)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)}`
const pointsText = (difference: Interval | null) =>
  difference ? `${signed(difference.value)} (${signed(difference.low)} to ${signed(difference.high)})` : ''

function generatedText(event: GeneratedDataEvent): string {
  const { problems, samplesPerProblem, rightCount, duplicateCount, size, steps, tokens, heldOutProblems, chance, arms } = event
  const right = (title: string) => ({ title, align: 'right' as const })
  const table = formatTable(
    [{ title: '  samples' }, right('right among them'), right('accuracy'), right('over the start, points'), right('over raw, points')],
    arms.map(({ arm, rightShare, accuracy, overStart, overRaw }) => [
      `  ${arm}`,
      rightShare === null ? '' : percent(rightShare),
      shareText(accuracy),
      pointsText(overStart),
      pointsText(overRaw),
    ]),
  )
  return `${generatedAblation.name}  ${generatedAblation.question}
  ${problems} training problems, ${samplesPerProblem} samples each: ${rightCount} right, ${duplicateCount} of them duplicates; sets of ${size}, ${steps} steps of ${tokens / steps} tokens
  scored on ${heldOutProblems} held-out problems, chance ${percent(chance)}; differences problem by problem, 95 % intervals, one seed

${table}`
}
