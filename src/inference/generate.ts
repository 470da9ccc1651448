/**
 * Generation of one text: the prompt at once, then token by token, each handed out as soon as it is there.
 *
 * Text comes in whole characters: bytes of an unfinished one wait for the next token, and so does what may be the beginning of a
 * stop string.
 */
import { usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import { Decoder } from './decode.ts'
import { checkGenerationOptions, type GenerationOptions } from './generation-options.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'
import { sample } from './sampling.ts'
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
  /** Tokens drawn, the end of text included. */
  readonly tokens: number
  readonly prefillSeconds: number
  /** Tokens that went through the decoder: all drawn ones but the last. */
  readonly decodedTokens: number
  /** Time of decoding and drawing, without the reader's. */
  readonly decodeSeconds: number
  /** Room of the latent cache, in bytes, and what one token takes of it. */
  readonly cacheBytes: number
  readonly cacheBytesPerToken: number
}

/** A model ready to generate. Its memory is of the heap's innermost scope: make it outside the scopes of steps. */
export class Engine {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly decoder: Decoder
  /** Ids that may be drawn: those that the tokenizer knows and the embedding has. */
  readonly idCount: number

  /** @param maxRows tokens that a step of decoding takes, at most; `generate` needs one */
  constructor(model: Model, tokenizer: Tokenizer, maxRows = 1) {
    this.model = model
    this.tokenizer = tokenizer
    this.decoder = new Decoder(model, maxRows)
    this.idCount = Math.min(model.config.vocabSize, tokenizer.vocabSize)
  }

  /** Returns its memory, not the model's. */
  free(): void {
    this.decoder.free()
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

/**
 * Generates a text.
 *
 *   for (const { text } of generate(engine, engine.tokenizer.encode('Once'), { maxTokens: 50 })) show(text)
 *
 * @param promptIds one or more ids of the tokenizer
 * @param given     options; `defaultGenerationOptions` for what is left out
 * @returns pieces as they come; the generator's return value is the summary
 * @throws UsageError for options out of range, ids that do not exist, a prompt beyond the context, logits that are not finite
 */
export function generate(
  engine: Engine,
  promptIds: ArrayLike<number>,
  given: Partial<GenerationOptions> = {},
): Generator<GeneratedPiece, GenerationSummary, void> {
  const options = checkGenerationOptions(given)
  const maxLength = Math.min(engine.model.config.maxLength, engine.model.cosine_TP.shape[0])
  checkPrompt(engine, promptIds, maxLength)
  return pieces(engine, promptIds, options, maxLength)
}

function* pieces(
  engine: Engine,
  promptIds: ArrayLike<number>,
  options: GenerationOptions,
  maxLength: number,
): Generator<GeneratedPiece, GenerationSummary, void> {
  const { model, tokenizer, decoder, idCount } = engine
  const { maxTokens, seed, stop } = options
  const rng = Random.seeded(seed).fork('generate')
  const cache = new LatentCache(model, Math.min(maxLength, promptIds.length + maxTokens))
  const characters = tokenizer.decoder()
  const filter = new StopFilter(stop)
  let decodeSeconds = 0
  try {
    const start = performance.now()
    let logits: Float32Array = prefill(cache, promptIds)
    const prefillSeconds = (performance.now() - start) / 1000
    for (let tokens = 1; ; tokens++) {
      const from = performance.now()
      const id = sample(logits, idCount, options, rng)
      decodeSeconds += (performance.now() - from) / 1000
      const passed = id === tokenizer.eosId ? { text: '', isStopped: false } : filter.push(characters.push(id))
      const finishReason = reasonToEnd(passed.isStopped, id === tokenizer.eosId, tokens >= maxTokens, cache.length >= maxLength)
      if (finishReason === undefined) {
        yield { id, text: passed.text }
        const again = performance.now()
        logits = decoder.decode([{ id, cache }]).data as Float32Array
        decodeSeconds += (performance.now() - again) / 1000
        continue
      }
      yield { id, text: passed.text + (passed.isStopped ? '' : endOfText(filter, characters.end())) }
      return {
        finishReason,
        promptTokens: promptIds.length,
        tokens,
        prefillSeconds,
        decodedTokens: tokens - 1,
        decodeSeconds,
        cacheBytes: cache.bytes,
        cacheBytesPerToken: cache.bytesPerToken,
      }
    }
  } finally {
    cache.free()
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
