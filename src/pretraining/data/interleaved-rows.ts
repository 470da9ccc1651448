/**
 * Rows of two sources in one stream, a fixed share of them from the second: so a later stage goes on reading the text that the
 * model was pre-trained on, and does not forget it.
 *
 * Which row is whose follows from the share and the count of rows alone, as even as it comes.
 */
import { z } from 'zod'
import { rejectViolations, usageError } from '../../base/errors.ts'
import type { BatchSource, TrainingBatch } from '../batch-source.ts'

const stateSchema = z.object({ drawn: z.number().int().nonnegative(), first: z.unknown(), second: z.unknown() })

/** Draws from both sources; the same states give the same rows. */
export class InterleavedRows implements BatchSource {
  /** The first source's, then the second's under a name of their own. */
  readonly domainNames: readonly string[]
  readonly #first: BatchSource
  readonly #second: BatchSource
  readonly #secondShare: number
  #drawn = 0

  /**
   * @param first       what most rows are of
   * @param second      what the others are of
   * @param secondShare of the rows, 0 to 1, 1 excluded
   * @param prefix      of the second source's domain names: "replayed " for "replayed prose"
   * @throws UsageError when the share is out of range
   */
  constructor(first: BatchSource, second: BatchSource, secondShare: number, prefix: string) {
    rejectViolations('rows', secondShare >= 0 && secondShare < 1 ? [] : [`share: expected 0 to 1, 1 excluded, got ${secondShare}`])
    this.#first = first
    this.#second = second
    this.#secondShare = secondShare
    this.domainNames = [...first.domainNames, ...second.domainNames.map((name) => prefix + name)]
  }

  /** Whether row n of the stream, from 0, is of the second source. */
  #isSecond(n: number): boolean {
    return Math.floor((n + 1) * this.#secondShare) > Math.floor(n * this.#secondShare)
  }

  /** The next rows. @param rows B @param length inputs in a row, in tokens */
  nextBatch(rows: number, length: number): TrainingBatch {
    const parts = Array.from({ length: rows }, () => {
      const isSecond = this.#isSecond(this.#drawn++)
      const part = (isSecond ? this.#second : this.#first).nextBatch(1, length)
      return { part, domain: part.domainOfRow_B[0] + (isSecond ? this.#first.domainNames.length : 0) }
    })
    const rowTokens = parts[0]?.part.rowTokens ?? length + 1
    const tokens_BS = new Int32Array(rows * rowTokens)
    const documentStart_BS = new Int32Array(rows * rowTokens)
    const targetWeight_BS = new Float32Array(rows * rowTokens).fill(1)
    for (const [row, { part }] of parts.entries()) {
      tokens_BS.set(part.tokens_BS, row * rowTokens)
      documentStart_BS.set(part.documentStart_BS, row * rowTokens)
      if (part.targetWeight_BS) targetWeight_BS.set(part.targetWeight_BS, row * rowTokens)
    }
    const domainOfRow_B = Int32Array.from(parts, ({ domain }) => domain)
    return { rows, length, rowTokens, tokens_BS, documentStart_BS, targetWeight_BS, domainOfRow_B }
  }

  /** Where both stand, as JSON. */
  state(): unknown {
    return { drawn: this.#drawn, first: this.#first.state(), second: this.#second.state() }
  }

  /** Goes to a state that `state()` gave. @throws UsageError when it is none, or one of other data */
  restore(state: unknown): void {
    const parsed = stateSchema.safeParse(state)
    if (!parsed.success)
      throw usageError('data cursor', 'the state of two sources', 'something else', 'Use an older checkpoint.', parsed.error)
    const { drawn, first, second } = parsed.data
    this.#first.restore(first)
    this.#second.restore(second)
    this.#drawn = drawn
  }
}
