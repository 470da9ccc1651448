/**
 * Output prediction, as CRUXEval asks it (Gu et al., 2024): the value of an expression that a held-out source file documents.
 *
 * Examples are those of JavaScript's documentation comments, `expression // => value`, and of calls with a literal behind
 * them. The other choices are values of the same kind from other held-out examples; truth values have one other choice only.
 * The examples are believed, not run.
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { drawSome, type Task, type TaskItem, withChoices } from './item.ts'

interface Example {
  readonly id: string
  /** Source up to the mark behind the expression. */
  readonly context: string
  readonly kind: string
  readonly value: string
}

const mostValueCharacters = 60
/** Source before the expression. */
const mostContextCharacters = 320

const kinds: readonly (readonly [string, RegExp])[] = [
  ['truth', /^(?:true|false)$/],
  ['number', /^-?\d+(?:\.\d+)?$/],
  ['string', /^(['"`]).*\1$/],
  ['list', /^\[.*\]$/],
  ['record', /^\{.*\}$/],
  ['date', /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z]\w+ \d/],
  ['nothing', /^(?:null|undefined|NaN)$/],
]

const kindOf = (value: string) => kinds.find(([, pattern]) => pattern.test(value))?.[0]

/** A mark that says "gives", or a comment right behind a call. */
const marks = /^(.*?\/\/ ?=>|.*\);? *\/\/)( *)(\S.*)$/

function examplesOf(domains: readonly CorpusDomain[]): Example[] {
  return domains.flatMap(({ heldOut }) =>
    heldOut.flatMap(({ id, text }) => {
      let start = 0
      return text.split('\n').flatMap((line): Example[] => {
        const lineStart = start
        start += line.length + 1
        const [, code, blank, value] = marks.exec(line) ?? []
        const kind = value !== undefined && value.length <= mostValueCharacters ? kindOf(value) : undefined
        if (kind === undefined) return []
        const before = text.slice(Math.max(0, lineStart - mostContextCharacters), lineStart)
        const whole = before.slice(before.length < lineStart ? before.indexOf('\n') + 1 : 0)
        return [{ id: `${id}#${lineStart}`, context: whole + code, kind, value: blank + value }]
      })
    }),
  )
}

function build(domains: readonly CorpusDomain[], rng: Random): TaskItem[] {
  const examples = examplesOf(domains)
  return examples.flatMap(({ id, context, kind, value }) => {
    const bare = (one: Example) => one.value.trim()
    const blank = value.slice(0, value.length - value.trimStart().length)
    const wrong = drawSome(
      examples,
      3,
      rng,
      (one, taken) => one.kind === kind && bare(one) !== value.trim() && taken.every((other) => bare(other) !== bare(one)),
    )
    if (wrong.length === 0) return []
    const others = wrong.map((one) => blank + bare(one))
    return [withChoices({ id, task: outputPrediction.name, context }, value, others, rng)]
  })
}

/** The task. */
export const outputPrediction: Task = {
  name: 'output-prediction',
  likeName: 'cruxeval-like',
  scoring: 'per-byte',
  asks: 'what a documented JavaScript expression of a held-out file gives, among values of its kind',
  needs: 'source code with examples such as `add(1, 2) // => 3`',
  build,
}
