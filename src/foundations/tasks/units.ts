/**
 * Conversion into a smaller unit: lengths, weights, volumes, times.
 *
 * The factor is drawn before the units, so that each is as common as the others: who always multiplies by 1000 is right no
 * more often than who always multiplies by 10.
 */
import { between, type Draft, isSameText, pick, type Task } from './task.ts'

/** [large unit, small unit] by how many of the small make one large. */
const decimalFactors = [
  [10, [['cm', 'mm']]],
  [100, [['m', 'cm']]],
  [
    1000,
    [
      ['km', 'm'],
      ['kg', 'g'],
      ['l', 'ml'],
    ],
  ],
] as const

const otherFactors = [
  [7, [['weeks', 'days']]],
  [12, [['years', 'months']]],
  [24, [['days', 'hours']]],
  [
    60,
    [
      ['h', 'min'],
      ['min', 's'],
    ],
  ],
] as const

const levels = [
  { factors: decimalFactors, most: 99, isCompound: false },
  { factors: otherFactors, most: 60, isCompound: false },
  { factors: [...decimalFactors, ...otherFactors], most: 20, isCompound: true },
] as const

/** The task "units". */
export const units: Task = {
  name: 'units',
  family: 'units',
  levelCount: levels.length,
  draft: (rng, level): Draft => {
    const { factors, most, isCompound } = levels[level]
    const [factor, pairs] = pick<(typeof factors)[number]>(rng, factors)
    const [large, small] = pick<readonly [string, string]>(rng, pairs)
    const count = between(rng, 2, most)
    const product = `${count} * ${factor} = ${count * factor}`
    if (!isCompound)
      return {
        key: `${count}${large}:${small}`,
        prompt: `How many ${small} are ${count} ${large}?`,
        answer: `${count * factor}`,
        reasoning: product,
      }
    const rest = between(rng, 1, factor - 1)
    const total = count * factor + rest
    return {
      key: `${count}${large}${rest}${small}`,
      prompt: `How many ${small} are ${count} ${large} and ${rest} ${small}?`,
      answer: `${total}`,
      reasoning: `${product}, ${count * factor} + ${rest} = ${total}`,
    }
  },
  isAnswer: isSameText,
  // Who can multiply but does not know units picks one of the level's factors.
  chanceLevel: ({ level }) => 1 / levels[level].factors.length,
}
