/**
 * Distinct pieces of text, numbered in the order of their first appearance.
 *
 * Looking a piece up reads the text in place: no substring is made, and no piece keeps the text alive that it came from.
 * The encoder remembers with it what it has merged, the trainer counts with it.
 */
export class WordTable {
  /** Two lanes a slot: the number of the piece plus 1, and its hash. */
  #slots = new Int32Array(1 << 13)
  /** Piece i is units[starts[i] .. starts[i + 1]]. */
  #starts = new Int32Array(1 << 11)
  #units = new Uint16Array(1 << 14)
  #size = 0

  /** Pieces in the table. */
  get size(): number {
    return this.#size
  }

  /** UTF-16 units of all pieces together. */
  get unitCount(): number {
    return this.#starts[this.#size]
  }

  /** Forgets all pieces, and keeps the memory. */
  clear(): void {
    this.#slots.fill(0)
    this.#size = 0
  }

  /**
   * The number of text[start .. end]; a piece that was not there is added and gets number `size`.
   *
   * @param text  where the piece stands
   * @param start its first UTF-16 unit
   * @param end   one past its last
   */
  intern(text: string, start: number, end: number): number {
    let hash = 0
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1) ^ (hash >>> 15)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash ^= hash >>> 13
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (2 * hash) & mask
    for (; slots[slot] !== 0; slot = (slot + 2) & mask) {
      if (slots[slot + 1] === hash && this.#isAt(slots[slot] - 1, text, start, end)) return slots[slot] - 1
    }
    slots[slot] = this.#size + 1
    slots[slot + 1] = hash
    return this.#add(text, start, end)
  }

  #isAt(index: number, text: string, start: number, end: number): boolean {
    let from = this.#starts[index]
    if (this.#starts[index + 1] - from !== end - start) return false
    for (let i = start; i < end; i++) if (this.#units[from++] !== text.charCodeAt(i)) return false
    return true
  }

  #add(text: string, start: number, end: number): number {
    const index = this.#size++
    const from = this.#starts[index]
    const to = from + end - start
    if (to > this.#units.length) this.#units = grown(this.#units, to)
    for (let i = start; i < end; i++) this.#units[from + i - start] = text.charCodeAt(i)
    if (this.#size === this.#starts.length) this.#starts = grown(this.#starts, 0)
    this.#starts[this.#size] = to
    if (4 * this.#size > this.#slots.length) this.#widen()
    return index
  }

  #widen(): void {
    const old = this.#slots
    const slots = (this.#slots = new Int32Array(2 * old.length))
    const mask = slots.length - 1
    for (let from = 0; from < old.length; from += 2) {
      if (old[from] === 0) continue
      let slot = (2 * old[from + 1]) & mask
      while (slots[slot] !== 0) slot = (slot + 2) & mask
      slots[slot] = old[from]
      slots[slot + 1] = old[from + 1]
    }
  }

  /** The text of a piece. */
  textOf(index: number): string {
    return new TextDecoder('utf-16le', { ignoreBOM: true }).decode(this.#units.subarray(this.#starts[index], this.#starts[index + 1]))
  }
}

/**
 * The same numbers in a longer array.
 *
 * @param array  what is to be kept
 * @param length entries that are needed; the array at least doubles
 */
export function grown<T extends Int32Array | Uint32Array | Uint16Array | Float64Array>(array: T, length: number): T {
  const longer = new (array.constructor as new (length: number) => T)(Math.max(length, 2 * array.length))
  longer.set(array)
  return longer
}
