/**
 * Arithmetic, after GSM8K (Cobbe et al., 2021): what the last equation of a held-out exercise comes to, its steps before that
 * given. Once as an open question, whose answer must be met digit by digit with what closes it, and once among four.
 *
 * The exercises are generated for the corpus; a problem that is held out occurs nowhere in training.
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'
import { drawSome, type Task, type TaskItem, withChoices } from './item.ts'

interface Exercise {
  readonly id: string
  readonly context: string
  readonly result: number
  /** What follows the number, so that 64 is not the beginning of 648. */
  readonly end: string
}

/** An operation, then "=", "It is" or "A:", and a number up to the end of the problem, a sentence or a clause. */
const lastEquation = /^([^]*\d+\)? (?:[-+*/]|mod|plus|minus|times) \d+\)?(?: =|\? It is|\nA:)) (-?\d+)(?=$|([.,])(?!\d))/

function exercisesOf(domains: readonly CorpusDomain[]): Exercise[] {
  return domains.flatMap(({ heldOut }) =>
    heldOut.flatMap(({ id, text }) =>
      text.split('\n\n').flatMap((problem, index): Exercise[] => {
        const [, context, result, end = '\n\n'] = lastEquation.exec(problem) ?? []
        // A result that stands in the exercise already could be copied.
        const isGiven = context !== undefined && context.split(/[^\d-]+/).includes(result)
        return context === undefined || isGiven ? [] : [{ id: `${id}#${index}`, context, result: Number(result), end }]
      }),
    ),
  )
}

/** Numbers that a slip would give: a carry lost, a digit off, two digits exchanged. */
function slips(result: number): number[] {
  const digits = `${Math.abs(result)}`
  const swapped = digits.length > 1 ? Number(digits.slice(0, -2) + digits.at(-1) + digits.at(-2)) * Math.sign(result) : result + 3
  const near = [1, -1, 2, -2, 10, -10, ...(digits.length > 2 ? [100, -100] : [])].map((step) => result + step)
  return [...new Set([swapped, ...near])].filter((value) => value !== result && (result < 0 || value >= 0))
}

const open = (domains: readonly CorpusDomain[]): TaskItem[] =>
  exercisesOf(domains).map(({ id, context, result, end }) => ({
    id,
    task: arithmetic.name,
    context,
    choices: [` ${result}${end}`],
    answerIndex: 0,
  }))

const amongFour = (domains: readonly CorpusDomain[], rng: Random): TaskItem[] =>
  exercisesOf(domains).map(({ id, context, result, end }) => {
    const wrong = drawSome(slips(result), 3, rng, () => true).map((value) => ` ${value}${end}`)
    return withChoices({ id, task: arithmeticChoice.name, context }, ` ${result}${end}`, wrong, rng)
  })

const needs = 'exercises such as "12 + 30 = 42", one a paragraph'

/** The open question. */
export const arithmetic: Task = {
  name: 'arithmetic',
  likeName: 'gsm-like',
  scoring: 'exact',
  asks: 'the result of the last equation of a held-out exercise, every digit of it',
  needs,
  build: open,
}

/** The same among four numbers. */
export const arithmeticChoice: Task = {
  name: 'arithmetic-choice',
  likeName: 'gsm-like (four choices)',
  scoring: 'per-byte',
  asks: 'the result of the last equation of a held-out exercise, among four near numbers',
  needs,
  build: amongFour,
}
