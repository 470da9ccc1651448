/**
 * Exercises with their solutions, drawn from a random stream: the mathematics of the default mixture.
 *
 * Each generator returns one readable problem whose every equation is true. The kinds are those of a first arithmetic
 * book, worked step by step, because steps are what a small model can learn from.
 */
import type { Random } from '../../base/random.ts'

/** Draws one problem. */
export type ProblemGenerator = (rng: Random) => string

const pick = <T>(rng: Random, items: readonly T[]): T => items[rng.below(items.length)]

const between = (rng: Random, low: number, high: number): number => low + rng.below(high - low + 1)

/** A whole number whose count of digits, not whose value, is uniform: small ones are as common as large ones. */
function ofDigits(rng: Random, most: number): number {
  const digits = between(rng, 1, most)
  return between(rng, digits === 1 ? 1 : 10 ** (digits - 1), 10 ** digits - 1)
}

const operatorNames = { '+': 'plus', '-': 'minus', '*': 'times' } as const
type Operator = keyof typeof operatorNames
const operators = Object.keys(operatorNames) as Operator[]

function apply(left: number, operator: Operator, right: number): number {
  return operator === '+' ? left + right : operator === '-' ? left - right : left * right
}

/** One operation, as an equation or as a question. */
function arithmetic(rng: Random): string {
  const operator = pick(rng, operators)
  const a = ofDigits(rng, operator === '*' ? 3 : 4)
  const b = ofDigits(rng, operator === '*' ? 2 : 4)
  const result = apply(a, operator, b)
  return pick(rng, [
    `${a} ${operator} ${b} = ${result}`,
    `What is ${a} ${operatorNames[operator]} ${b}? It is ${result}.`,
    `Q: ${a} ${operator} ${b}\nA: ${result}`,
  ])
}

/** Addition column by column, with the carry said aloud. */
function columnAddition(rng: Random): string {
  const a = between(rng, 12, 9999)
  const b = between(rng, 12, 9999)
  const names = ['ones', 'tens', 'hundreds', 'thousands']
  const lines: string[] = []
  let carry = 0
  for (let column = 0; column < Math.max(`${a}`.length, `${b}`.length); column++) {
    const x = Math.floor(a / 10 ** column) % 10
    const y = Math.floor(b / 10 ** column) % 10
    const sum = x + y + carry
    const written = `${x} + ${y}${carry ? ' + 1' : ''} = ${sum}`
    carry = sum >= 10 ? 1 : 0
    lines.push(`${names[column]}: ${written}, write ${sum % 10}${carry ? ' and carry 1' : ''}.`)
  }
  return `Add ${a} and ${b}.\n${lines.join('\n')}\nSo ${a} + ${b} = ${a + b}.`
}

/** Two or three operations with brackets, one step at a time. */
function chained(rng: Random): string {
  const first = pick(rng, ['+', '-'] as const)
  const [a, b, c, d] = [between(rng, 2, 40), between(rng, 1, 40), between(rng, 2, 12), between(rng, 1, 99)]
  const bracket = apply(a, first, b)
  const product = bracket * c
  if (rng.below(2) === 0) return `(${a} ${first} ${b}) * ${c} = ${bracket} * ${c} = ${product}`
  const last = pick(rng, ['+', '-'] as const)
  return `(${a} ${first} ${b}) * ${c} ${last} ${d} = ${bracket} * ${c} ${last} ${d} = ${product} ${last} ${d} = ${apply(product, last, d)}`
}

/** Which of two is larger, or a short list in order. */
function comparison(rng: Random): string {
  if (rng.below(2) === 0) {
    const a = ofDigits(rng, 4)
    const b = ofDigits(rng, 4)
    const sign = a < b ? '<' : a > b ? '>' : '='
    return a === b ? `${a} and ${b} are equal: ${a} = ${b}` : `Which is larger, ${a} or ${b}? ${Math.max(a, b)}, because ${a} ${sign} ${b}.`
  }
  const numbers = Array.from({ length: between(rng, 3, 6) }, () => ofDigits(rng, 3))
  const ascending = numbers.toSorted((x, y) => x - y)
  return `Sort ${numbers.join(', ')} from small to large: ${ascending.join(', ')}. The smallest is ${ascending[0]}, the largest ${ascending.at(-1)}.`
}

