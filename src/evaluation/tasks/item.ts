/**
 * What a task is made of: items with one right answer each, built from held-out documents and from nothing else.
 *
 * The tasks carry the names of the published benchmarks that they resemble, with "-like": their scores are not comparable.
 */
import type { Random } from '../../base/random.ts'
import type { CorpusDomain } from '../../pretraining/data/index.ts'

/** One question. The text of choice i is context + choices[i] + ending. */
export interface TaskItem {
  /** Unique in its task: the document, and where in it. */
  readonly id: string
  readonly task: string
  readonly context: string
  /** One of them is right; an item that is scored by exact match has only that one. */
  readonly choices: readonly string[]
  readonly answerIndex: number
  /** What follows every choice; where there is one, only its likelihood is compared (Trinh and Le, 2018). */
  readonly ending?: string
}

/**
 * How an item is answered: by the choice of the highest likelihood per byte, by that of the highest likelihood as it is, or
 * by the tokens that the model finds most probable one after the other, which must be those of the answer.
 */
export type Scoring = 'per-byte' | 'plain' | 'exact'

export interface Task {
  readonly name: string
  /** The published benchmark that it resembles. */
  readonly likeName: string
  readonly scoring: Scoring
  /** One sentence for a reader: what is asked. */
  readonly asks: string
  /** What held-out text it needs, for the reason why it is left out. */
  readonly needs: string
  /** Every item that the text gives, in the text's order. */
  readonly build: (heldOut: readonly CorpusDomain[], rng: Random) => TaskItem[]
}

/** The right answer's place among the choices is drawn; wrong ones keep their order. */
export function withChoices(
  item: Omit<TaskItem, 'choices' | 'answerIndex'>,
  answer: string,
  wrong: readonly string[],
  rng: Random,
): TaskItem {
  const answerIndex = rng.below(wrong.length + 1)
  return { ...item, choices: wrong.toSpliced(answerIndex, 0, answer), answerIndex }
}

/**
 * Draws some of many, each at most once.
 *
 * @param isFit what may be taken, given what was taken before
 * @param most  how many at most; fewer when a hundred draws for each do not find them
 */
export function drawSome<T>(from: readonly T[], most: number, rng: Random, isFit: (one: T, taken: readonly T[]) => boolean): T[] {
  const taken: T[] = []
  for (let draw = 0; draw < most * 100 && taken.length < most && from.length > 0; draw++) {
    const one = from[rng.below(from.length)]
    if (!taken.includes(one) && isFit(one, taken)) taken.push(one)
  }
  return taken
}
