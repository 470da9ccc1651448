/**
 * Someone's own verifier, kept from doing harm by mistake: what throws, or gives no verdict, counts as wrong and is told.
 *
 * It does not help against a verifier that never ends: that one runs in a thread, see verifier-sandbox.ts.
 */
import { parseReply, type Problem, type Verdict } from '../foundations/index.ts'

/** A verdict, and what went wrong on the way to it. */
export interface GuardedVerdict extends Verdict {
  /** One sentence; null where the verifier did its work. A verdict with a fault counts as wrong and ill-formed. */
  readonly fault: string | null
}

/** A verdict that a fault stands for. */
export const faulty = (fault: string): GuardedVerdict => ({ isCorrect: false, isWellFormed: false, fault })

/**
 * What a verifier returned, as a verdict: `{ isCorrect, isWellFormed }`, or whether the reply is correct. Where the form is
 * not judged, it is that of the built-in tasks.
 */
export function verdictOf(value: unknown, reply: string): GuardedVerdict {
  const { isCorrect, isWellFormed } = typeof value === 'object' && value !== null ? (value as Partial<Verdict>) : { isCorrect: value }
  const isForm = isWellFormed === undefined || typeof isWellFormed === 'boolean'
  if (typeof isCorrect !== 'boolean' || !isForm)
    return faulty(`expected a verdict ({ isCorrect, isWellFormed } or true or false), got ${describe(value)}`)
  return { isCorrect, isWellFormed: isWellFormed ?? parseReply(reply).isWellFormed, fault: null }
}

function describe(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80)
  } catch {
    return `a value of type ${typeof value}`
  }
}

/** What was thrown, as a sentence; anything may be thrown. */
export function thrown(error: unknown): string {
  return `threw ${error instanceof Error ? `${error.name}: ${error.message}` : describe(error)}`.slice(0, 300)
}

/** A verifier that does not throw. @param verifier someone's own; it must end */
export function guardVerifier(verifier: (problem: Problem, reply: string) => unknown): (problem: Problem, reply: string) => GuardedVerdict {
  return (problem, reply) => {
    try {
      return verdictOf(verifier(problem, reply), reply)
    } catch (error) {
      return faulty(thrown(error))
    }
  }
}