/** [large unit, small unit, how many of the small make one large]. */
const units = [
  ['kilometres', 'metres', 1000],
  ['metres', 'centimetres', 100],
  ['centimetres', 'millimetres', 10],
  ['kilograms', 'grams', 1000],
  ['litres', 'millilitres', 1000],
  ['hours', 'minutes', 60],
  ['minutes', 'seconds', 60],
  ['days', 'hours', 24],
  ['weeks', 'days', 7],
  ['years', 'months', 12],
  ['dozens', 'pieces', 12],
] as const

/** A measure in a smaller or a larger unit. */
function conversion(rng: Random): string {
  const [large, small, factor] = pick(rng, units)
  const count = between(rng, 2, 60)
  const rest = between(rng, 1, factor - 1)
  return pick(rng, [
    `How many ${small} are ${count} ${large}? ${count} * ${factor} = ${count * factor}, so ${count} ${large} are ${count * factor} ${small}.`,
    `${count * factor} ${small} are ${count} ${large}, because ${count * factor} / ${factor} = ${count}.`,
    `${count} ${large} and ${rest} ${small} are ${count} * ${factor} + ${rest} = ${count * factor + rest} ${small}.`,
  ])
}

/** Division with remainder, and what it says about even and odd. */
function division(rng: Random): string {
  const divisor = between(rng, 2, 12)
  const dividend = between(rng, 2, 400)
  const quotient = Math.floor(dividend / divisor)
  const remainder = dividend % divisor
  return pick(rng, [
    `${dividend} divided by ${divisor} is ${quotient}, remainder ${remainder}, because ${divisor} * ${quotient} + ${remainder} = ${dividend}.`,
    `${dividend} mod ${divisor} = ${remainder}`,
    `Is ${dividend} even or odd? ${dividend % 2 === 0 ? 'Even' : 'Odd'}: it ends in ${dividend % 10}.`,
  ])
}

/** A sequence with a constant step or factor, continued. */
function sequence(rng: Random): string {
  const start = between(rng, 1, 50)
  const step = between(rng, 2, 12)
  const isGeometric = rng.below(4) === 0
  const factor = between(rng, 2, 3)
  const terms = Array.from({ length: 5 }, (_, i) => (isGeometric ? start * factor ** i : start + step * i))
  const next = isGeometric ? terms[4] * factor : terms[4] + step
  const rule = isGeometric ? `each term is ${factor} times the one before` : `each term is ${step} more than the one before`
  return `What comes next: ${terms.join(', ')}? ${next}, because ${rule}.`
}

/** A share of a number. */
function percentage(rng: Random): string {
  const percent = pick(rng, [5, 10, 20, 25, 50, 75, 90])
  const whole = between(rng, 1, 40) * 20
  return `${percent} percent of ${whole} is ${whole} * ${percent} / 100 = ${(whole * percent) / 100}.`
}

const names = [
  'Ada',
  'Ben',
  'Chen',
  'Dana',
  'Emil',
  'Fatima',
  'Grace',
  'Hugo',
  'Ines',
  'Jonas',
  'Kofi',
  'Lena',
  'Maya',
  'Nils',
  'Olga',
  'Pavel',
]
const things = ['apples', 'books', 'coins', 'pencils', 'marbles', 'stamps', 'cards', 'shells', 'buttons', 'cookies', 'stickers', 'tickets']
const places = ['box', 'bag', 'basket', 'jar', 'drawer', 'crate']

