/** `strata extend`: a run up to its longest window; what comes before is done first when it is not there. */
import type { Command } from 'commander'
import { stageVerb } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  stageVerb(program, { name: 'extend', description: 'extend a run’s context by YaRN, with scores before and after', until: 'extend' })
}
