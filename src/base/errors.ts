/**
 * The three kinds of error of this house. Every message says: subject, what was expected, what was found, what to do.
 */

/** Something the person at the keyboard can mend: printed without a stack, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Two tensors that do not fit each other. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError'
}

/** Something that this code promised itself and that does not hold: a defect of ours, exit status 1. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/**
 * Throws an `InvariantError` unless `condition` holds.
 *
 * @param condition what must hold
 * @param message   "subject: expected X, got Y"
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/**
 * A `UsageError` in the house's form.
 *
 * @param subject  what the message is about: a file, a setting, a command
 * @param expected what would have been right
 * @param got      what was there
 * @param hint     what to do now
 */
export function usageError(subject: string, expected: string, got: string, hint = '', cause?: unknown): UsageError {
  return new UsageError(`${subject}: expected ${expected}, got ${got}.${hint && ` ${hint}`}`, { cause })
}

/** A value of any kind for "got …": a text in quotes, so that "2" is not taken for the number 2. */
export function said(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value)
}

/** Violations that are told in full; of the rest, how many there are. */
export const mostViolations = 20

/**
 * All violations at once, so that nobody has to mend a file one message at a time.
 *
 * @param subject    what was checked
 * @param violations one sentence each; nothing is thrown when there are none
 * @param hint       what to do now
 * @param count      how many there are, where not all are given
 */
export function rejectViolations(subject: string, violations: readonly string[], hint = '', count = violations.length): void {
  if (count === 0) return
  const told = violations.slice(0, mostViolations)
  const lines = count > told.length ? [...told, `and ${count - told.length} more`] : told
  const sum = count === 1 ? 'one thing is' : `${count} things are`
  throw new UsageError(`${subject}: ${sum} wrong.\n${lines.map((line) => `  - ${line}`).join('\n')}${hint && `\n${hint}`}`)
}
