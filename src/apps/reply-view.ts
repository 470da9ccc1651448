/**
 * A reply for a person's eyes: the tags of thought and answer are left away, thought stands faint on lines of its own.
 *
 *   <think>7 * 100 = 700</think><answer>700</answer>   →   7 * 100 = 700 (faint), a line break, 700
 */
import type { Paint } from './colour.ts'

const tags = ['<think>', '</think>', '<answer>', '</answer>'] as const
const anyTag = /<\/?(?:think|answer)>/

/** Turns a reply that comes in pieces into what a terminal shows. */
export class ReplyView {
  readonly #paint: Paint
  /** What may be the beginning of a tag. */
  #waiting = ''
  #isThought = false
  /** Blanks between thought and answer are the view's. */
  #isAtStart = true

  constructor(paint: Paint) {
    this.#paint = paint
  }

  /** A piece of the reply. @returns what can be shown by now */
  push(piece: string): string {
    let rest = this.#waiting + piece
    let shown = ''
    for (let match = anyTag.exec(rest); match; match = anyTag.exec(rest)) {
      shown += this.#marked(rest.slice(0, match.index)) + this.#pass(match[0])
      rest = rest.slice(match.index + match[0].length)
    }
    const open = rest.lastIndexOf('<')
    const isBegun = open >= 0 && tags.some((tag) => tag.startsWith(rest.slice(open)))
    this.#waiting = isBegun ? rest.slice(open) : ''
    return shown + this.#marked(isBegun ? rest.slice(0, open) : rest)
  }

  /** What still waited at the reply's end. */
  end(): string {
    const rest = this.#waiting
    this.#waiting = ''
    return this.#marked(rest)
  }

  #pass(tag: string): string {
    const wasThought = this.#isThought
    this.#isThought = tag === '<think>' || (wasThought && tag !== '</think>')
    if (this.#isThought === wasThought || this.#isAtStart) return ''
    this.#isAtStart = true
    return '\n'
  }

  #marked(text: string): string {
    const kept = this.#isAtStart ? text.trimStart() : text
    if (kept === '') return ''
    this.#isAtStart = false
    if (!this.#isThought) return kept
    return kept
      .split('\n')
      .map((line) => (line === '' ? '' : this.#paint.faint(line)))
      .join('\n')
  }
}
