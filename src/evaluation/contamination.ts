/**
 * Contamination: which test items stand in the training text too, word for word.
 *
 * The rule is that of GPT-3 (Brown et al., 2020, appendix C): an item is contaminated when any 13 of its words in a row occur in
 * a training document, whatever their case and punctuation. An item of 5 to 12 words counts when all of them do; a shorter one
 * cannot be told from chance and is not checked. Signs of arithmetic count as words. What is looked for is the item with its
 * right answer. Phrases that belong to a kind of text ("write 4 and carry 1") make the rule strict, so it is also counted how
 * many items occur with all of their n-grams.
 *
 * The items' n-grams are hashed; the training text is read once, with a rolling hash for each length in use. Two 32-bit hashes
 * must agree, so among 10^9 comparisons a false find is not to be expected.
 */
import type { Document } from '../pretraining/data/index.ts'
import type { TaskItem } from './tasks/item.ts'

/** What was found of one task. */
export interface Contamination {
  readonly task: string
  /** Items that were checked. */
  readonly n: number
  readonly contaminated: number
  /** Of these, items every n-gram of which occurs: nothing of them is new. */
  readonly whole: number
  /** Items of too few words. */
  readonly unchecked: number
  /** Words of an n-gram, at most and at least. */
  readonly gramWords: readonly [most: number, least: number]
  /** The first few finds, in the order of the training text. */
  readonly examples: readonly { readonly item: string; readonly document: string }[]
}

const mostGramWords = 13
const fewestGramWords = 5
const mostExamples = 5

/** Multipliers of the two rolling hashes; both odd. */
const factors = [0x01000193, 0x2c1b3c6d] as const

const isSign = (unit: number) => unit === 43 || unit === 45 || unit === 42 || unit === 47 || (unit >= 60 && unit <= 62)
const isLetterOrDigit = (unit: number) =>
  (unit >= 97 && unit <= 122) ||
  (unit >= 48 && unit <= 57) ||
  (unit >= 0xc0 && !(unit >= 0x2000 && unit <= 0x206f) && !(unit >= 0x3000 && unit <= 0x303f))

/** Calls `word` with a hash of each word of a text. */
function eachWord(text: string, word: (hash: number) => void): void {
  const lower = text.toLowerCase()
  let hash = 0
  let isInside = false
  for (let i = 0; i < lower.length; i++) {
    const unit = lower.charCodeAt(i)
    if (isLetterOrDigit(unit)) {
      hash = Math.imul((isInside ? hash : 0x811c9dc5) ^ unit, 0x01000193)
      isInside = true
      continue
    }
    if (isInside) word(mixed(hash))
    isInside = false
    // Between two numbers a hyphen is a minus, inside words it is punctuation; a run of signs is no arithmetic.
    if (isSign(unit) && lower.charCodeAt(i - 1) === 32 && lower.charCodeAt(i + 1) === 32) word(mixed(unit))
  }
  if (isInside) word(mixed(hash))
}

/** Spreads a hash over all its bits, so that the polynomials over words see no structure. */
function mixed(hash: number): number {
  let mixing = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  mixing = Math.imul(mixing ^ (mixing >>> 15), 0x846ca68b)
  return mixing ^ (mixing >>> 16)
}

/** Hashes of the last n words, for each n of `sizes`: prefix sums in a ring, so that a text of any length will do. */
class Grams {
  readonly #sizes: readonly number[]
  /** factor^n, by size and factor. */
  readonly #powers: readonly (readonly [number, number])[]
  readonly #ring = [new Int32Array(16), new Int32Array(16)] as const
  #count = 0

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
    this.#powers = sizes.map((size) => [power(factors[0], size), power(factors[1], size)])
  }

  /** Takes a word; calls `gram` for each size for which there are enough words. */
  push(word: number, gram: (size: number, a: number, b: number) => void): void {
    const [ringA, ringB] = this.#ring
    const before = this.#count & 15
    const at = ++this.#count & 15
    ringA[at] = Math.imul(ringA[before], factors[0]) + word
    ringB[at] = Math.imul(ringB[before], factors[1]) + (word ^ 0x5bd1e995)
    for (let index = 0; index < this.#sizes.length; index++) {
      const size = this.#sizes[index]
      if (size > this.#count) continue
      const from = (this.#count - size) & 15
      const [powerA, powerB] = this.#powers[index]
      gram(size, (ringA[at] - Math.imul(ringA[from], powerA)) | 0, (ringB[at] - Math.imul(ringB[from], powerB)) | 0)
    }
  }
}

function power(base: number, exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base)
  return result
}

