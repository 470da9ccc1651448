/**
 * Numbers in sentences: with their unit, their interval, and a verb that follows from them. A sentence of the report never
 * says "fell" of something that did not.
 */
import { formatCount } from '../base/format.ts'

/** Three digits that count, without a power of ten where there is no need for one: 4.56, 0.0412, 123, 3.5 × 10⁻⁸. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return 'not finite'
  const size = Math.abs(value)
  if (size >= 1000) return formatCount(Math.round(value))
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  if (size >= 0.095 || value === 0) return value.toFixed(2)
  if (size >= 0.0001) return String(Number(value.toPrecision(2)))
  const [mantissa, exponent] = value.toExponential(1).split('e')
  return `${mantissa} × 10${exponent.replaceAll(/[-\d]/g, (sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)]))}`
}

/** With a sign: +0.12, -0.12 (a true minus). */
export const signed = (value: number): string => `${value < 0 ? '−' : '+'}${digits(Math.abs(value))}`

/** "4.56 nats". */
export const nats = (value: number): string => `${digits(value)} nats`

/** "1.87 bits per byte". */
export const bitsPerByte = (value: number): string => `${digits(value)} bits per byte`

/** "12 %", "0.4 %": one decimal below ten. */
export function percent(share: number): string {
  const value = 100 * share
  const size = Math.abs(value)
  return `${value < 0 ? '−' : ''}${size < 10 && value !== 0 ? size.toFixed(1) : size.toFixed(0)} %`
}

/** A command in a sentence, between the marks that `withCode` sets as code. */
export const inCode = (command: string): string => `\`${command}\``

/** "1.8 times". */
export const times = (ratio: number): string => `${digits(ratio)} times`

/** "between 0.01 and 0.05". */
export const between = (low: number, high: number): string => `between ${signedIfNegative(low)} and ${signedIfNegative(high)}`

const signedIfNegative = (value: number) => (value < 0 ? `−${digits(-value)}` : digits(value))

/**
 * "fell from 8.41 to 4.56 nats", "rose from …", "stayed at …" when both read alike.
 *
 * @param unit with its space, or nothing
 */
export function changed(from: number, to: number, format: (value: number) => string = digits, unit = ''): string {
  const [before, after] = [format(from), format(to)]
  if (before === after) return `stayed at ${after}${unit}`
  return `${to < from ? 'fell' : 'rose'} from ${before} to ${after}${unit}`
}

/** "a", "a and b", "a, b and c"; "a, b; and c" where an item is a list itself. */
export function listed(items: readonly string[], word = 'and'): string {
  if (items.length < 2) return items.join('')
  // What is a list itself needs a stronger stop behind it.
  if (items.some((item) => /, | and /.test(item))) return `${items.slice(0, -1).join('; ')}; ${word} ${items.at(-1)!}`
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)!}`
}

/** "no tasks", "one task", "3 tasks". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  if (count === 0) return `no ${plural}`
  return count === 1 ? `one ${noun}` : `${count < 1000 ? count : formatCount(count)} ${plural}`
}
