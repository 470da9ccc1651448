/**
 * Tasks on letters: copy, reverse, sort, upper case, the n-th one, how often one occurs.
 *
 * Letters stand apart ("k d m"), so that each is a token of its own: a model of a few million weights reads what it is asked
 * about, and need not have learned how words are spelled. They are drawn at random, so no list of words is needed.
 */
import type { Random } from '../../base/random.ts'
import { between, type Draft, isSameText, pick, type Problem, type Task } from './task.ts'

const alphabet = [...'abcdefghijklmnopqrstuvwxyz']

/** Fewest and most letters, by level. */
const lengths: readonly (readonly [number, number])[] = [
  [3, 4],
  [5, 6],
  [7, 9],
]

/** Distinct letters, as many as a level asks for. */
function drawLetters(rng: Random, level: number): string[] {
  return rng.shuffle([...alphabet]).slice(0, between(rng, ...lengths[level]))
}

const spaced = (letters: readonly string[]) => letters.join(' ')

/** Letters that a prompt shows behind its colon. */
const shownCount = ({ prompt }: Problem) => prompt.slice(prompt.indexOf(':') + 1).replace(/\s/g, '').length

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))

/** A task that answers with all letters shown; who guesses says them in any order. */
function rearranging(name: string, question: string, arrange: (letters: readonly string[]) => readonly string[]): Task {
  return {
    name,
    family: 'letters',
    levelCount: lengths.length,
    draft: (rng, level): Draft => {
      const letters = drawLetters(rng, level)
      return { key: letters.join(''), prompt: `${question}: ${spaced(letters)}`, answer: spaced(arrange(letters)) }
    },
    isAnswer: isSameText,
    chanceLevel: (problem) => 1 / factorial(shownCount(problem)),
  }
}

const copy = rearranging('copy', 'Copy', (letters) => letters)
const reverse = rearranging('reverse', 'Reverse', (letters) => letters.toReversed())
const sortLetters = rearranging('sort-letters', 'Sort', (letters) => letters.toSorted())
const upperCase = rearranging('upper-case', 'Upper case', (letters) => letters.map((letter) => letter.toUpperCase()))

/** Who guesses says any of the letters shown. */
const nthLetter: Task = {
  name: 'nth-letter',
  family: 'letters',
  levelCount: lengths.length,
  draft: (rng, level): Draft => {
    const letters = drawLetters(rng, level)
    const index = rng.below(letters.length)
    return { key: `${index + 1}:${letters.join('')}`, prompt: `Letter ${index + 1} of: ${spaced(letters)}`, answer: letters[index] }
  },
  isAnswer: isSameText,
  chanceLevel: (problem) => 1 / shownCount(problem),
}

/** How many letters are shown, and how often the counted one occurs at most; every count from 1 on is as likely. */
const counting = [
  { length: 4, most: 3 },
  { length: 6, most: 4 },
  { length: 9, most: 5 },
] as const

const countLetter: Task = {
  name: 'count-letter',
  family: 'letters',
  levelCount: counting.length,
  draft: (rng, level): Draft => {
    const { length, most } = counting[level]
    const count = between(rng, 1, most)
    const counted = pick(rng, alphabet)
    const others = alphabet.filter((letter) => letter !== counted)
    const letters = rng.shuffle(Array.from({ length }, (_, index) => (index < count ? counted : pick(rng, others))))
    return { key: `${counted}:${letters.join('')}`, prompt: `Count ${counted} in: ${spaced(letters)}`, answer: `${count}` }
  },
  isAnswer: isSameText,
  chanceLevel: ({ level }) => 1 / counting[level].most,
}

/** All tasks on letters. */
export const letterTasks: readonly Task[] = [copy, reverse, upperCase, nthLetter, countLetter, sortLetters]
