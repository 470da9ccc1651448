/**
 * Ends a text at the first of some strings, wherever the pieces of the text are cut. What may be the beginning of a stop
 * string is held back until it is known.
 */

/** What `push` lets through. */
export interface Passed {
  readonly text: string
  /** A stop string came: the text ends here. */
  readonly isStopped: boolean
}

/** A text on its way to the reader, one piece at a time. */
export class StopFilter {
  readonly #stops: readonly string[]
  #held = ''

  /** @param stops strings of one character or more; none lets everything through */
  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** Takes the next piece. Nothing may follow once it says that it stopped. */
  push(piece: string): Passed {
    const text = this.#held + piece
    const start = this.#firstStop(text)
    if (start !== undefined) {
      this.#held = ''
      return { text: text.slice(0, start), isStopped: true }
    }
    const keep = this.#heldLength(text)
    this.#held = text.slice(text.length - keep)
    return { text: text.slice(0, text.length - keep), isStopped: false }
  }

  /** The text is over: what was held back. */
  end(): string {
    const text = this.#held
    this.#held = ''
    return text
  }

  /** Where the stop string that is complete first begins: what comes out does not depend on where pieces were cut. */
  #firstStop(text: string): number | undefined {
    let best: { start: number; end: number } | undefined
    for (const stop of this.#stops) {
      const start = text.indexOf(stop)
      const end = start + stop.length
      if (start >= 0 && (!best || end < best.end || (end === best.end && start < best.start))) best = { start, end }
    }
    return best?.start
  }

  /** Characters at the end of `text` that begin a stop string, at most. */
  #heldLength(text: string): number {
    let most = 0
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > most; length--) {
        if (text.endsWith(stop.slice(0, length))) most = length
      }
    }
    return most
  }
}
