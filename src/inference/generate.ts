/**
 * Generation of one text: the prompt at once, then token by token (or, with drafts, a few at a time), each handed out as
 * soon as it is there.
 *
 * Text comes in whole characters: bytes of an unfinished one wait for the next token, and so does what may be the beginning of a
 * stop string.
 */
import { usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import { Decoder, defaultMaxRows } from './decode.ts'
import { Drafter } from './drafter.ts'
import { checkGenerationOptions, type GenerationOptions } from './generation-options.ts'
import { sample } from './sampling.ts'
import { Sequence } from './sequence.ts'
import { speculativeStep } from './speculation.ts'
import { StopFilter } from './stop-strings.ts'

/** A stop string came, the model ended the text, so many tokens were asked for, or the model's context is full. */
export type FinishReason = 'stop' | 'eos' | 'length' | 'context'

/** A token, and the text that it lets out: perhaps none, perhaps some that earlier tokens left waiting. */
export interface GeneratedPiece {
  readonly id: number
  readonly text: string
}

/** What a finished generation says about itself. */
export interface GenerationSummary {
  readonly finishReason: FinishReason
  readonly promptTokens: number
  /** Of them, those that were computed: all but what the sequence had cached. */
  readonly prefilledTokens: number
  /** Tokens drawn, the end of text included. */
  readonly tokens: number
  readonly prefillSeconds: number
  /** Tokens that went through the decoder: all drawn ones but the last. */
  readonly decodedTokens: number
  /** Time of decoding and drawing, without the reader's. */
  readonly decodeSeconds: number
  /** Steps of the trunk behind the prompt; without drafts as many as decoded tokens. */
  readonly steps: number
  /** Tokens that the module drafted, and those of them that were kept. */
  readonly draftedTokens: number
  readonly acceptedTokens: number
  /** Room of the latent cache, in bytes, and what one token takes of it. */
  readonly cacheBytes: number
  readonly cacheBytesPerToken: number
}

/** A model ready to generate. Its memory is of the heap's innermost scope: make it outside the scopes of steps. */
export class Engine {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly decoder: Decoder
  /** Drafts tokens; absent for models without a module of multi-token prediction. */
  readonly drafter: Drafter | undefined
  /** Ids that may be drawn: those that the tokenizer knows and the embedding has. */
  readonly idCount: number

  /** @param maxRows tokens that a step of decoding takes, at most */
  constructor(model: Model, tokenizer: Tokenizer, maxRows = defaultMaxRows) {
    this.model = model
    this.tokenizer = tokenizer
    this.decoder = new Decoder(model, maxRows)
    this.drafter = model.parameters.mtp.length > 0 ? new Drafter(model, this.decoder.weights, maxRows) : undefined
    this.idCount = Math.min(model.config.vocabSize, tokenizer.vocabSize)
  }

  /** Returns its memory, not the model's. */
  free(): void {
    this.decoder.free()
    this.drafter?.free()
  }
}

function checkPrompt({ idCount }: Engine, ids: ArrayLike<number>, maxLength: number): void {
  if (ids.length === 0) throw usageError('prompt', 'at least one token', 'none', 'Begin with a word, or with the end-of-text token.')
  if (ids.length > maxLength) {
    throw usageError('prompt', `at most ${maxLength} tokens, the model's longest context`, `${ids.length}`, 'Shorten it.')
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]
    if (!Number.isInteger(id) || id < 0 || id >= idCount)
      throw usageError('prompt', `token ids from 0 to ${idCount - 1}`, `${id} at place ${i}`)
  }
}

function checkSpeculation({ drafter, decoder }: Engine, { speculate }: GenerationOptions): void {
  if (speculate === 0) return
  if (!drafter) {
    const hint = 'Only a model trained with multi-token prediction can draft for itself.'
    throw usageError('speculate', '0 for a model without a module of multi-token prediction', `${speculate}`, hint)
  }
  if (speculate + 1 > decoder.maxRows)
    throw usageError('speculate', `at most ${decoder.maxRows - 1} for an engine of ${decoder.maxRows} rows`, `${speculate}`)
}

/**
 * Generates a text.
 *
 *   for (const { text } of generate(engine, engine.tokenizer.encode('Once'), { maxTokens: 50 })) show(text)
 *
 * @param promptIds one or more ids of the tokenizer
 * @param given     options; `defaultGenerationOptions` for what is left out
 * @param sequence  what to remember the text in: a later prompt that begins like it continues from there. The caller's to free
 * @returns pieces as they come; the generator's return value is the summary
 * @throws UsageError for options out of range, ids that do not exist, a prompt beyond the context, logits that are not
 *   finite, drafts that the model has no module for
 */
