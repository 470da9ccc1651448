/**
 * Ids back to text. The tokens of a text are bytes and may end in the middle of a character; bytes that are not UTF-8
 * become U+FFFD, once for each longest broken sequence, as the Encoding Standard asks.
 */

/** Turns a stream of ids into a stream of text that never ends in half a character. */
export class StreamingDecoder {
  readonly #bytesOf: (id: number) => Uint8Array
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

  /** @param bytesOf the bytes of a token */
  constructor(bytesOf: (id: number) => Uint8Array) {
    this.#bytesOf = bytesOf
  }

  /** Takes the next id. @returns the characters that it completes, perhaps none */
  push(id: number): string {
    return this.#utf8.decode(this.#bytesOf(id), { stream: true })
  }

  /** Ends the stream. @returns U+FFFD for an unfinished character, else nothing; the decoder can be used again */
  end(): string {
    return this.#utf8.decode()
  }
}

/** The bytes of every token, end to end in one array. */
export class TokenBytes {
  readonly #bytes: Uint8Array
  readonly #starts: Uint32Array

  /** @param tokens the bytes of each id */
  constructor(tokens: readonly Uint8Array[]) {
    this.#starts = new Uint32Array(tokens.length + 1)
    tokens.forEach((token, id) => (this.#starts[id + 1] = this.#starts[id] + token.length))
    this.#bytes = new Uint8Array(this.#starts[tokens.length])
    tokens.forEach((token, id) => this.#bytes.set(token, this.#starts[id]))
  }

  /** A view of the bytes of one token. */
  of(id: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1])
  }

  /** The text of many. */
  decode(ids: ArrayLike<number>): string {
    let byteCount = 0
    for (let i = 0; i < ids.length; i++) byteCount += this.#starts[ids[i] + 1] - this.#starts[ids[i]]
    const bytes = new Uint8Array(byteCount)
    let written = 0
    for (let i = 0; i < ids.length; i++) {
      const end = this.#starts[ids[i] + 1]
      for (let from = this.#starts[ids[i]]; from < end; from++) bytes[written++] = this.#bytes[from]
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  }
}
