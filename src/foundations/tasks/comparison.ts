/** Which of two numbers is larger, or smaller: whole numbers first, decimals of unequal length at the hardest level. */
import type { Random } from '../../base/random.ts'
import { between, type Draft, isSameText, type Task } from './task.ts'

/** Draws a number as it is written, by level. */
const writers: readonly ((rng: Random) => string)[] = [
  (rng) => `${between(rng, 1, 99)}`,
  (rng) => `${between(rng, 100, 9999)}`,
  (rng) => `${between(rng, 0, 9)}.${rng.below(2) === 0 ? '' : between(rng, 0, 9)}${between(rng, 1, 9)}`,
]

/** The task "compare"; half of its problems ask for the larger number, half for the smaller one. */
export const compare: Task = {
  name: 'compare',
  family: 'comparison',
  levelCount: writers.length,
  draft: (rng, level): Draft => {
    const a = writers[level](rng)
    let b = a
    while (Number(b) === Number(a)) b = writers[level](rng)
    const [small, large] = Number(a) < Number(b) ? [a, b] : [b, a]
    const asksLarger = rng.below(2) === 0
    const word = asksLarger ? 'larger' : 'smaller'
    return { key: `${word}:${small},${large}`, prompt: `Which is ${word}: ${a} or ${b}?`, answer: asksLarger ? large : small }
  },
  isAnswer: isSameText,
  chanceLevel: () => 1 / 2,
}
