/** `strata bench`: how fast the parts are on this machine, beside what the machine can do. */
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import { availableThreads } from '../../base/platform.ts'
import { benchmarks, isBenchmarkName, runBenchmark } from '../bench/benchmarks.ts'
import { efforts } from '../bench/measure.ts'
import { recordRun } from '../bench/record.ts'
import { commonFlags, type CommonFlags } from '../flags.ts'
import { createOutput } from '../output.ts'

interface Flags extends Pick<CommonFlags, 'threads' | 'json' | 'quiet'> {
  readonly quick: boolean
  readonly record: boolean
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
  commonFlags(command, 'threads', 'json', 'quiet').action(run)
}

async function run(what: string, flags: Flags): Promise<void> {
  if (!isBenchmarkName(what)) throw usageError('bench', `one of ${Object.keys(benchmarks).join(', ')}`, `"${what}"`)
  const output = createOutput(flags)
  const threads = flags.threads ?? availableThreads()
  const { document, text, kernels } = await runBenchmark(what, threads, flags.quick ? efforts.quick : efforts.full, output)
  if (flags.record) output.note(`appended to ${recordRun({ what, threads, kernels, isQuick: flags.quick, ...document })}`)
  output.result(document, () => text)
}
