/**
 * Every verb of the command line: the one list. A verb is a module in `verbs/` that registers its command; it is loaded
 * when it is asked for, so that `strata --help` starts no kernels and reads no data.
 */
import type { Command } from 'commander'

/** What a module in `verbs/` exports. */
export interface VerbModule {
  /** Adds the verb's command, with its description, arguments, flags and action. */
  readonly register: (program: Command) => void
}

export interface Verb {
  readonly name: string
  /** The description of the command, word for word: the list of verbs is printed without loading them. */
  readonly summary: string
  readonly load: () => Promise<VerbModule>
}

/** The verbs in the order in which help prints them. */
export const verbs: readonly Verb[] = [
  {
    name: 'doctor',
    summary: 'check that this machine has what Strata needs',
    load: () => import('./verbs/doctor.ts'),
  },
]
