/** `strata run`: a whole recipe: text, tokenizer, training, model folder, scores beside compressors, samples, summary. */
import type { Command } from 'commander'
import { requestOf, runAndReport, trainingFlags, type TrainingFlags } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('run')
    .description('run a whole recipe: train, score on held-out text, sample')
    .argument('[recipe]', 'nano, bench, tiny, a .ts or .js file with a recipe, or the folder of a run')
    .option('--resume', 'go on with a run, never begin one', false)
  trainingFlags(command).action((target: string | undefined, flags: TrainingFlags) =>
    runAndReport(requestOf(target, flags, 'samples'), flags),
  )
}
