/** `strata pretrain`: text, tokenizer, training, and the model's folder; no scores. An interrupted run goes on where it stood. */
import type { Command } from 'commander'
import { stageVerb } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  stageVerb(program, { name: 'pretrain', description: 'train a model from a recipe, or go on with a run', until: 'pretrain' })
}
