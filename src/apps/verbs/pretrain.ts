/** `strata pretrain`: text, tokenizer, training, and the model's folder; no scores. An interrupted run goes on where it stood. */
import type { Command } from 'commander'
import { requestOf, runAndReport, trainingFlags, type TrainingFlags } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('pretrain')
    .description('train a model from a recipe, or go on with a run')
    .argument('[recipe]', 'nano, bench, tiny, a .ts or .js file with a recipe, or the folder of a run')
    .option('--resume', 'go on with a run, never begin one', false)
  trainingFlags(command).action((target: string | undefined, flags: TrainingFlags) =>
    runAndReport(requestOf(target, flags, 'model'), flags),
  )
}
