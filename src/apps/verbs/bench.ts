/** `strata bench`: how fast the parts are on this machine, beside what the machine can do. */
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import { availableThreads } from '../../base/platform.ts'
import { benchmarks, isBenchmarkName, runBenchmark } from '../bench/benchmarks.ts'
import { efforts } from '../bench/measure.ts'
import { recordRun } from '../bench/record.ts'
import { commonFlags, type CommonFlags, wholeNumber } from '../flags.ts'
import { createOutput } from '../output.ts'

interface Flags extends Pick<CommonFlags, 'threads' | 'json' | 'quiet'> {
  readonly quick: boolean
  readonly record: boolean
  readonly model?: string
  readonly contexts?: readonly number[]
}

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('bench')
    .summary('measure speed on this machine, beside what the machine can do')
    .description(
      'Probes what this machine can do, verifies a result, then measures it: median, best and spread (between the quartiles) of at least 20 samples and one second.',
    )
    .argument(
      '<what>',
      Object.entries(benchmarks)
        .map(([name, { question }]) => `${name}: ${question}`)
        .join('; '),
    )
    .option('--quick', 'fewer samples: a look, not a figure to write down', false)
    .option('--record', 'append the run to runs/bench.jsonl, with machine and commit', false)
    .option(
      '--model <folder>',
      'of generate: a model or run folder to take the sizes and the drafting module of; of report: the run folder',
    )
    .option('--contexts <tokens>', 'of generate: lengths such as 64,512,2048', (text: string) =>
      text.split(',').map(wholeNumber('--contexts', 1)),
    )
  commonFlags(command, 'threads', 'json', 'quiet').action(run)
}

async function run(what: string, flags: Flags): Promise<void> {
  if (!isBenchmarkName(what)) throw usageError('bench', `one of ${Object.keys(benchmarks).join(', ')}`, `"${what}"`)
  const { model: folder, contexts } = flags
  const refuse = (flag: string, owners: string) => {
    throw usageError(`bench ${what}`, `no ${flag}`, 'one', `It is of strata bench ${owners}.`)
  }
  if (folder !== undefined && what !== 'generate' && what !== 'report') refuse('--model', 'generate and report')
  if (contexts !== undefined && what !== 'generate') refuse('--contexts', 'generate')
  const output = createOutput(flags)
  const threads = flags.threads ?? availableThreads()
  const { document, text, kernels } = await runBenchmark(what, threads, flags.quick ? efforts.quick : efforts.full, output, {
    folder,
    contexts,
  })
  if (flags.record) output.note(`appended to ${recordRun({ what, threads, kernels, isQuick: flags.quick, ...document })}`)
  output.result(document, () => text)
}
