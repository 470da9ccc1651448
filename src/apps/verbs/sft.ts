/** `strata sft`: a run up to supervised fine-tuning; what comes before is done first when it is not there. */
import type { Command } from 'commander'
import { stageVerb } from '../run/verb.ts'

/** Adds the verb to the program. */
export function register(program: Command): void {
  stageVerb(program, { name: 'sft', description: 'fine-tune a run’s model on conversations, with scores before and after', until: 'sft' })
}
