/** `strata run`: a whole recipe, from text to the report of the model that it made. */
import type { Command } from 'commander'
import { stageVerb } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  stageVerb(program, {
    name: 'run',
    description: 'run a whole recipe: train, extend, fine-tune, reinforce, evaluate, report',
    until: 'report',
  })
}
