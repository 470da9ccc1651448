/** Token ids that grow in number: an array of 32-bit numbers that at least doubles when it is full. */
import { grown } from './word-table.ts'

/** Ids are appended, one or many, and taken out all at once. */
export class IdBuffer {
  #ids: Uint32Array<ArrayBuffer>
  #length = 0

  /** @param expectedCount ids that will probably come; more are welcome */
  constructor(expectedCount = 1024) {
    this.#ids = new Uint32Array(expectedCount + 16)
  }

  get length(): number {
    return this.#length
  }

  clear(): void {
    this.#length = 0
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) this.#ids = grown(this.#ids, 0)
    this.#ids[this.#length++] = id
  }

  /** Appends source[start .. end]. */
  append(source: IdBuffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (length > this.#ids.length) this.#ids = grown(this.#ids, length)
    for (let i = start; i < end; i++) this.#ids[this.#length++] = source.#ids[i]
  }

  /** The ids so far, in an array of their own. */
  toArray(): Uint32Array<ArrayBuffer> {
    return this.#ids.slice(0, this.#length)
  }
}
