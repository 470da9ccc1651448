/** What a schema found wrong, in the house's words: "path: expected X, got Y", one line for each violation. */
import type { z } from 'zod'

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  nonoptional: 'something',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
  tuple: 'a list',
}

/** A value as a message shows it: short, and "nothing" where there is none. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40).toWellFormed()}…` : value)
  return String(value)
}

/** "at least 1", "more than 0", "at most 3 items". */
function boundText(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' items' : ''
  if (issue.code === 'too_small') return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit}`
  return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit}`
}

function expectedText(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected] ?? issue.expected
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ')
    case 'too_small':
    case 'too_big':
      return boundText(issue)
    case 'unrecognized_keys':
      return `no field ${issue.keys.join(', ')}`
    default:
      return issue.message.replace(/^expected /, '')
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value
  for (const key of path) inner = (inner as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key]
  return inner
}

/**
 * The violations of a value, one line each.
 *
 * @param value   what was checked
 * @param subject in the place of a path, where the value as a whole is wrong
 */
export function schemaViolations({ issues }: z.core.$ZodError, value: unknown, subject: string): string[] {
  const lines = issues.map((issue) => {
    const where = issue.path.map(String).join('.') || subject
    return `${where}: expected ${expectedText(issue)}, got ${issue.code === 'unrecognized_keys' ? 'one' : shownValue(at(value, issue.path))}`
  })
  return [...new Set(lines)]
}
