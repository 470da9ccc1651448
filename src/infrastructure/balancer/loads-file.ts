/** Loads from outside, `[[…],[…]]` (layers x experts), checked before anything is made of them. */
import { rejectViolations, usageError } from '../../base/errors.ts'

/**
 * @param text    a JSON document
 * @param subject its name in messages
 * @throws UsageError naming every row that is not a list, and of the others every load that is not a number, the first twenty
 */
export function parseLoads(text: string, subject = 'loads'): number[][] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'JSON like [[90,132],[20,107]] (layers x experts)', (cause as Error).message, '', cause)
  }
  if (!Array.isArray(value)) throw usageError(subject, 'a list of layers, each a list of loads', describe(value))
  const violations: string[] = []
  value.forEach((layer: unknown, index) => {
    if (!Array.isArray(layer)) violations.push(`layer ${index}: expected a list of loads, got ${describe(layer)}`)
    else
      layer.forEach((load: unknown, expert) => {
        if (typeof load !== 'number') violations.push(`layer ${index}, expert ${expert}: expected a number, got ${describe(load)}`)
      })
  })
  const hidden = violations.length - mostNamed
  rejectViolations(subject, violations.slice(0, mostNamed), hidden > 0 ? `And ${hidden} more.` : '')
  return value as number[][]
}

/** Of a file that is wrong throughout, enough to see how. */
const mostNamed = 20

const describe = (value: unknown): string => JSON.stringify(value)?.slice(0, 40) ?? String(value)