export function generate(
  engine: Engine,
  promptIds: ArrayLike<number>,
  given: Partial<GenerationOptions> = {},
  sequence?: Sequence,
): Generator<GeneratedPiece, GenerationSummary, void> {
  const options = checkGenerationOptions(given)
  const maxLength = Math.min(engine.model.config.maxLength, engine.model.cosine_TP.shape[0])
  checkPrompt(engine, promptIds, maxLength)
  checkSpeculation(engine, options)
  return pieces(engine, promptIds, options, maxLength, sequence)
}

function* pieces(
  engine: Engine,
  promptIds: ArrayLike<number>,
  options: GenerationOptions,
  maxLength: number,
  given: Sequence | undefined,
): Generator<GeneratedPiece, GenerationSummary, void> {
  const { model, tokenizer, idCount } = engine
  const { maxTokens, stop } = options
  const sequence = given ?? new Sequence(model, Math.min(maxLength, promptIds.length + maxTokens))
  const characters = tokenizer.decoder()
  const filter = new StopFilter(stop)
  try {
    const source = new TokenSource(engine, sequence, options, maxLength)
    const start = performance.now()
    const { logits, computed } = sequence.begin(engine.decoder, promptIds, options.speculate > 0)
    const prefillSeconds = (performance.now() - start) / 1000
    let drawn: readonly number[] = source.first(logits, idCount)
    for (let tokens = 1; ;) {
      for (const id of drawn) {
        const isEos = id === tokenizer.eosId
        const passed = isEos ? { text: '', isStopped: false } : filter.push(characters.push(id))
        const isFull = promptIds.length + tokens > maxLength
        const finishReason = reasonToEnd(passed.isStopped, isEos, tokens >= maxTokens, isFull)
        if (finishReason === undefined) {
          yield { id, text: passed.text }
          tokens++
          continue
        }
        yield { id, text: passed.text + (passed.isStopped ? '' : endOfText(filter, characters.end())) }
        return {
          finishReason,
          promptTokens: promptIds.length,
          prefilledTokens: computed,
          tokens,
          prefillSeconds,
          decodedTokens: tokens - 1,
          ...source.counts,
          cacheBytes: sequence.cache.bytes,
          cacheBytesPerToken: sequence.cache.bytesPerToken,
        }
      }
      drawn = source.next(drawn.at(-1)!, maxTokens - tokens)
    }
  } finally {
    if (!given) sequence.free()
  }
}

/** Draws tokens, a few at a time with drafts, and counts what that took. */
class TokenSource {
  readonly #engine: Engine
  readonly #sequence: Sequence
  readonly #options: GenerationOptions
  readonly #maxLength: number
  readonly #rng: Random
  readonly #counts = { decodeSeconds: 0, steps: 0, draftedTokens: 0, acceptedTokens: 0 }

  constructor(engine: Engine, sequence: Sequence, options: GenerationOptions, maxLength: number) {
    this.#engine = engine
    this.#sequence = sequence
    this.#options = options
    this.#maxLength = maxLength
    this.#rng = Random.seeded(options.seed).fork('generate')
  }

  /** What it took so far. */
  get counts() {
    return { ...this.#counts }
  }

  /** The first token, from the prompt's logits. */
  first(logits: Float32Array, idCount: number): number[] {
    return this.#timed(() => [sample(logits, idCount, this.#options, this.#rng)])
  }

  /** The tokens behind `id`, which is drawn but not decoded. @param left tokens that are still wanted behind the next one */
  next(id: number, left: number): readonly number[] {
    return this.#timed(() => {
      const { decoder, drafter, idCount } = this.#engine
      const { cache } = this.#sequence
      this.#counts.steps++
      const count = Math.min(this.#options.speculate, left, this.#maxLength - cache.length - 1)
      if (count <= 0 || !drafter) {
        const logits = decoder.decode([{ id, cache }]).data as Float32Array
        this.#sequence.append([id], this.#options.speculate > 0 ? decoder.hidden(1) : undefined)
        return [sample(logits, idCount, this.#options, this.#rng)]
      }
      const tools = { decoder, drafter, idCount, options: this.#options, rng: this.#rng }
      const { ids, drafted, accepted } = speculativeStep(tools, this.#sequence, id, count)
      this.#counts.draftedTokens += drafted
      this.#counts.acceptedTokens += accepted
      return ids
    })
  }

  #timed<T>(work: () => T): T {
    const start = performance.now()
    const result = work()
    this.#counts.decodeSeconds += (performance.now() - start) / 1000
    return result
  }
}

function reasonToEnd(isStopped: boolean, isEos: boolean, isLongEnough: boolean, isFull: boolean): FinishReason | undefined {
  if (isStopped) return 'stop'
  if (isEos) return 'eos'
  if (isLongEnough) return 'length'
  return isFull ? 'context' : undefined
}

/** What still waited: an unfinished character's mark, and what did not become a stop string. */
function endOfText(filter: StopFilter, unfinished: string): string {
  const { text, isStopped } = filter.push(unfinished)
  return isStopped ? text : text + filter.end()
}
