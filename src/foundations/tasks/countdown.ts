/**
 * Countdown: reach a number from two or three others, each used exactly once, by + - and *.
 *
 * The answer is an expression, and every right one counts: it is parsed, its value compared, its numbers counted. The numbers
 * and the target are those of the problem's own solution.
 */
import type { Random } from '../../base/random.ts'
import { parseExpression } from './expression.ts'
import { between, type Draft, pick, type Problem, type Task } from './task.ts'

const levels = [
  { numbers: 2, most: 20, operators: ['+', '-', '*'] },
  { numbers: 3, most: 10, operators: ['+', '-'] },
  { numbers: 3, most: 20, operators: ['+', '-', '*'] },
] as const

type Operator = (typeof levels)[number]['operators'][number]

const compute = (a: number, operator: Operator, b: number) => (operator === '+' ? a + b : operator === '-' ? a - b : a * b)

/** Two numbers: the ways are tried one after the other, until one is right. */
function twoNumbers(rng: Random, most: number): Draft {
  const [a, b] = [between(rng, 1, most), between(rng, 1, most)]
  const [small, large] = [Math.min(a, b), Math.max(a, b)]
  const ways = (['+', '-', '*'] as const).map((operator) => ({
    text: `${large} ${operator} ${small}`,
    value: compute(large, operator, small),
  }))
  const target = pick(rng, ways).value
  const found = ways.findIndex(({ value }) => value === target)
  const tried = ways.slice(0, found + 1).map(({ text, value }) => `${text} = ${value}`)
  return draftOf([a, b], target, ways[found].text, tried.join(', '))
}

/** Three numbers: two steps, none of which goes below zero. */
function threeNumbers(rng: Random, most: number, operators: readonly Operator[]): Draft {
  const numbers = Array.from({ length: 3 }, () => between(rng, 1, most))
  const [a, b, c] = rng.shuffle([...numbers])
  const step = (x: number, y: number) => {
    const operator = pick(rng, operators)
    return operator === '-' && x < y ? { left: y, operator, right: x } : { left: x, operator, right: y }
  }
  const first = step(a, b)
  const inner = compute(first.left, first.operator, first.right)
  const second = step(inner, c)
  const target = compute(second.left, second.operator, second.right)
  const bracket = `(${first.left} ${first.operator} ${first.right})`
  // Where the bracket's value and the third number are the same, either side will do.
  const isInnerLeft = second.left === inner
  const answer = isInnerLeft ? `${bracket} ${second.operator} ${c}` : `${c} ${second.operator} ${bracket}`
  const reasoning = `${bracket.slice(1, -1)} = ${inner}, ${second.left} ${second.operator} ${second.right} = ${target}`
  return draftOf(numbers, target, answer, reasoning)
}

function draftOf(numbers: readonly number[], target: number, answer: string, reasoning: string): Draft {
  const shown = numbers.length === 2 ? numbers.join(' and ') : `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`
  return { key: `${numbers.toSorted((x, y) => x - y).join(',')}=${target}`, prompt: `Make ${target} from ${shown}.`, answer, reasoning }
}

const inOrder = (numbers: readonly number[]) => numbers.toSorted((x, y) => x - y).join(' ')

/** An expression of the problem's value from the problem's numbers, each once. */
function isSolution({ answer }: Problem, given: string): boolean {
  const right = parseExpression(answer)!
  const parsed = parseExpression(given)
  return parsed !== null && String(parsed.value) === String(right.value) && inOrder(parsed.numbers) === inOrder(right.numbers)
}

/** Share of right ones among all expressions from the numbers: every order, every operator of the level, both brackets. */
function chanceOf({ answer, level }: Problem): number {
  const { operators } = levels[level]
  const { value, numbers } = parseExpression(answer)!
  const target = value[0]
  const orders = permutations(numbers)
  let right = 0
  let all = 0
  const count = (result: number) => {
    all++
    if (result === target) right++
  }
  for (const [a, b, c] of orders)
    for (const first of operators) {
      if (c === undefined) count(compute(a, first, b))
      else
        for (const second of operators) {
          count(compute(compute(a, first, b), second, c))
          count(compute(a, first, compute(b, second, c)))
        }
    }
  return right / all
}

const permutations = (items: readonly number[]): number[][] =>
  items.length <= 1
    ? [[...items]]
    : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((others) => [item].concat(others)))

/** The task "countdown". */
export const countdown: Task = {
  name: 'countdown',
  family: 'countdown',
  levelCount: levels.length,
  draft: (rng, level) => {
    const { numbers, most, operators } = levels[level]
    return numbers === 2 ? twoNumbers(rng, most) : threeNumbers(rng, most, operators)
  },
  isAnswer: isSolution,
  chanceLevel: chanceOf,
}
