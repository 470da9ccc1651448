/**
 * A hash table from a pair of token ids to a number, in one typed array: what BPE looks up most.
 *
 * Open addressing with linear probing; four 32-bit lanes a slot (left + 1, right, value, unused), so a slot never crosses
 * a cache line. At most half of the slots are in use.
 */
export class PairTable {
  #slots: Int32Array
  #size = 0

  /** @param expectedCount pairs that will probably be held; more are welcome */
  constructor(expectedCount = 1024) {
    this.#slots = new Int32Array(4 * 2 ** Math.ceil(Math.log2(2 * expectedCount + 16)))
  }

  get size(): number {
    return this.#size
  }

  /** The value of a pair, -1 when there is none. */
  get(left: number, right: number): number {
    const slot = this.#slotOf(left, right)
    return this.#slots[slot] === 0 ? -1 : this.#slots[slot + 2]
  }

  /** Sets the value of a pair. @param value 0 or more */
  set(left: number, right: number, value: number): void {
    let slot = this.#slotOf(left, right)
    if (this.#slots[slot] === 0) {
      if (8 * (this.#size + 1) > this.#slots.length) {
        this.#grow()
        slot = this.#slotOf(left, right)
      }
      this.#slots[slot] = left + 1
      this.#slots[slot + 1] = right
      this.#size++
    }
    this.#slots[slot + 2] = value
  }

  /** Where the pair is, or the empty slot where it would go. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    let slot = ((hash ^ (hash >>> 13)) << 2) & mask
    while (slots[slot] !== 0 && (slots[slot] !== left + 1 || slots[slot + 1] !== right)) slot = (slot + 4) & mask
    return slot
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(2 * old.length)
    for (let from = 0; from < old.length; from += 4) {
      if (old[from] === 0) continue
      const to = this.#slotOf(old[from] - 1, old[from + 1])
      this.#slots.set(old.subarray(from, from + 4), to)
    }
  }
}
