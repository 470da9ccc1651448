/**
 * Learning the merges of byte-pair encoding: again and again the most frequent pair of neighbours becomes one symbol.
 *
 * All distinct words lie end to end in one array of symbols, linked to their neighbours. Each pair knows its count and
 * the places where it may stand, so that a merge visits only those places and corrects the counts of the neighbours
 * there. A merge removes a symbol at each place: all merges together cost no more than the text has bytes, however long
 * its words are. Counts of known pairs only fall, and a pair is filed in the queue when its count is complete, so an
 * entry that is out of date is re-filed when it comes up.
 * Source of the method: Sennrich et al., "Neural machine translation of rare words with subword units", 2016.
 */
import type { MergeTriples } from './encoder.ts'
import { PairTable } from './pair-table.ts'
import { PriorityQueue } from './priority-queue.ts'
import { grown, type WordTable } from './word-table.ts'

export interface LearnMergesOptions {
  /** The id of each of the 256 bytes. */
  readonly idOfByte: Int32Array
  /** The token of each id so far, spelled; merged tokens follow. */
  readonly tokens: readonly string[]
  /** Merges to learn at most. */
  readonly mergeCount: number
  /** Called after each merge with their number so far. */
  readonly onMerge?: (doneCount: number) => void
}

/** A pair that occurs once is a fact about one word, not about the language. */
const leastCount = 2
/** Pairs are packed in one number, left * this + right. */
const idLimit = 2 ** 21

/**
 * Learns merges. Among pairs of equal count the one with the smaller left id comes first, then the smaller right id. A
 * pair that spells a token that is there already is passed over: a token has one id and one merge.
 *
 * @param words  the distinct words
 * @param counts how often each occurs
 * @returns all tokens, and left, right and merged id of each merge, first rank first
 */
export function learnMerges(
  words: WordTable,
  counts: Float64Array,
  options: LearnMergesOptions,
): { tokens: readonly string[]; merges: MergeTriples } {
  const corpus = new Corpus(words, counts, options.idOfByte)
  const tokens = [...options.tokens]
  const known = new Set(tokens)
  const merges: number[] = []
  while (merges.length < 3 * options.mergeCount) {
    const pair = corpus.takeMostFrequent()
    if (!pair) break
    const token = tokens[pair.left] + tokens[pair.right]
    if (known.has(token)) continue
    known.add(token)
    const mergedId = tokens.push(token) - 1
    merges.push(pair.left, pair.right, mergedId)
    corpus.merge(pair.left, pair.right, mergedId)
    options.onMerge?.(merges.length / 3)
  }
  return { tokens, merges: Int32Array.from(merges) }
}

class Corpus {
  /** At each place the id of a symbol, or -1 where a merge took it away. */
  readonly #symbols: Int32Array
  /** The places beside it in its word, -1 at the word's ends. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  /** How often the word of each place occurs. */
  readonly #weights: Float64Array

  readonly #pairs = new PairTable(1 << 16)
  /** For each pair its count and a linked list of places, in order: first and last cell. */
  #counts = new Float64Array(1 << 16)
  #firstCells = new Int32Array(1 << 16)
  #lastCells = new Int32Array(1 << 16)
  /** Cells of the lists: a place and the next cell. Cell 0 is no cell. */
  #cells = new Int32Array(1 << 18)
  #cellCount = 1

  readonly #queue = new PriorityQueue()
  /** Pairs that are not in the queue yet, packed. */
  #newPairs: number[] = []

