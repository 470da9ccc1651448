/**
 * Many texts at once, for reinforcement and for scoring: rows of a step are of different sequences, and a sequence that ends
 * makes room for the next one that waits.
 *
 * A prompt is run once for all its samples and its cache copied. What a sequence becomes depends on its prompt, its seed and
 * the weights, bit for bit: not on who else is in the batch, nor on how many rows or threads there are.
 */
import { rejectViolations } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Decoder } from './decode.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'
import { type Drawn, RowSampler } from './row-sampler.ts'

/** What rollouts run on: an `Engine` is one. */
export interface RolloutEngine {
  readonly decoder: Decoder
  /** Ids that may be drawn. */
  readonly idCount: number
}

export interface RolloutOptions {
  /** Texts for each prompt. */
  readonly samplesPerPrompt: number
  /** Tokens of a text, at most. */
  readonly maxTokens: number
  /** Divides the logits; 0 takes the likeliest token. */
  readonly temperature: number
  /** Ids that end a text; the one that came is its last token. */
  readonly stopIds: readonly number[]
  /** Seed of a text's random stream. @param index of the text: prompt times `samplesPerPrompt` plus sample */
  readonly seedOf: (index: number) => number
}

/** One text. */
export interface Rollout {
  readonly promptIndex: number
  /** The tokens that were drawn, the one that ended the text included. */
  readonly ids: Int32Array
  /** ln p of each by the model's own distribution: temperature 1, the whole vocabulary. */
  readonly logProbabilities: Float32Array
  readonly finishReason: 'stop' | 'length' | 'context'
}

/** A text in the making, in one of the decoder's rows. */
interface Running {
  readonly index: number
  readonly cache: LatentCache
  readonly rng: Random
  readonly drawn: Drawn[]
}

function check(engine: RolloutEngine, prompts: readonly ArrayLike<number>[], options: RolloutOptions, maxLength: number): void {
  const { samplesPerPrompt, maxTokens, temperature } = options
  const violations: string[] = []
  const whole = (name: string, value: number) => {
    if (!Number.isSafeInteger(value) || value < 1) violations.push(`${name}: expected a whole number from 1, got ${value}`)
  }
  whole('samplesPerPrompt', samplesPerPrompt)
  whole('maxTokens', maxTokens)
  if (!(temperature >= 0 && temperature <= 100)) violations.push(`temperature: expected a number from 0 to 100, got ${temperature}`)
  for (const [at, prompt] of prompts.entries()) {
    if (prompt.length < 1 || prompt.length > maxLength)
      violations.push(`prompt ${at}: expected 1 to ${maxLength} tokens, the model's longest context, got ${prompt.length}`)
    const wrong = Array.from(prompt).find((id) => !Number.isInteger(id) || id < 0 || id >= engine.idCount)
    if (wrong !== undefined) violations.push(`prompt ${at}: expected token ids from 0 to ${engine.idCount - 1}, got ${wrong}`)
  }
  rejectViolations('rollout', violations)
}

/**
 * Generates texts, as many rows of the decoder at a time as it has.
 *
 * @param prompts one or more tokens each
 * @returns `samplesPerPrompt` texts for each prompt, in the order of the prompts
 * @throws UsageError for prompts that are empty, too long or of unknown ids, options out of range, logits that are not finite
 */
export function rollout(engine: RolloutEngine, prompts: readonly ArrayLike<number>[], options: RolloutOptions): Rollout[] {
  const { decoder } = engine
  const { model, maxRows } = decoder
  const { machine } = model
  const { samplesPerPrompt, maxTokens } = options
  const maxLength = Math.min(model.config.maxLength, model.cosine_TP.shape[0])
  check(engine, prompts, options, maxLength)
  const count = prompts.length * samplesPerPrompt
  if (count === 0) return []
  using _scope = machine.scope()
  const capacity = Math.min(maxLength, prompts.reduce((most, { length }) => Math.max(most, length), 0) + maxTokens)
  const free = Array.from({ length: Math.min(maxRows, count) }, () => new LatentCache(model, capacity))
  const sampler = new RowSampler(machine, maxRows, model.config.vocabSize)
  const groups = new PromptGroups(decoder, prompts, new LatentCache(model, capacity))
  const finished: Rollout[] = Array.from({ length: count })
  const running: Running[] = []
  let waiting = 0
  const isGoingOn = ({ index, cache, drawn }: Running): boolean => {
    const isStopped = options.stopIds.includes(drawn.at(-1)!.id)
    if (!isStopped && drawn.length < maxTokens && cache.length < maxLength) return true
    finished[index] = {
      promptIndex: Math.floor(index / samplesPerPrompt),
      ids: Int32Array.from(drawn, ({ id }) => id),
      logProbabilities: Float32Array.from(drawn, ({ logProbability }) => logProbability),
      finishReason: isStopped ? 'stop' : drawn.length >= maxTokens ? 'length' : 'context',
    }
    free.push(cache)
    return false
  }
  for (;;) {
    while (waiting < count && free.length > 0) {
      const text = { index: waiting, cache: free.pop()!, rng: Random.seeded(options.seedOf(waiting)).fork('rollout'), drawn: [] as Drawn[] }
      const logits = groups.begin(Math.floor(waiting++ / samplesPerPrompt), text.cache)
      using _row = machine.scope()
      text.drawn.push(...sampler.draw(machine.tensorOf(logits, [1, logits.length]), engine.idCount, options.temperature, [text.rng]))
      if (isGoingOn(text)) running.push(text)
    }
    if (running.length === 0) return finished
    const logits_MV = decoder.decode(running.map(({ cache, drawn }) => ({ id: drawn.at(-1)!.id, cache })))
    const streams = running.map(({ rng }) => rng)
    const drawn = sampler.draw(logits_MV, engine.idCount, options.temperature, streams)
    for (const [row, text] of running.entries()) text.drawn.push(drawn[row])
    const goingOn = running.filter(isGoingOn)
    running.splice(0, running.length, ...goingOn)
  }
}

/** Runs each prompt once, when its first text begins; texts begin in the order of their prompts. */
class PromptGroups {
  readonly #decoder: Decoder
  readonly #prompts: readonly ArrayLike<number>[]
  readonly #cache: LatentCache
  #current = -1
  #logits = new Float32Array()

  constructor(decoder: Decoder, prompts: readonly ArrayLike<number>[], cache: LatentCache) {
    this.#decoder = decoder
    this.#prompts = prompts
    this.#cache = cache
  }

  /** Fills a text's cache with its prompt. → the logits behind it */
  begin(promptIndex: number, cache: LatentCache): Float32Array {
    if (promptIndex !== this.#current) {
      this.#cache.truncate(0)
      this.#logits = new Float32Array(prefill(this.#cache, this.#prompts[promptIndex], this.#decoder.weights))
      this.#current = promptIndex
    }
    cache.copyFrom(this.#cache)
    return this.#logits
  }
}
