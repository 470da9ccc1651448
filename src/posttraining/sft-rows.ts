/**
 * Conversations as rows for training: packed side by side, isolated from each other, weighed so that only answers teach.
 *
 *   <bos>…<｜User｜>…<｜Assistant｜>answer<eos><bos>…<｜Assistant｜>answer<eos><pad><pad>
 *   documentStart 0 … 0                      n … n                       p … p
 *   targetWeight  0 … 0               1 … 1  0 … 0              1 … 1    0 … 0
 *
 * DeepSeek-V3 report, section 5.1: several samples form a sequence, and a mask keeps them apart. A conversation that does not
 * fit in a row is left out whole and counted: one that were cut would teach to stop in the middle, or never to. Every row has
 * an answer in it, so a batch without supervised tokens cannot occur. Claim: posttraining.sft-format.
 */
import { z } from 'zod'
import { rejectViolations, usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { encodeChat, type Tokenizer } from '../foundations/index.ts'
import type { BatchSource, TrainingBatch } from '../pretraining/index.ts'
import { bestFit } from './best-fit.ts'
import type { Conversation } from './conversations/conversation.ts'

export interface SftRowsOptions {
  /** Of the order of the conversations. */
  readonly seed: number
  /** Tokens in a row beyond `length + 1`: the depth of multi-token prediction. */
  readonly extra?: number
}

/** What packing comes to at a row length, over the first epoch. */
export interface PackingSummary {
  /** Inputs in a row. */
  readonly length: number
  readonly rows: number
  /** Conversations in those rows. */
  readonly conversations: number
  /** Conversations that are longer than a row, and left out. */
  readonly tooLong: number
  /** Conversations of whose answers the template leaves nothing to learn, and left out. */
  readonly withoutTargets: number
  /** Tokens of the conversations in the rows, and those of them that are targets. */
  readonly tokens: number
  readonly targetTokens: number
  /** Share of the rows’ length + 1 positions that carry a conversation, 0..1. */
  readonly filledShare: number
}

/** A conversation as ids. */
interface Sample {
  readonly ids: Uint32Array
  readonly isTarget: Uint8Array
  readonly source: number
}

/** Everything that an exact resume needs, as JSON. */
export interface SftState {
  readonly fingerprint: string
  readonly epoch: number
  /** The next row of the epoch. */
  readonly row: number
  /** The length that the epoch is packed for; 0 before the first batch. */
  readonly length: number
}

const count = z.number().int().nonnegative()
const stateSchema = z.object({ fingerprint: z.string(), epoch: count, row: count, length: count })

/** Conversations that are packed together: enough to fill rows well, few enough to keep the order random. */
const windowConversations = 512

/** Rows of conversations, in an order drawn anew each epoch; the same seed and state give the same rows. */
export class SftRows implements BatchSource {
  /** The conversations' sources, in the order in which they first occur. */
  readonly domainNames: readonly string[]
  readonly #samples: readonly Sample[]
  readonly #rng: Random
  readonly #extra: number
  readonly #padId: number
  readonly #fingerprint: string
  #epoch = 0
  #row = 0
  #length = 0
  /** The rows of the present epoch at the present length, each a list of conversations; null until they are needed. */
  #rows: readonly (readonly number[])[] | null = null

  /**
   * Encodes the conversations.
   *
   * @param template the chat template, as tokenizer_config.json carries it
   * @throws UsageError when there is no conversation, or the template fails on one
   */
  constructor(conversations: readonly Conversation[], tokenizer: Tokenizer, template: string, options: SftRowsOptions) {
    const { seed, extra = 0 } = options
    rejectViolations('fine-tuning', Number.isSafeInteger(extra) && extra >= 0 ? [] : [`extra: expected a count, got ${extra}`])
    if (conversations.length === 0)
      throw usageError('fine-tuning', 'conversations to train on', 'none', 'Give some, or leave the stage out.')
    this.domainNames = [...new Set(conversations.map(({ source }) => source))]
    const sourceOfName = new Map(this.domainNames.map((name, index) => [name, index]))
    this.#samples = conversations.map(({ messages, source }) => {
      const { ids, isTarget } = encodeChat(tokenizer, template, messages)
      // What would be predicted from the conversation before it, at any depth, is no target.
      return { ids, isTarget: isTarget.fill(0, 0, 1 + extra), source: sourceOfName.get(source)! }
    })
    this.#rng = Random.seeded(seed).fork('sft-rows')
    this.#extra = extra
    this.#padId = tokenizer.padId
    this.#fingerprint = `${fingerprintOf(this.#samples)} seed ${seed}`
  }

  /**
   * How the conversations fill rows of `length` inputs.
   *
   * @throws UsageError when none of them fits
   */
  packing(length: number): PackingSummary {
    const rows = this.#pack(0, length)
    const packed = rows.flat().map((index) => this.#samples[index])
    const tokens = packed.reduce((sum, { ids }) => sum + ids.length, 0)
    return {
      length,
      rows: rows.length,
      conversations: packed.length,
      tooLong: this.#samples.filter(({ ids }) => ids.length > length + 1).length,
      withoutTargets: this.#samples.filter(({ ids, isTarget }) => ids.length <= length + 1 && targetCount(isTarget) === 0).length,
      tokens,
      targetTokens: packed.reduce((sum, { isTarget }) => sum + targetCount(isTarget), 0),
      filledShare: tokens / (rows.length * (length + 1)),
    }
  }

  /**
   * The next rows. When `length` is another than that of the call before, a new epoch begins.
   *
   * @param rows   B
   * @param length inputs in a row; a conversation of length + 1 tokens fits
   * @throws UsageError when no conversation fits in a row
   */
  nextBatch(rows: number, length: number): TrainingBatch {
    const rowTokens = length + 1 + this.#extra
    const tokens_BS = new Int32Array(rows * rowTokens)
    const documentStart_BS = new Int32Array(rows * rowTokens)
    const targetWeight_BS = new Float32Array(rows * rowTokens)
    const domainOfRow_B = new Int32Array(rows)
    for (let row = 0; row < rows; row++) {
      const chosen = this.#nextRow(length)
      const start = row * rowTokens
      let position = 0
      for (const index of chosen) {
        const { ids, isTarget } = this.#samples[index]
        tokens_BS.set(ids, start + position)
        targetWeight_BS.set(isTarget, start + position)
        documentStart_BS.fill(position, start + position, start + position + ids.length)
        position += ids.length
      }
      tokens_BS.fill(this.#padId, start + position, start + rowTokens)
      documentStart_BS.fill(position, start + position, start + rowTokens)
      // The longest conversation of a row stands first.
      domainOfRow_B[row] = this.#samples[chosen[0]].source
    }
    return { rows, length, rowTokens, tokens_BS, documentStart_BS, targetWeight_BS, domainOfRow_B }
  }

  #nextRow(length: number): readonly number[] {
    if (this.#length !== length) {
      if (this.#length !== 0) this.#epoch++
      this.#length = length
      this.#row = 0
      this.#rows = null
    }
    this.#rows ??= this.#pack(this.#epoch, length)
    if (this.#row === this.#rows.length) {
      this.#epoch++
      this.#row = 0
      this.#rows = this.#pack(this.#epoch, length)
    }
    return this.#rows[this.#row++]
  }

  /** The rows of an epoch: conversations in a random order, packed window by window. */
  #pack(epoch: number, length: number): number[][] {
    const capacity = length + 1
    const fitting = this.#samples.flatMap(({ ids, isTarget }, index) => (ids.length <= capacity && isTarget.includes(1) ? [index] : []))
    if (fitting.length === 0) {
      const shortest = Math.min(...this.#samples.map(({ ids }) => ids.length))
      throw usageError(
        'fine-tuning',
        `a conversation with an answer, of at most ${capacity} tokens`,
        `none (the shortest has ${shortest})`,
        'Raise sft.rowLength.',
      )
    }
    const order = this.#rng.fork(`order/${epoch}`).shuffle(fitting)
    const mixing = this.#rng.fork(`rows/${epoch}`)
    const rows: number[][] = []
    for (let from = 0; from < order.length; from += windowConversations) {
      const window = order.slice(from, from + windowConversations)
      const packed = bestFit(
        window.map((index) => this.#samples[index].ids.length),
        capacity,
      )
      // Packing puts rows of long conversations first: they are shuffled again.
      rows.push(...mixing.shuffle(packed).map((row) => row.map((item) => window[item])))
    }
    return rows
  }

  /** Epochs gone through: whole ones and the share of the rows of the present one. */
  epochs(): number {
    return this.#epoch + (this.#rows === null ? 0 : this.#row / this.#rows.length)
  }

  /** Where it stands. */
  state(): SftState {
    return { fingerprint: this.#fingerprint, epoch: this.#epoch, row: this.#row, length: this.#length }
  }

  /**
   * Goes to a state that `state()` gave.
   *
   * @throws UsageError when the state is none, or one of other conversations, another tokenizer, template or seed
   */
  restore(state: unknown): void {
    const parsed = stateSchema.safeParse(state)
    if (!parsed.success)
      throw usageError('data cursor', 'the state of rows of conversations', 'something else', 'Use an older checkpoint.', parsed.error)
    const { fingerprint, epoch, row, length } = parsed.data
    if (fingerprint !== this.#fingerprint)
      throw usageError('data cursor', 'the same conversations, tokenizer and seed', 'others', 'Resume with the data of the run.')
    const rows = length === 0 ? null : this.#pack(epoch, length)
    if (row > (rows?.length ?? 0)) throw usageError('data cursor', 'a row that there is', `row ${row}`, 'Use an older checkpoint.')
    this.#epoch = epoch
    this.#row = row
    this.#length = length
    this.#rows = rows
  }
}

const targetCount = (isTarget: Uint8Array) => isTarget.reduce((sum, one) => sum + one, 0)

/** FNV-1a over all ids and targets, with their number: a cursor is good for the same samples in the same order only. */
function fingerprintOf(samples: readonly Sample[]): string {
  let hash = 0x811c9dc5
  const mix = (value: number) => {
    hash = Math.imul(hash ^ value, 0x01000193)
    hash ^= hash >>> 15
  }
  for (const { ids, isTarget } of samples) {
    mix(ids.length)
    for (let i = 0; i < ids.length; i++) mix(2 * ids[i] + isTarget[i])
  }
  return `${samples.length} conversations ${(hash >>> 0).toString(16).padStart(8, '0')}`
}
