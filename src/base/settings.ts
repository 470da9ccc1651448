/**
 * `path=value` onto a typed configuration: what `--set` does, without a command line.
 *
 * The configuration itself is the schema: a path exists if the defaults have it, and a value is read as the type that
 * stands there. Nothing is ignored, nothing is guessed, and every mistake is reported in one go.
 */
import { rejectViolations } from './errors.ts'
import { didYouMean } from './nearest.ts'

/** What the defaults cannot say by themselves. Paths are written as for `--set`. */
export interface SettingRules {
  /** Paths that may also be `null`, although their default is not. */
  readonly nullable?: readonly string[]
  /** The words that a text setting may be. */
  readonly choices?: Readonly<Record<string, readonly string[]>>
  /** What holds where a path is absent: such a path may be set, too. Its group is there. */
  readonly optional?: Readonly<Record<string, boolean | number | string>>
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type Parsed = { readonly value: unknown } | { readonly problem: string }

const isGroup = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Every path that can be set, in the order of the configuration: "model.width", "phases.0.tokens".
 *
 * @param configuration plain data: records, arrays, numbers, texts, booleans, null
 */
export function settingPaths(configuration: object): string[] {
  return Object.entries(configuration).flatMap(([key, value]) => {
    if (typeof value !== 'object' || value === null) return key
    const inside = settingPaths(value).map((path) => `${key}.${path}`)
    return Array.isArray(value) ? [key].concat(inside) : inside
  })
}

/**
 * A copy of `defaults` in which every assignment has been carried out.
 *
 * @param defaults    the complete configuration; it is not changed
 * @param assignments "path=value" each. Numbers are written as in JavaScript (0.1, 3e-4, 65_536 without its underscore),
 *                    booleans as true or false, texts bare, lists as "1,2,3" or JSON, and null where it is allowed.
 *                    Where the default is null, the value is read as JSON, or as text when it is none.
 * @param rules       what the defaults cannot say
 * @param subject     what the message is about
 * @throws UsageError with all violations: no "=", an unknown path (with the nearest ones), a value of another type, a path
 *                    that is set twice or lies inside another one that is set
 */
export function applySettings<T extends object>(
  defaults: T,
  assignments: readonly string[],
  rules: SettingRules = {},
  subject = '--set',
): T {
  const result = structuredClone(defaults)
  const { optional = {} } = rules
  const paths = [...new Set([...settingPaths(defaults), ...Object.keys(optional)])]
  const violations: string[] = []
  const done: string[] = []
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=')
    if (equals < 1) {
      violations.push(`"${assignment}": expected path=value`)
      continue
    }
    const path = assignment.slice(0, equals).trim()
    const rival = done.find((other) => path === other || path.startsWith(`${other}.`) || other.startsWith(`${path}.`))
    if (rival !== undefined) {
      violations.push(rival === path ? `${path}: is set twice` : `${path}: overlaps with ${rival}, which is set too`)
      continue
    }
    const absent = Object.hasOwn(optional, path) ? optional[path] : undefined
    const place = locate(result, path, absent !== undefined)
    if (place) done.push(path)
    const text = assignment.slice(equals + 1).trim()
    const parsed = place ? parseAs(place.holder[place.key] ?? absent ?? null, text, path, rules) : unknownPath(path, paths)
    if ('problem' in parsed) violations.push(`${path}: ${parsed.problem}`)
    else if (place) place.holder[place.key] = parsed.value
  }
  rejectViolations(subject, violations)
  return result
}

function unknownPath(path: string, paths: readonly string[]): Parsed {
  const hint =
    didYouMean(path, paths) ||
    `There ${paths.length === 1 ? 'is' : 'are'} ${paths.slice(0, 12).join(', ')}${paths.length > 12 ? ', …' : ''}.`
  return { problem: `is not a setting. ${hint}` }
}

/** The record or list that holds the last part of the path, if the path exists, or may exist. */
function locate(root: object, path: string, mayBeAbsent: boolean): { holder: Record<string, unknown>; key: string } | undefined {
  const keys = path.split('.')
  let holder: unknown = root
  for (const [depth, key] of keys.entries()) {
    const isLast = depth === keys.length - 1
    if (typeof holder !== 'object' || holder === null || (!Object.hasOwn(holder, key) && !(isLast && mayBeAbsent))) return undefined
    if (Array.isArray(holder) && !/^(?:0|[1-9]\d*)$/.test(key)) return undefined
    if (isLast) return { holder: holder as Record<string, unknown>, key }
    holder = (holder as Record<string, unknown>)[key]
  }
  return undefined
}

function parseAs(current: unknown, text: string, path: string, rules: SettingRules): Parsed {
  if (text === 'null' && (current === null || rules.nullable?.includes(path))) return { value: null }
  if (current === null) return { value: parseJson(text) ?? text }
  if (typeof current === 'number') return parseNumber(text)
  if (typeof current === 'boolean')
    return text === 'true' || text === 'false' ? { value: text === 'true' } : mismatch('true or false', text)
  if (Array.isArray(current)) return parseList(current, text)
  if (isGroup(current))
    return {
      problem: `is a group of settings: set ${settingPaths(current)
        .map((inside) => `${path}.${inside}`)
        .slice(0, 3)
        .join(', ')} …`,
    }
  const choices = rules.choices?.[path]
  if (choices && !choices.includes(text))
    return { problem: `expected ${choices.join(' or ')}, got "${text}". ${didYouMean(text, choices)}`.trim() }
  return { value: text }
}

const mismatch = (expected: string, text: string): Parsed => ({ problem: `expected ${expected}, got "${text}"` })

function parseNumber(text: string): Parsed {
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
  return isNumber ? { value: Number(text) } : mismatch('a number', text)
}

/** "1,2,3" or JSON; items have the type of the default's first item, any JSON where the default is empty. */
function parseList(current: readonly unknown[], text: string): Parsed {
  const json = text.startsWith('[') ? parseJson(text) : undefined
  if (text.startsWith('[') && !Array.isArray(json)) return mismatch('a list', text)
  const [sample] = current
  if (Array.isArray(json)) {
    const isAlike = sample === undefined || json.every((item) => shapeOf(item) === shapeOf(sample))
    return isAlike ? { value: json } : mismatch(`a list of items like ${JSON.stringify(sample)}`, text)
  }
  if (typeof sample === 'object') return mismatch('a list in JSON', text)
  const items = text === '' ? [] : text.split(',').map((item) => item.trim())
  const values: unknown[] = []
  for (const item of items) {
    const parsed = sample === undefined ? { value: parseJson(item) ?? item } : parseAs(sample, item, '', {})
    if ('problem' in parsed) return { problem: `item ${values.length + 1}: ${parsed.problem}` }
    values.push(parsed.value)
  }
  return { value: values }
}

/** Type of a value and, for a record, its keys: two items of one list must have the same. */
const shapeOf = (value: unknown): string =>
  isGroup(value) ? Object.keys(value).sort().join() : Array.isArray(value) ? 'list' : typeof value

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}
