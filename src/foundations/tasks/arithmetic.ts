/**
 * Tasks on whole numbers: addition, subtraction, and multiplication by one digit, worked place by place.
 *
 * The worked steps add one place at a time: each is a sum of two digits with zeros behind them, which is within reach of a
 * small model where the whole sum is not.
 */
import type { Random } from '../../base/random.ts'
import { between, type Draft, isSameText, pick, type Task } from './task.ts'

/** Operands of addition and subtraction, by level. */
const termRanges: readonly (readonly [number, number])[] = [
  [1, 20],
  [10, 99],
  [100, 999],
]

/** Second factor, by level; the first is 2 to 9. */
const factorRanges: readonly (readonly [number, number])[] = [
  [2, 30],
  [31, 99],
  [100, 999],
]

/** 345 → [300, 40, 5], zeros left out. */
function places(value: number): number[] {
  const digits = [...`${value}`]
  return digits.map((digit, index) => Number(digit) * 10 ** (digits.length - 1 - index)).filter((part) => part > 0)
}

const placeOf = (value: number, place: number) => (Math.floor(value / place) % 10) * place

/** "7 + 8 = 15, 30 + 40 = 70, 15 + 70 = 85" */
function addByPlaces(a: number, b: number): string {
  const steps: string[] = []
  let sum = 0
  for (let place = 1; place <= Math.max(a, b); place *= 10) {
    const [x, y] = [placeOf(a, place), placeOf(b, place)]
    steps.push(`${x} + ${y} = ${x + y}`)
    if (place > 1) steps.push(`${sum} + ${x + y} = ${sum + x + y}`)
    sum += x + y
  }
  return steps.join(', ')
}

/** "85 - 30 = 55, 55 - 7 = 48" */
function subtractByPlaces(a: number, b: number): string {
  let left = a
  return places(b)
    .map((part) => {
      const step = `${left} - ${part} = ${left - part}`
      left -= part
      return step
    })
    .join(', ')
}

/** "7 * 20 = 140, 7 * 3 = 21, 140 + 21 = 161" */
function multiplyByPlaces(digit: number, factor: number): string {
  const parts = places(factor).map((part) => ({ step: `${digit} * ${part} = ${digit * part}`, value: digit * part }))
  const sums: string[] = []
  let sum = parts[0].value
  for (const { value } of parts.slice(1)) {
    sums.push(`${sum} + ${value} = ${sum + value}`)
    sum += value
  }
  return [...parts.map(({ step }) => step), ...sums].join(', ')
}

/** A question as people type it; one form alone would be all that a small model answers to. */
const ask = (rng: Random, expression: string): string => pick(rng, [`${expression} = ?`, `What is ${expression}?`, expression])

const numbersIn = ([low, high]: readonly [number, number]) => high - low + 1

const add: Task = {
  name: 'add',
  family: 'arithmetic',
  levelCount: termRanges.length,
  draft: (rng, level): Draft => {
    const [a, b] = drawTwo(rng, termRanges[level])
    const [small, large] = [Math.min(a, b), Math.max(a, b)]
    const reasoning = level === 0 ? undefined : addByPlaces(a, b)
    return { key: `${small}+${large}`, prompt: ask(rng, `${a} + ${b}`), answer: `${a + b}`, reasoning }
  },
  isAnswer: isSameText,
  // The sum that most pairs have is low + high: one pair for each first term.
  chanceLevel: ({ level }) => 1 / numbersIn(termRanges[level]),
}

const subtract: Task = {
  name: 'subtract',
  family: 'arithmetic',
  levelCount: termRanges.length,
  draft: (rng, level): Draft => {
    const pair = drawTwo(rng, termRanges[level])
    const [a, b] = [Math.max(...pair), Math.min(...pair)]
    const reasoning = level === 0 ? undefined : subtractByPlaces(a, b)
    return { key: `${a}-${b}`, prompt: ask(rng, `${a} - ${b}`), answer: `${a - b}`, reasoning }
  },
  isAnswer: isSameText,
  // The commonest difference is 1: n - 1 pairs, in both orders.
  chanceLevel: ({ level }) => {
    const count = numbersIn(termRanges[level])
    return (2 * (count - 1)) / count ** 2
  },
}

const multiply: Task = {
  name: 'multiply',
  family: 'arithmetic',
  levelCount: factorRanges.length,
  draft: (rng, level): Draft => {
    const digit = between(rng, 2, 9)
    const factor = between(rng, ...factorRanges[level])
    const [small, large] = [Math.min(digit, factor), Math.max(digit, factor)]
    const reasoning = factor <= 10 ? undefined : multiplyByPlaces(digit, factor)
    return { key: `${small}*${large}`, prompt: ask(rng, `${digit} * ${factor}`), answer: `${digit * factor}`, reasoning }
  },
  isAnswer: isSameText,
  chanceLevel: ({ level }) => commonestProductShare(level),
}

const drawTwo = (rng: Random, range: readonly [number, number]): [number, number] => [between(rng, ...range), between(rng, ...range)]

const productShares = new Map<number, number>()

/** Share of the factor pairs of a level that have the product which occurs most often. */
function commonestProductShare(level: number): number {
  const known = productShares.get(level)
  if (known !== undefined) return known
  const [low, high] = factorRanges[level]
  const counts = new Map<number, number>()
  for (let digit = 2; digit <= 9; digit++)
    for (let factor = low; factor <= high; factor++) counts.set(digit * factor, (counts.get(digit * factor) ?? 0) + 1)
  const share = Math.max(...counts.values()) / (8 * (high - low + 1))
  productShares.set(level, share)
  return share
}

/** All tasks of arithmetic. */
export const arithmeticTasks: readonly Task[] = [add, subtract, multiply]