/** A story with one to three steps and a sentence as the answer. */
function wordProblem(rng: Random): string {
  const name = pick(rng, names)
  const other = pick(
    rng,
    names.filter((one) => one !== name),
  )
  const thing = pick(rng, things)
  const [have, more, count] = [between(rng, 3, 90), between(rng, 2, 60), between(rng, 2, 12)]
  const gone = between(rng, 1, have - 1)
  const price = between(rng, 2, 25)
  return pick(rng, [
    () =>
      `${name} has ${have} ${thing}. ${other} gives ${name} ${more} more. How many ${thing} does ${name} have now?\n${have} + ${more} = ${have + more}. ${name} has ${have + more} ${thing}.`,
    () =>
      `${name} had ${have} ${thing} and gave ${gone} to ${other}. How many are left?\n${have} - ${gone} = ${have - gone}. ${have - gone} ${thing} are left.`,
    () => {
      const place = pick(rng, places)
      return `There are ${count} ${thing} in each ${place}. How many ${thing} are in ${more} of them?\n${more} * ${count} = ${more * count}. There are ${more * count} ${thing}.`
    },
    () =>
      `${name} shares ${count * more} ${thing} equally among ${count} friends. How many does each friend get?\n${count * more} / ${count} = ${more}. Each friend gets ${more} ${thing}.`,
    () => {
      const paid = count * price + between(rng, 1, 50)
      return `One ticket costs ${price} euros. ${name} buys ${count} tickets and pays with ${paid} euros. How much comes back?\nThe tickets cost ${count} * ${price} = ${count * price} euros. ${paid} - ${count * price} = ${paid - count * price}. ${name} gets ${paid - count * price} euros back.`
    },
    () => {
      const total = have + (have + more)
      return `${name} has ${have} ${thing}. ${other} has ${more} more than ${name}. How many do they have together?\n${other} has ${have} + ${more} = ${have + more} ${thing}. Together they have ${have} + ${have + more} = ${total} ${thing}.`
    },
    () => {
      const hours = between(rng, 2, 9)
      const speed = between(rng, 3, 90)
      return `A train goes ${speed} kilometres in an hour. How far does it go in ${hours} hours?\n${speed} * ${hours} = ${speed * hours}. It goes ${speed * hours} kilometres.`
    },
  ])()
}

const onesNames =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tensNames = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

/** "seven hundred and forty-two" of 742, for 0..999. */
export function numberWords(value: number): string {
  if (value < 20) return onesNames[value]
  if (value < 100) return `${tensNames[Math.floor(value / 10)]}${value % 10 ? `-${onesNames[value % 10]}` : ''}`
  const rest = value % 100
  return `${onesNames[Math.floor(value / 100)]} hundred${rest ? ` and ${numberWords(rest)}` : ''}`
}

/** A number in words and back. */
function inWords(rng: Random): string {
  const value = between(rng, 0, 999)
  const words = numberWords(value)
  return rng.below(2) === 0 ? `${value} in words is ${words}.` : `Write ${words} in digits: ${value}.`
}

/** Every kind, with how often it is drawn: shares of all problems, in order; they sum to 1. */
export const problemKinds: readonly { readonly name: string; readonly share: number; readonly generate: ProblemGenerator }[] = [
  { name: 'arithmetic', share: 0.26, generate: arithmetic },
  { name: 'column addition', share: 0.06, generate: columnAddition },
  { name: 'chained arithmetic', share: 0.14, generate: chained },
  { name: 'comparison', share: 0.1, generate: comparison },
  { name: 'unit conversion', share: 0.1, generate: conversion },
  { name: 'division', share: 0.08, generate: division },
  { name: 'sequence', share: 0.06, generate: sequence },
  { name: 'percentage', share: 0.04, generate: percentage },
  { name: 'word problem', share: 0.12, generate: wordProblem },
  { name: 'number words', share: 0.04, generate: inWords },
]

/** One problem of a kind drawn by its share. */
export function drawProblem(rng: Random): string {
  let left = rng.uniform()
  const kind = problemKinds.find(({ share }) => (left -= share) < 0) ?? problemKinds[0]
  return kind.generate(rng)
}
