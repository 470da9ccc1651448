/**
 * The mixture: which text a training step sees. Rows are drawn from domains by weight and packed with documents end to end.
 *
 * As in the DeepSeek-V3 report (4.1) documents are packed without a mask between them; `documentStart_BS` is there for those
 * who want one. A row is `length` inputs, the next token of each, and `extra` more for multi-token prediction. The next row
 * of the domain goes on after `length` tokens, so every token is the next token of exactly one input in an epoch.
 * Claim: pretraining.mixture.
 */
import { z } from 'zod'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { BatchSource, TrainingBatch } from '../batch-source.ts'
import { DomainStream, streamStart, type StreamCursor } from './domain-stream.ts'
import type { FimOptions } from './fill-in-the-middle.ts'
import type { TokenizedCorpus } from './tokenize.ts'

export interface MixtureOptions {
  /** Seed of the run. */
  readonly seed: number
  /** Name of the random stream below `mixture`: another one draws other rows from the same text. */
  readonly stream?: string
  /** Tokens in a row beyond `length + 1`: the depth of multi-token prediction. */
  readonly extra?: number
  /** Longest piece of a document that is read in one go, in tokens; several times the rows' length. */
  readonly stretchTokens?: number
  /** Fill-in-the-middle; off unless given. */
  readonly fim?: FimOptions
}

/** Everything that an exact resume needs, as JSON. */
export interface MixtureState {
  readonly fingerprint: string
  /** Draws of the stream that picks domains. */
  readonly domainDraws: number
  readonly cursors: Readonly<Record<string, StreamCursor>>
}

const count = z.number().int().nonnegative()
const stateSchema = z.object({
  fingerprint: z.string(),
  domainDraws: count,
  cursors: z.record(z.string(), z.object({ epoch: count, position: count, offset: count })),
})

const defaultStretchTokens = 2048

/** Draws training rows from a tokenized corpus; the same seed and state give the same rows. */
export class Mixture implements BatchSource {
  /** In the order of `domainOfRow_B`. */
  readonly domainNames: readonly string[]
  readonly #streams: readonly DomainStream[]
  readonly #cursors: StreamCursor[]
  /** Upper bound of each domain's share of [0, 1). */
  readonly #bounds: readonly number[]
  readonly #domainDraws: Random
  readonly #extra: number
  readonly #fingerprint: string

  /** @throws UsageError on impossible options, and on a corpus without a training token */
  constructor(corpus: TokenizedCorpus, options: MixtureOptions) {
    const { seed, stream, extra = 0, stretchTokens = defaultStretchTokens, fim = null } = options
    const violations: string[] = []
    if (!(Number.isInteger(extra) && extra >= 0)) violations.push(`extra: expected a count, got ${extra}`)
    if (!(stretchTokens >= 1 && (Number.isInteger(stretchTokens) || stretchTokens === Infinity)))
      violations.push(`stretchTokens: expected a count of at least 1 or Infinity, got ${stretchTokens}`)
    if (fim && !(fim.rate >= 0 && fim.rate <= 1)) violations.push(`fim.rate: expected 0 to 1, got ${fim.rate}`)
    rejectViolations('mixture', violations)

    const domains = corpus.domains.filter(({ weight, train }) => weight > 0 && train.ids.length > 0)
    if (domains.length === 0) throw usageError('mixture', 'at least one domain with text', 'none', 'Give more text.')
    const rng = Random.seeded(seed).fork(stream === undefined ? 'mixture' : `mixture/${stream}`)
    const total = domains.reduce((sum, { weight }) => sum + weight, 0)
    let bound = 0
    this.#bounds = domains.map(({ weight }) => (bound += weight / total))
    this.domainNames = domains.map(({ name }) => name)
    this.#streams = domains.map(
      ({ name, train }) => new DomainStream(train, { stretchTokens, eosId: corpus.eosId, fim }, rng.fork(`domain/${name}`)),
    )
    this.#cursors = domains.map(() => streamStart)
    this.#domainDraws = rng.fork('domains')
    this.#extra = extra
    // A cursor counts pieces and their tokens, so it means something only under the same cuts.
    const named = stream === undefined ? '' : ` stream ${stream}`
    this.#fingerprint = `${corpus.fingerprint} stretch ${stretchTokens} fim ${fim?.rate ?? 0}${named}`
  }

  #drawDomain(): number {
    const draw = this.#domainDraws.uniform()
    const domain = this.#bounds.findIndex((bound) => draw < bound)
    return domain < 0 ? this.#bounds.length - 1 : domain
  }

  /**
   * The next rows.
   *
   * @param rows   B
   * @param length inputs in a row, in tokens; may differ from call to call
   */
  nextBatch(rows: number, length: number): TrainingBatch {
    const rowTokens = length + 1 + this.#extra
    const tokens_BS = new Int32Array(rows * rowTokens)
    const documentStart_BS = new Int32Array(rows * rowTokens)
    const domainOfRow_B = new Int32Array(rows)
    for (let row = 0; row < rows; row++) {
      const domain = this.#drawDomain()
      const start = row * rowTokens
      const tokens = tokens_BS.subarray(start, start + rowTokens)
      const documentStart = documentStart_BS.subarray(start, start + rowTokens)
      this.#cursors[domain] = this.#streams[domain].read(tokens, documentStart, this.#cursors[domain], length)
      domainOfRow_B[row] = domain
    }
    return { rows, length, rowTokens, tokens_BS, documentStart_BS, domainOfRow_B }
  }

  /** How often each domain has been gone through: whole epochs and the share of the pieces of the present one. */
  epochs(): Record<string, number> {
    const entries = this.domainNames.map((name, domain) => {
      const { epoch, position } = this.#cursors[domain]
      return [name, epoch + position / this.#streams[domain].pieceCount]
    })
    return Object.fromEntries(entries) as Record<string, number>
  }

  /** Where the mixture stands. */
  state(): MixtureState {
    const cursors = Object.fromEntries(this.domainNames.map((name, domain) => [name, this.#cursors[domain]]))
    return { fingerprint: this.#fingerprint, domainDraws: this.#domainDraws.state.draws, cursors }
  }

  /**
   * Goes to a state that `state()` gave; the work is one shuffle of each domain's pieces, whatever the step.
   *
   * @throws UsageError when the state is not one, or belongs to other text, another split, tokenizer or setting
   */
  restore(state: unknown): void {
    const parsed = stateSchema.safeParse(state)
    if (!parsed.success)
      throw usageError('data cursor', 'the state of a mixture', 'something else', 'Use an older checkpoint.', parsed.error)
    const { fingerprint, domainDraws, cursors } = parsed.data
    if (fingerprint !== this.#fingerprint) {
      throw usageError(
        'data cursor',
        'the same text, split, tokenizer and mixture settings',
        'others',
        'Resume with the data of the run, or start a new one.',
      )
    }
    rejectViolations(
      'data cursor',
      this.domainNames.flatMap((name, domain) => {
        const cursor = cursors[name]
        return cursor && this.#streams[domain].isCursor(cursor) ? [] : [`the position in ${name} does not exist`]
      }),
      'Use an older checkpoint.',
    )
    for (const [domain, name] of this.domainNames.entries()) this.#cursors[domain] = cursors[name]!
    this.#domainDraws.seek(domainDraws)
  }
}
