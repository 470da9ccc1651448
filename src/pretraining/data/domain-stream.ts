/**
 * One domain as an endless stream of tokens: every piece once an epoch, in an order drawn anew each epoch.
 *
 * A piece is a document, or a stretch of a long one. Whole documents would fill hundreds of rows in a row with one speech;
 * single rows would show a model little more than beginnings and ends. The order of epoch e is a shuffle by the stream named
 * for e, so a cursor of three numbers says where the stream stands.
 */
import { Random } from '../../base/random.ts'
import { fimSentinels, rearrange, type FimOptions } from './fill-in-the-middle.ts'
import type { TokenizedDocuments } from './tokenize.ts'

/** Where a stream stands: the next token is number `offset` of the piece at `position` in the order of `epoch`. */
export interface StreamCursor {
  readonly epoch: number
  readonly position: number
  readonly offset: number
}

export const streamStart: StreamCursor = { epoch: 0, position: 0, offset: 0 }

export interface StreamOptions {
  /** Longest piece, in tokens; longer documents are cut into stretches of this. */
  readonly stretchTokens: number
  readonly eosId: number
  /** Off when null. */
  readonly fim: FimOptions | null
}

/** The domain's pieces, and their tokens from any cursor on. */
export class DomainStream {
  readonly #documents: TokenizedDocuments
  readonly #options: StreamOptions
  readonly #rng: Random
  /** First id of each piece; one more than there are pieces. Pieces touch, and none spans two documents. */
  readonly #pieceStarts: Uint32Array
  #orderEpoch = -1
  #order = new Uint32Array(0)
  #scratch = new Uint32Array(0)

  /** @param rng names the domain; orders and cuts are drawn from forks of it */
  constructor(documents: TokenizedDocuments, options: StreamOptions, rng: Random) {
    this.#documents = documents
    this.#options = options
    this.#rng = rng
    const starts: number[] = []
    for (let document = 0; document + 1 < documents.offsets.length; document++) {
      const end = documents.offsets[document + 1]
      for (let start = documents.offsets[document]; start < end; start += options.stretchTokens) starts.push(start)
    }
    this.#pieceStarts = Uint32Array.from([...starts, documents.ids.length])
  }

  /** Pieces in an epoch. */
  get pieceCount(): number {
    return this.#pieceStarts.length - 1
  }

  /** Whether a cursor points at a token of this stream. */
  isCursor({ epoch, position, offset }: StreamCursor): boolean {
    const areCounts = [epoch, position, offset].every((value) => Number.isSafeInteger(value) && value >= 0)
    return areCounts && position < this.pieceCount && offset < this.#pieceLength(epoch, this.#orderOf(epoch)[position])
  }

  /**
   * Copies tokens from a cursor on, across pieces and epochs.
   *
   * @param out           receives one row
   * @param documentStart receives, for each position of the row, the first position in it that belongs to the same piece
   * @param cursor        of the first token
   * @param advance       tokens after which the returned cursor stands; at most the row's length
   */
  read(out: Int32Array, documentStart: Int32Array, cursor: StreamCursor, advance: number): StreamCursor {
    let { epoch, position, offset } = cursor
    let next = cursor
    for (let filled = 0; filled < out.length;) {
      const piece = this.#orderOf(epoch)[position]
      const tokens = this.#tokensOf(epoch, piece)
      const count = Math.min(tokens.length - offset, out.length - filled)
      out.set(tokens.subarray(offset, offset + count), filled)
      documentStart.fill(filled, filled, filled + count)
      if (filled <= advance && advance < filled + count) next = { epoch, position, offset: offset + advance - filled }
      filled += count
      offset += count
      if (offset === tokens.length) {
        offset = 0
        position++
        if (position === this.pieceCount) {
          position = 0
          epoch++
        }
      }
      if (filled === advance) next = { epoch, position, offset }
    }
    return next
  }

  #orderOf(epoch: number): Uint32Array {
    if (epoch !== this.#orderEpoch) {
      const order = Uint32Array.from({ length: this.pieceCount }, (_, piece) => piece)
      const rng = this.#rng.fork(`order/${epoch}`)
      for (let i = order.length - 1; i > 0; i--) {
        const j = rng.below(i + 1)
        const kept = order[i]
        order[i] = order[j]!
        order[j] = kept
      }
      this.#order = order
      this.#orderEpoch = epoch
    }
    return this.#order
  }

  /** The draws of one piece in one epoch, independent of all others: four to a piece, one block of the generator. */
  #fimDraws(epoch: number, piece: number): Random | null {
    const { fim } = this.#options
    if (fim === null || fim.rate === 0) return null
    const rng = this.#rng.fork(`fim/${epoch}`).seek(piece * 4)
    return rng.uniform() < fim.rate ? rng : null
  }

  #pieceLength(epoch: number, piece: number): number {
    const length = this.#pieceStarts[piece + 1] - this.#pieceStarts[piece]
    const addsEos = this.#documents.ids[this.#pieceStarts[piece + 1] - 1] !== this.#options.eosId
    return this.#fimDraws(epoch, piece) === null ? length : length + fimSentinels + (addsEos ? 1 : 0)
  }

  #tokensOf(epoch: number, piece: number): Uint16Array | Uint32Array {
    const tokens = this.#documents.ids.subarray(this.#pieceStarts[piece], this.#pieceStarts[piece + 1])
    const rng = this.#fimDraws(epoch, piece)
    if (rng === null) return tokens
    const { fim, eosId } = this.#options
    const length = this.#pieceLength(epoch, piece)
    if (this.#scratch.length < length) this.#scratch = new Uint32Array(length * 2)
    rearrange(tokens.subarray(0, length - fimSentinels - 1), fim!, rng, this.#scratch)
    this.#scratch[length - 1] = eosId
    return this.#scratch.subarray(0, length)
  }
}
