/**
 * The needle test on a grid of depth and length: a sentence with a number is planted in held-out text, and the text ends by
 * asking for it. (Kamradt, "Needle in a haystack", 2023; with several needles, RULER, Hsieh et al., 2024.)
 *
 * A long text is costly, so one text carries the needles of all depths, each about something else, and asks for all of them at
 * its end in a drawn order, without giving an answer away. What is compared is the probability of the digits that were planted
 * in this text, all different: a model that copies any one of them, without reading about what it is, is right as often as
 * chance. A text of fewer than four depths gets more needles, so that chance is never above 1/4.
 * Claim: pretraining.staged-context.
 */
import { rejectViolations } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import { eachScoredLogits, openRow, type Row } from './rows.ts'

/** One cell of the grid. */
export interface NeedleCell {
  /** Tokens of the text, the questions included. */
  readonly length: number
  /** Where the needle was, as a share of the text before the questions: 0 at the beginning, 1 at the end. */
  readonly depth: number
  readonly n: number
  readonly correct: number
  readonly chance: number
}

export interface NeedleOptions {
  readonly lengths: readonly number[]
  /** At most ten: each has a digit of its own. */
  readonly depths: readonly number[]
  /** Texts of each length. */
  readonly perCell: number
  readonly seed: number
  /** Called after each text, with the share of the tokens that is done; awaited. */
  readonly onProgress?: (doneShare: number) => void | Promise<void>
}

/** Common words, so that they are few tokens in any vocabulary that learned from English. */
const subjects = ['men', 'ships', 'states', 'laws', 'days', 'houses', 'books', 'words', 'lines', 'hands', 'roads', 'lands']
const fewestNeedles = 4
const leastFillerTokens = 8

const planted = (subject: string) => ` The number of ${subject} is `
const asked = (subject: string) => `\nThe number of ${subject} is `

interface Needle {
  readonly depth: number
  readonly subject: string
  readonly digit: number
}

/**
 * Runs the grid.
 *
 * @param filler long text as tokens, of `heldOutStream`
 * @returns cells, length by length
 * @throws UsageError for lengths that the model or the filler does not reach or that leave no room for text, and for depths
 *   outside 0..1 or too many of them
 */
export async function needleTest(
  model: Model,
  tokenizer: Tokenizer,
  filler: Int32Array,
  { lengths, depths, perCell, seed, onProgress }: NeedleOptions,
): Promise<NeedleCell[]> {
  const digitIds = Array.from({ length: 10 }, (_, digit) => tokenizer.encode(`${digit}`)[0])
  const needleCount = Math.max(fewestNeedles, depths.length)
  rejectViolations('needle test', needleViolations(model, tokenizer, filler, lengths, depths))
  const allTokens = lengths.reduce((sum, length) => sum + length * perCell, 0)
  const cells: NeedleCell[] = []
  let doneTokens = 0
  for (const length of lengths) {
    const correct = depths.map(() => 0)
    for (let number = 0; number < perCell; number++) {
      const rng = Random.seeded(seed).fork(`evaluation/needle/${length}/${number}`)
      const needles = drawNeedles(depths, needleCount, rng)
      const order = rng.shuffle(depths.map((_, index) => index))
      const row = makeText(tokenizer, filler, needles, order, length, rng)
      const candidates = needles.map(({ digit }) => digitIds[digit])
      eachScoredLogits(model, [row], length, (logits, _target, index) => {
        const needle = order[index]
        const answer = logits[candidates[needle]]
        if (candidates.every((id, other) => other === needle || logits[id] < answer)) correct[needle]++
      })
      doneTokens += length
      await onProgress?.(doneTokens / allTokens)
    }
    for (const [index, depth] of depths.entries())
      cells.push({ length, depth, n: perCell, correct: correct[index], chance: 1 / needleCount })
  }
  return cells
}

/** Needles of the asked depths first, then those that are only there to be confused with. */
function drawNeedles(depths: readonly number[], count: number, rng: Random): Needle[] {
  const digits = rng.shuffle(Array.from({ length: 10 }, (_, digit) => digit))
  const names = rng.shuffle([...subjects])
  return Array.from({ length: count }, (_, index) => ({
    depth: depths[index] ?? rng.uniform(),
    subject: names[index],
    digit: digits[index],
  }))
}

/** Filler with the needles in it, then the questions in their order, as one row whose scored positions are the answers'. */
function makeText(
  tokenizer: Tokenizer,
  filler: Int32Array,
  needles: readonly Needle[],
  order: readonly number[],
  length: number,
  rng: Random,
): Row {
  const sentences = needles.map(({ subject, digit }) => sentenceOf(tokenizer, subject, digit))
  const questions = order.map((index) => tokenizer.encode(asked(needles[index].subject)))
  const fillerCount = length - 1 - tokensIn(sentences) - tokensIn(questions)
  const offset = rng.below(filler.length - fillerCount + 1)
  const row = openRow(length, tokenizer.eosId)
  row.starts.fill(0)
  let at = 1
  const put = (ids: ArrayLike<number>) => {
    row.tokens.set(ids, at)
    at += ids.length
  }
  let used = 0
  for (const index of needles.map((_, number) => number).sort((a, b) => needles[a].depth - needles[b].depth)) {
    const until = Math.round(needles[index].depth * fillerCount)
    put(filler.subarray(offset + used, offset + until))
    put(sentences[index])
    used = until
  }
  put(filler.subarray(offset + used, offset + fillerCount))
  for (const ids of questions) {
    put(ids)
    row.isScored[at - 1] = 1
  }
  return row
}

const sentenceOf = (tokenizer: Tokenizer, subject: string, digit: number) => tokenizer.encode(`${planted(subject)}${digit}.`)

const tokensIn = (parts: readonly ArrayLike<number>[]) => parts.reduce((sum, { length }) => sum + length, 0)

function needleViolations(
  model: Model,
  tokenizer: Tokenizer,
  filler: Int32Array,
  lengths: readonly number[],
  depths: readonly number[],
): string[] {
  const [longest] = model.cosine_TP.shape
  const shortest = shortestNeedleText(tokenizer, depths.length)
  return [
    ...lengths.filter((length) => length > longest).map((length) => `length: expected at most the model's ${longest}, got ${length}`),
    ...lengths
      .filter((length) => length < shortest)
      .map((length) => `length: expected at least ${shortest} for ${depths.length} depths, got ${length}`),
    ...lengths.filter((length) => length > filler.length).map((length) => `held-out text: expected ${length} tokens, got ${filler.length}`),
    ...depths.filter((depth) => !(depth >= 0 && depth <= 1)).map((depth) => `depth: expected 0 to 1, got ${depth}`),
    ...(depths.length > 10 ? [`depths: expected at most 10, got ${depths.length}`] : []),
  ]
}

/** Tokens of the shortest text that has room for the needles of so many depths, the questions and a little text. */
export function shortestNeedleText(tokenizer: Tokenizer, depthCount: number): number {
  const lengths = subjects.map((subject) => sentenceOf(tokenizer, subject, 0).length + tokenizer.encode(asked(subject)).length)
  return Math.max(fewestNeedles, depthCount) * Math.max(...lengths) + leastFillerTokens
}