  constructor(words: WordTable, counts: Float64Array, idOfByte: Int32Array) {
    let symbols = new Int32Array(Math.ceil(1.25 * words.unitCount) + 64)
    const wordEnds = new Int32Array(words.size)
    const utf8 = new TextEncoder()
    let length = 0
    for (let word = 0; word < words.size; word++) {
      const bytes = utf8.encode(words.textOf(word))
      if (length + bytes.length > symbols.length) symbols = grown(symbols, length + bytes.length)
      for (const byte of bytes) symbols[length++] = idOfByte[byte]
      wordEnds[word] = length
    }
    this.#symbols = symbols.subarray(0, length)
    this.#next = new Int32Array(length)
    this.#previous = new Int32Array(length)
    this.#weights = new Float64Array(length)
    for (let word = 0, place = 0; word < words.size; word++) {
      for (const start = place; place < wordEnds[word]; place++) {
        this.#weights[place] = counts[word]
        this.#previous[place] = place === start ? -1 : place - 1
        this.#next[place] = place + 1 === wordEnds[word] ? -1 : place + 1
        if (place > start) this.#addOccurrence(place - 1, place)
      }
    }
    this.#fileNewPairs()
  }

  /** Takes the most frequent pair out of the queue; undefined when none is frequent enough. It does not come again. */
  takeMostFrequent(): { left: number; right: number } | undefined {
    while (this.#queue.pop()) {
      const filedCount = -this.#queue.key
      const packed = this.#queue.tie
      const left = Math.floor(packed / idLimit)
      const right = packed % idLimit
      const count = this.#counts[this.#pairs.get(left, right)]
      if (count === filedCount) return { left, right }
      if (count >= leastCount) this.#queue.push(-count, packed)
    }
    return undefined
  }

  /** Puts one symbol in the place of two, wherever they stand side by side; leftmost first where they overlap. */
  merge(left: number, right: number, mergedId: number): void {
    const pair = this.#pairs.get(left, right)
    for (let cell = this.#firstCells[pair]; cell !== 0; cell = this.#cells[2 * cell + 1]) {
      const place = this.#cells[2 * cell]
      const taken = this.#next[place]
      // The place may be out of date: a merge since may have changed what stands there.
      if (this.#symbols[place] !== left || taken < 0 || this.#symbols[taken] !== right) continue
      const before = this.#previous[place]
      const after = this.#next[taken]
      if (before >= 0) this.#removeOccurrence(before, place)
      if (after >= 0) this.#removeOccurrence(taken, after)
      this.#symbols[place] = mergedId
      this.#symbols[taken] = -1
      this.#next[place] = after
      if (after >= 0) {
        this.#previous[after] = place
        this.#addOccurrence(place, after)
      }
      if (before >= 0) this.#addOccurrence(before, place)
    }
    this.#counts[pair] = 0
    this.#fileNewPairs()
  }

  /** Queues the pairs that are new, now that all their occurrences are counted. */
  #fileNewPairs(): void {
    for (const packed of this.#newPairs) {
      const count = this.#counts[this.#pairs.get(Math.floor(packed / idLimit), packed % idLimit)]
      if (count >= leastCount) this.#queue.push(-count, packed)
    }
    this.#newPairs = []
  }

  #removeOccurrence(leftPlace: number, rightPlace: number): void {
    this.#counts[this.#pairs.get(this.#symbols[leftPlace], this.#symbols[rightPlace])] -= this.#weights[leftPlace]
  }

  #addOccurrence(leftPlace: number, rightPlace: number): void {
    const left = this.#symbols[leftPlace]
    const right = this.#symbols[rightPlace]
    let pair = this.#pairs.get(left, right)
    if (pair < 0) {
      pair = this.#pairs.size
      this.#pairs.set(left, right, pair)
      this.#newPairs.push(left * idLimit + right)
      if (pair === this.#counts.length) {
        this.#counts = grown(this.#counts, 0)
        this.#firstCells = grown(this.#firstCells, 0)
        this.#lastCells = grown(this.#lastCells, 0)
      }
    }
    this.#counts[pair] += this.#weights[leftPlace]
    const cell = this.#cellCount++
    if (2 * cell + 1 >= this.#cells.length) this.#cells = grown(this.#cells, 0)
    this.#cells[2 * cell] = leftPlace
    if (this.#firstCells[pair] === 0) this.#firstCells[pair] = cell
    else this.#cells[2 * this.#lastCells[pair] + 1] = cell
    this.#lastCells[pair] = cell
  }
}
