/**
 * A binary heap of (key, tie) pairs, smallest first: by key, then by tie. Both lanes are plain typed arrays.
 *
 * Entries are never changed in place. Who pops one checks that it still says the truth, and drops or re-files it.
 */
import { grown } from './word-table.ts'

/** Smallest (key, tie) first. */
export class PriorityQueue {
  #keys = new Float64Array(64)
  #ties = new Float64Array(64)
  #size = 0
  /** The entry that `pop` took out last. */
  key = 0
  tie = 0

  get size(): number {
    return this.#size
  }

  push(key: number, tie: number): void {
    if (this.#size === this.#keys.length) {
      this.#keys = grown(this.#keys, 0)
      this.#ties = grown(this.#ties, 0)
    }
    const keys = this.#keys
    const ties = this.#ties
    let hole = this.#size++
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      if (keys[parent] < key || (keys[parent] === key && ties[parent] <= tie)) break
      keys[hole] = keys[parent]
      ties[hole] = ties[parent]
      hole = parent
    }
    keys[hole] = key
    ties[hole] = tie
  }

  /** Takes the smallest entry out, into `key` and `tie`. @returns false when there is none */
  pop(): boolean {
    if (this.#size === 0) return false
    const keys = this.#keys
    const ties = this.#ties
    this.key = keys[0]
    this.tie = ties[0]
    const size = --this.#size
    const key = keys[size]
    const tie = ties[size]
    let hole = 0
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && (keys[child + 1] < keys[child] || (keys[child + 1] === keys[child] && ties[child + 1] < ties[child]))) child++
      if (key < keys[child] || (key === keys[child] && tie <= ties[child])) break
      keys[hole] = keys[child]
      ties[hole] = ties[child]
      hole = child
    }
    keys[hole] = key
    ties[hole] = tie
    return true
  }
}
