/**
 * Byte-pair encoding of text: pieces from the pre-tokenizer, merged by rank, lowest first, leftmost among equals.
 *
 * Two things make it fast. Pieces repeat, so a table remembers the ids of those seen lately; and a piece that is new is
 * merged in typed arrays with a queue of candidate merges, so that a piece of n bytes costs n log n, not n².
 * Source of the method: Sennrich et al., 2016 (BPE); Radford et al., 2019 (over bytes).
 */
import type { IdBuffer } from './id-buffer.ts'
import { PairTable } from './pair-table.ts'
import { PriorityQueue } from './priority-queue.ts'
import type { Split } from './regex-split.ts'
import { grown, WordTable } from './word-table.ts'

/** Pieces above this many UTF-16 units are merged each time. */
const longestRemembered = 64
/** The memory starts afresh when it holds this many pieces, or this many units of text. */
const mostRemembered = 1 << 17
const mostRememberedUnits = 1 << 21

/** Merges by rank: three numbers each, left id, right id, merged id. */
export type MergeTriples = Int32Array

/** Encodes text with one set of merges, and remembers pieces between calls. */
export class BpeEncoder {
  readonly #split: Split
  readonly #idOfByte: Int32Array
  readonly #merges: MergeTriples
  readonly #rankOfPair: PairTable
  readonly #queue = new PriorityQueue()
  readonly #utf8 = new TextEncoder()

  #bytes = new Uint8Array(256)
  #symbols = new Int32Array(256)
  #next = new Int32Array(256)
  #previous = new Int32Array(256)

  readonly #words = new WordTable()
  readonly #remembered: IdBuffer
  /** The ids of word i are remembered[starts[i] .. starts[i + 1]]. */
  readonly #rememberedStarts = new Int32Array(mostRemembered + 1)

  /**
   * @param split    the pre-tokenizer
   * @param idOfByte the id of each of the 256 byte tokens
   * @param merges   all merges, first rank first
   * @param buffer   an empty buffer, for the encoder's own use
   */
  constructor(split: Split, idOfByte: Int32Array, merges: MergeTriples, buffer: IdBuffer) {
    this.#split = split
    this.#idOfByte = idOfByte
    this.#merges = merges
    this.#remembered = buffer
    this.#rankOfPair = new PairTable(merges.length / 3)
    for (let i = 0; i < merges.length; i += 3) this.#rankOfPair.set(merges[i], merges[i + 1], i / 3)
  }

  /**
   * Appends the ids of a text.
   *
   * @param text well-formed text; special tokens in it are text like any other
   * @param ids  where they go
   */
  encode(text: string, ids: IdBuffer): void {
    const endOfPiece = this.#split(text)
    for (let start = 0; start < text.length;) {
      const end = endOfPiece(start)
      if (end - start > longestRemembered) this.#merge(text.slice(start, end), ids)
      else this.#recall(text, start, end, ids)
      start = end
    }
  }

  #recall(text: string, start: number, end: number, ids: IdBuffer): void {
    const size = this.#words.size
    const word = this.#words.intern(text, start, end)
    if (word === size) {
      if (size === mostRemembered || this.#words.unitCount > mostRememberedUnits) {
        this.#words.clear()
        this.#remembered.clear()
        return this.#recall(text, start, end, ids)
      }
      this.#merge(text.slice(start, end), this.#remembered)
      this.#rememberedStarts[word + 1] = this.#remembered.length
    }
    ids.append(this.#remembered, this.#rememberedStarts[word], this.#rememberedStarts[word + 1])
  }

  #merge(piece: string, ids: IdBuffer): void {
    if (3 * piece.length > this.#bytes.length) this.#reserve(3 * piece.length)
    const count = this.#utf8.encodeInto(piece, this.#bytes).written
    const symbols = this.#symbols
    const next = this.#next
    const previous = this.#previous
    for (let i = 0; i < count; i++) {
      symbols[i] = this.#idOfByte[this.#bytes[i]]
      next[i] = i + 1
      previous[i] = i - 1
      if (i > 0) this.#propose(i - 1, i)
    }
    next[count - 1] = -1
    while (this.#queue.pop()) {
      const rank = this.#queue.key
      const left = this.#queue.tie
      const right = next[left]
      // The proposal may be out of date: either side may have been merged with someone else since.
      if (symbols[left] < 0 || right < 0 || this.#rankOfPair.get(symbols[left], symbols[right]) !== rank) continue
      symbols[left] = this.#merges[3 * rank + 2]
      symbols[right] = -1
      const following = (next[left] = next[right])
      if (following >= 0) {
        previous[following] = left
        this.#propose(left, following)
      }
      if (previous[left] >= 0) this.#propose(previous[left], left)
    }
    for (let i = 0; i >= 0; i = next[i]) ids.push(symbols[i])
  }

  #propose(left: number, right: number): void {
    const rank = this.#rankOfPair.get(this.#symbols[left], this.#symbols[right])
    if (rank >= 0) this.#queue.push(rank, left)
  }

  #reserve(byteCount: number): void {
    this.#bytes = new Uint8Array(2 * byteCount)
    this.#symbols = grown(this.#symbols, 2 * byteCount)
    this.#next = grown(this.#next, 2 * byteCount)
    this.#previous = grown(this.#previous, 2 * byteCount)
  }
}
