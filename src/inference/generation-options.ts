/** What may be asked of generation, its defaults, and the rules, all violations at once. */
import { rejectViolations, said, usageError } from '../base/errors.ts'
import { unknownNames } from '../base/nearest.ts'

/** How a token is drawn from the model's distribution; the filters apply in this order. */
export interface SamplingOptions {
  /** Divides the logits; 0 takes the most likely token. */
  readonly temperature: number
  /** Only so many of the likeliest tokens; 0 for all. */
  readonly topK: number
  /** Only the likeliest tokens that reach this share of what top-k left, 0..1; 1 for all. */
  readonly topP: number
  /** Only tokens at least this share as likely as the likeliest, 0..1; 0 for all. */
  readonly minP: number
}

export interface GenerationOptions extends SamplingOptions {
  /** Root of the random stream; the same seed, prompt and weights give the same text. */
  readonly seed: number
  /** Tokens to generate, at most. */
  readonly maxTokens: number
  /** Strings that end the text; they are not part of it. */
  readonly stop: readonly string[]
  /** Tokens that the multi-token module drafts in each step, at most; 0 leaves it out. */
  readonly speculate: number
}

/** The model's own distribution. */
export const defaultGenerationOptions: GenerationOptions = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
  maxTokens: 256,
  stop: [],
  speculate: 0,
}

/** Above this temperature every distribution is flat. */
const maxTemperature = 100
/** Text is compared with every stop string at every token. */
const maxStopStrings = 64
/** Drafts and the token before them are rows of one step of decoding. */
const maxSpeculate = 8

function violationsOf({ temperature, topK, topP, minP, seed, maxTokens, stop, speculate }: GenerationOptions): string[] {
  const violations: string[] = []
  const number = (name: string, value: unknown, low: number, high: number, isLowAllowed = true) => {
    if (typeof value === 'number' && value <= high && (isLowAllowed ? value >= low : value > low)) return
    violations.push(`${name}: expected a number ${isLowAllowed ? `from ${low}` : `above ${low}`} to ${high}, got ${said(value)}`)
  }
  const whole = (name: string, value: unknown, low: number, high = Infinity) => {
    if (Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high) return
    violations.push(`${name}: expected a whole number, ${low} ${high === Infinity ? 'or more' : `to ${high}`}, got ${said(value)}`)
  }
  number('temperature', temperature, 0, maxTemperature)
  whole('topK', topK, 0)
  number('topP', topP, 0, 1, false)
  number('minP', minP, 0, 1)
  whole('seed', seed, 0)
  whole('maxTokens', maxTokens, 1)
  whole('speculate', speculate, 0, maxSpeculate)
  if (!Array.isArray(stop)) violations.push(`stop: expected a list of strings, got ${said(stop)}`)
  else if (stop.length > maxStopStrings) violations.push(`stop: expected at most ${maxStopStrings} strings, got ${stop.length}`)
  else if (!stop.every((text) => typeof text === 'string' && text !== ''))
    violations.push('stop: expected strings of one character or more')
  return violations
}

/**
 * Fills in what was not given (or is undefined), and checks all of it.
 *
 * @throws UsageError naming every option that does not exist or is out of its range
 */
export function checkGenerationOptions(given: Partial<GenerationOptions> = {}): GenerationOptions {
  if (typeof given !== 'object' || given === null) throw usageError('generation', 'an object of options', said(given))
  const options = { ...defaultGenerationOptions, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
  rejectViolations('generation', [...unknownNames(given, Object.keys(defaultGenerationOptions)), ...violationsOf(options)])
  return options
}
