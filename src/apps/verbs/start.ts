/**
 * `strata start`, which is what `npm start` calls: the `nano` recipe from nothing to its report, in the time that is left of
 * twenty minutes. What is in place already is skipped.
 */
import type { Command } from 'commander'
import { formatSeconds } from '../../base/format.ts'
import { askedOf, runAndReport, runFolderOf, trainingFlags, type TrainingFlags } from '../run/verb.ts'

/** Twenty minutes less the set-up of a fresh clone (dependencies, a Node, the kernels), and a reserve. */
const startSeconds = 1000

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program.command('start').description('the first run: a model of your own in twenty minutes, with its technical report')
  trainingFlags(command).action(async (flags: TrainingFlags) => {
    const setsTokens = flags.set.some((setting) => setting.startsWith('training.tokens='))
    const whole = setsTokens ? null : ({ seconds: startSeconds, derives: 'tokens' } as const)
    const budget = flags.budget === undefined ? whole : ({ seconds: flags.budget, derives: 'model' } as const)
    const name = flags.name ?? (flags.budget === undefined ? 'first' : `first-${formatSeconds(flags.budget).replaceAll(' ', '')}`)
    const asked = askedOf('nano', flags, budget)
    await runAndReport({ asked, folder: runFolderOf(name), mustExist: false, threads: flags.threads, until: 'report' }, flags)
  })
}
