/**
 * The judge of replies: the verifier of a recipe behind its guard, and the rule for one that does not work.
 *
 * A verifier may fail on a reply now and then: that one counts as wrong, and the run goes on. One that gives no verdict on
 * `mostFaultsInARow` replies in a row, or on none of the first replies that it is asked about, is broken: rewards that are all
 * zero would teach nothing and say nothing, so the run stops and says what to mend. Steps that were taken are kept.
 */
import { UsageError, usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { drawProblems, formatReply, type Problem, verifyReply } from '../foundations/index.ts'
import type { RlConfig } from '../pretraining/index.ts'
import { type GuardedVerdict, guardVerifier } from './guard-verifier.ts'
import { chooseTasks } from './rl-problems.ts'
import { VerifierSandbox } from './verifier-sandbox.ts'

/** A verifier that gives no verdicts: the person's to mend, and nothing that the steps before it suffer from. */
export class BrokenVerifier extends UsageError {}

/** Judges replies. */
export interface Judge {
  /** The verdict on a reply. @throws BrokenVerifier when too many in a row have none */
  readonly verify: (problem: Problem, reply: string) => Promise<GuardedVerdict>
  /** Called behind a set of replies. @throws BrokenVerifier when not one reply so far has a verdict */
  readonly rejectSilence: () => void
  /** Lets go of the verifier's thread. */
  readonly close: () => Promise<void>
}

/** Replies in a row without a verdict: with a verifier that never ends, as many seconds. */
const mostFaultsInARow = 16

/** Right replies that a verifier is tried on before a run begins. */
const triedReplies = 3

/** Characters of a problem and of a reply that a message shows. */
const shownCharacters = 80

/**
 * The verifier of a recipe: its own module behind a time limit, or the tasks' own.
 *
 * @param modulePath of the recipe; null for the tasks' own
 * @throws UsageError when the module cannot be used
 */
export async function openJudge(modulePath: string | null): Promise<Judge> {
  if (modulePath === null) {
    const guarded = guardVerifier(verifyReply)
    return { verify: async (problem, reply) => guarded(problem, reply), rejectSilence: () => {}, close: async () => {} }
  }
  const sandbox = await VerifierSandbox.open(modulePath)
  return watched(modulePath, sandbox)
}

function watched(modulePath: string, sandbox: VerifierSandbox): Judge {
  let inARow = 0
  let hasVerdict = false
  let firstFault = ''
  const reject = () => {
    throw new BrokenVerifier(brokenMessage(modulePath, inARow, firstFault))
  }
  return {
    verify: async (problem, reply) => {
      const verdict = await sandbox.verify(problem, reply)
      if (verdict.fault === null) {
        inARow = 0
        hasVerdict = true
      } else {
        if (inARow++ === 0) firstFault = `it ${verdict.fault} at the problem ${shown(problem.prompt)} and the reply ${shown(reply)}`
        if (inARow === mostFaultsInARow) reject()
      }
      return verdict
    },
    rejectSilence: () => {
      if (!hasVerdict && inARow > 0) reject()
    },
    close: () => sandbox.close(),
  }
}

const shown = (text: string) => JSON.stringify(text.length > shownCharacters ? `${text.slice(0, shownCharacters).toWellFormed()}…` : text)

const brokenMessage = (modulePath: string, count: number, firstFault: string) =>
  usageError(
    modulePath,
    'a verifier that gives verdicts',
    `none on ${count} replies in a row; first, ${firstFault}`,
    'Mend verify(problem, reply) (for a reply that it cannot read it returns false) and type the command again: a run that was begun goes on where it stopped.',
  ).message

/**
 * Tries a recipe's own verifier on a few problems with their right answers, before anything is trained.
 *
 * @throws UsageError when it cannot be loaded, and when it gives no verdict on any of them
 */
export async function tryVerifier({ verifier, tasks, level }: Pick<RlConfig, 'verifier' | 'tasks' | 'level'>): Promise<void> {
  const judge = await openJudge(verifier)
  try {
    const chosen = chooseTasks(tasks).map(({ task }) => task)
    const problems = drawProblems(chosen, Random.seeded(0).fork('tried'), { side: 'train', count: triedReplies, level })
    for (const problem of problems) await judge.verify(problem, formatReply(problem.answer, problem.reasoning))
    judge.rejectSilence()
  } finally {
    await judge.close()
  }
}
