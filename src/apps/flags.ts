/**
 * The flags that several verbs share, written once. A verb names those that it takes; any other is an error of
 * commander's, so no flag is ever accepted and then ignored.
 */
import type { Command } from 'commander'
import { usageError } from '../base/errors.ts'
import { parseSeconds } from '../base/format.ts'
import { didYouMean } from '../base/nearest.ts'
import { mostThreads } from '../base/platform.ts'

/** What the shared flags look like in a verb's options. */
export interface CommonFlags {
  /** "path=value" each, for `applySettings`. */
  readonly set: readonly string[]
  /** Root of all random streams. */
  readonly seed?: number
  /** Threads to compute with. */
  readonly threads?: number
  /** Time to spend, in seconds. */
  readonly budget?: number
  /** One JSON document on standard output, nothing else there. */
  readonly json: boolean
  /** No notes and no progress; warnings and errors still. */
  readonly quiet: boolean
}

/**
 * A parser for a whole number, for commander's `.option(flags, description, parser)`.
 *
 * @param subject the flag as typed
 * @throws UsageError from the parser for anything else than a whole number in low..high
 */
export function wholeNumber(subject: string, low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < low || value > high) {
      const range = high === Number.MAX_SAFE_INTEGER ? `${low} or more` : `from ${low} to ${high}`
      throw usageError(subject, `a whole number, ${range}`, `"${text}"`)
    }
    return value
  }
}

/** A parser for a number, as `wholeNumber`. */
export function decimalNumber(subject: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= low && value <= high)) throw usageError(subject, `a number from ${low} to ${high}`, `"${text}"`)
    return value
  }
}

/** A parser for one of a few words, as `wholeNumber`. */
export function oneOf<Word extends string>(subject: string, words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text)
    if (word === undefined) throw usageError(subject, `one of ${words.join(', ')}`, `"${text}"`, didYouMean(text, words))
    return word
  }
}

/**
 * Numbers of several flags, for verbs that check them together.
 *
 * @param texts what was typed, by flag
 * @returns the numbers, NaN for what is none, and a violation for each of those
 */
export function readNumbers<Name extends string>(texts: Readonly<Record<Name, string>>) {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, text, text.trim() === '' ? Number.NaN : Number(text)] as const)
  return {
    numbers: Object.fromEntries(entries.map(([name, , value]) => [name, value])) as Record<Name, number>,
    violations: entries.filter(([, , value]) => Number.isNaN(value)).map(([name, text]) => `${name}: expected a number, got "${text}"`),
  }
}

const adders: { readonly [Name in keyof CommonFlags]-?: (command: Command) => Command } = {
  set: (command) =>
    command.option(
      '--set <path=value>',
      'change one setting; may be given several times',
      (text, before: string[]) => [...before, text],
      [],
    ),
  seed: (command) => command.option('--seed <number>', 'root of all random streams', wholeNumber('--seed', 0)),
  threads: (command) => command.option('--threads <count>', 'threads to compute with', wholeNumber('--threads', 1, mostThreads)),
  budget: (command) => command.option('--budget <time>', 'time to spend, such as 10m or 2h', (text) => parseSeconds(text, '--budget')),
  json: (command) => command.option('--json', 'print one JSON document and nothing else', false),
  quiet: (command) => command.option('--quiet', 'print the result only', false),
}

/**
 * Adds shared flags to a verb's command.
 *
 * @returns the command, for chaining
 */
export function commonFlags(command: Command, ...names: readonly (keyof CommonFlags)[]): Command {
  for (const name of names) adders[name](command)
  return command
}