/** One n-gram of an item: its second hash, its words, whose it is and which of its. */
interface Gram {
  readonly b: number
  readonly size: number
  readonly item: number
  readonly position: number
}

/** Items by their n-grams: a bitmap answers most questions, a map the rest. */
class GramIndex {
  readonly #bits = new Uint8Array(2 ** 21)
  readonly #items = new Map<number, Gram[]>()
  readonly sizes = new Set<number>()

  add(a: number, gram: Gram): void {
    this.sizes.add(gram.size)
    const bit = (a ^ gram.size) & 0xffffff
    this.#bits[bit >> 3] |= 1 << (bit & 7)
    const there = this.#items.get(a)
    if (there) there.push(gram)
    else this.#items.set(a, [gram])
  }

  find(size: number, a: number, b: number, found: (gram: Gram) => void): void {
    const bit = (a ^ size) & 0xffffff
    if ((this.#bits[bit >> 3] & (1 << (bit & 7))) === 0) return
    for (const entry of this.#items.get(a) ?? []) if (entry.size === size && entry.b === b) found(entry)
  }
}

const textOf = ({ context, choices, answerIndex, ending = '' }: TaskItem) => context + choices[answerIndex] + ending

/**
 * Looks for items in training text.
 *
 * @param items    of any tasks
 * @param training documents that a model was trained on
 * @returns one result for each task, in the order of the items
 */
export function findContamination(items: readonly TaskItem[], training: readonly Document[]): Contamination[] {
  const index = new GramIndex()
  const gramCounts = items.map((item, number) => addItem(index, item, number))
  const documentOfItem = new Map<number, string>()
  const foundGrams = items.map(() => new Set<number>())
  const sizes = [...index.sizes].sort((a, b) => a - b)
  for (const { id, text } of training) {
    const grams = new Grams(sizes)
    const found = ({ item, position }: Gram) => {
      if (!documentOfItem.has(item)) documentOfItem.set(item, id)
      foundGrams[item].add(position)
    }
    const look = (size: number, a: number, b: number) => index.find(size, a, b, found)
    eachWord(text, (word) => grams.push(word, look))
  }
  return [...new Set(items.map(({ task }) => task))].map((task) => {
    const own = new Set(items.flatMap((item, number) => (item.task === task ? [number] : [])))
    const finds = [...documentOfItem].filter(([number]) => own.has(number))
    const checked = [...own].filter((number) => gramCounts[number] > 0).length
    return {
      task,
      n: checked,
      contaminated: finds.length,
      whole: finds.filter(([number]) => foundGrams[number].size === gramCounts[number]).length,
      unchecked: own.size - checked,
      gramWords: [mostGramWords, fewestGramWords],
      examples: finds.slice(0, mostExamples).map(([number, document]) => ({ item: items[number].id, document })),
    }
  })
}

/** → how many n-grams an item has; none when its words are too few. */
function addItem(index: GramIndex, item: TaskItem, number: number): number {
  const words: number[] = []
  eachWord(textOf(item), (word) => words.push(word))
  if (words.length < fewestGramWords) return 0
  const grams = new Grams([Math.min(words.length, mostGramWords)])
  let position = 0
  for (const word of words) grams.push(word, (size, a, b) => index.add(a, { b, size, item: number, position: position++ }))
  return position
}
