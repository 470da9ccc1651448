/**
 * Every verb of the command line: the one list. A verb is a module in `verbs/` that registers its command; it is loaded
 * when it is asked for, so that `strata --help` starts no kernels and reads no data.
 */
import type { Command } from 'commander'

/** What a module in `verbs/` exports. */
interface VerbModule {
  /** Adds the verb's command, with its description, arguments, flags and action. */
  readonly register: (program: Command) => void
}

export interface Verb {
  readonly name: string
  /** The summary of the command (or its description, when it has none), word for word: help lists verbs without loading them. */
  readonly summary: string
  readonly load: () => Promise<VerbModule>
}

/** The verbs in the order in which help prints them. */
export const verbs: readonly Verb[] = [
  {
    name: 'start',
    summary: 'the first run: a model of your own in twenty minutes, with its technical report',
    load: () => import('./verbs/start.ts'),
  },
  {
    name: 'run',
    summary: 'run a whole recipe: train, extend, fine-tune, reinforce, evaluate, report',
    load: () => import('./verbs/run.ts'),
  },
  {
    name: 'pretrain',
    summary: 'train a model from a recipe, or go on with a run',
    load: () => import('./verbs/pretrain.ts'),
  },
  {
    name: 'extend',
    summary: 'extend a run’s context by YaRN, with scores before and after',
    load: () => import('./verbs/extend.ts'),
  },
  {
    name: 'sft',
    summary: 'fine-tune a run’s model on conversations, with scores before and after',
    load: () => import('./verbs/sft.ts'),
  },
  {
    name: 'reward',
    summary: 'train a reward model on a run’s own replies, and measure what choosing and judging by it is worth',
    load: () => import('./verbs/reward.ts'),
  },
  {
    name: 'rl',
    summary: 'reinforce a run’s model on tasks with verifiers, with scores before and after',
    load: () => import('./verbs/rl.ts'),
  },
  {
    name: 'ablate',
    summary: 'train with a mechanism and without it, and say whether the difference is established',
    load: () => import('./verbs/ablate.ts'),
  },
  {
    name: 'report',
    summary: 'write the technical report of a run, or print what became of its claims',
    load: () => import('./verbs/report.ts'),
  },
  {
    name: 'data',
    summary: 'list, fetch and look at training text',
    load: () => import('./verbs/data.ts'),
  },
  {
    name: 'tokenizer',
    summary: 'train a tokenizer, encode, decode, and look at one',
    load: () => import('./verbs/tokenizer.ts'),
  },
  {
    name: 'generate',
    summary: 'go on with a text',
    load: () => import('./verbs/generate.ts'),
  },
  {
    name: 'chat',
    summary: 'talk with a model',
    load: () => import('./verbs/chat.ts'),
  },
  {
    name: 'eval',
    summary: 'score a model on held-out text and tasks',
    load: () => import('./verbs/eval.ts'),
  },
  {
    name: 'inspect',
    summary: 'print a model in numbers: parameters, cache, work; and what lies in its folder',
    load: () => import('./verbs/inspect.ts'),
  },
  {
    name: 'plan',
    summary: 'plan training and serving on a cluster: memory, traffic, schedule, step, cost',
    load: () => import('./verbs/plan.ts'),
  },
  {
    name: 'schedule',
    summary: 'simulate a pipeline schedule: makespan, idle time, live activations, figure, trace',
    load: () => import('./verbs/schedule.ts'),
  },
  {
    name: 'balance',
    summary: 'place experts and redundant replicas on devices',
    load: () => import('./verbs/balance.ts'),
  },
  {
    name: 'bench',
    summary: 'measure speed on this machine, beside what the machine can do',
    load: () => import('./verbs/bench.ts'),
  },
  {
    name: 'doctor',
    summary: 'check that this machine has what Strata needs',
    load: () => import('./verbs/doctor.ts'),
  },
]
