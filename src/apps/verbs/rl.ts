/** `strata rl`: a run up to reinforcement with verifiers; what comes before is done first when it is not there. */
import type { Command } from 'commander'
import { stageVerb } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  stageVerb(program, {
    name: 'rl',
    description: 'reinforce a run’s model on tasks with verifiers, with scores before and after',
    until: 'rl',
  })
}
