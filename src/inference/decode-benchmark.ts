/**
 * How fast one sequence is prefilled and decoded, beside the bytes that it reads: decoding is a stream of weights through
 * memory, prefill reads them once for all its tokens.
 */
import { invariant } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { createModel, logits, type ModelConfig } from '../architecture/index.ts'
import type { Machine } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { Decoder } from './decode.ts'
import { decodeWork } from './decode-work.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'

/** A model with random weights and a sequence of some length, ready to decode its next token again and again. */
export interface DecodeBench {
  /** Decodes one token at the end of the context. */
  readonly run: () => void
  /** Largest difference from the full forward pass's logits, as a share of the largest of them. */
  readonly error: () => number
  /** Runs the whole context again as a prompt, into a cache of its own. */
  readonly prefill: () => void
  /** As `error`, of the logits behind the prompt. */
  readonly prefillError: () => number
  /** What one token reads: each activated weight and the head once, and the cache of the context; in bytes. */
  readonly bytesPerToken: number
  readonly weightBytesPerToken: number
  readonly cacheBytesPerToken: number
}

/** What one measurement found. Rates are 10^9 bytes a second. */
export interface DecodeSpeed {
  readonly tokensPerSecond: number
  /** Weights and cache. */
  readonly bytesPerToken: number
  readonly gbs: number
  readonly error: number
}

/** Tokens of the verification: beyond this the full pass takes longer than it is worth. */
export const mostVerifiedTokens = 4096

/**
 * Lays out a model on `machine`, in its innermost scope, and fills a cache.
 *
 * @param contextTokens tokens that stand before the decoded one
 */
export function createDecodeBench(machine: Machine, config: ModelConfig, contextTokens: number): DecodeBench {
  invariant(
    contextTokens >= 1 && contextTokens <= mostVerifiedTokens,
    `decode bench: expected 1 to ${mostVerifiedTokens} tokens of context`,
  )
  const rng = Random.seeded(0).fork('bench/generate')
  const length = contextTokens + 1
  const sizes = { ...config, mtpDepth: 0, maxLength: Math.max(config.maxLength, length) }
  const model = createModel(machine, sizes, { withGradients: false, length })
  initialize(model.parameters.set, config.initStd, rng)
  const ids = Int32Array.from({ length }, () => rng.below(config.vocabSize))
  const cache = new LatentCache(model, length)
  const promptCache = new LatentCache(model, length)
  const decoder = new Decoder(model)
  prefill(cache, ids.subarray(0, contextTokens), decoder.weights)
  const decodeLast = () => {
    cache.truncate(contextTokens)
    return decoder.decode([{ id: ids[contextTokens], cache }])
  }
  const prefillAll = () => {
    promptCache.truncate(0)
    return prefill(promptCache, ids.subarray(0, contextTokens), decoder.weights)
  }
  /** Largest difference of a row from that of the full pass at the same place. */
  const distance = (place: number, row: Float32Array) => {
    using _scope = machine.scope()
    const { vocabSize: V } = config
    const batch = { rows: 1, length, rowTokens: length, tokens_BS: ids }
    const full = logits(model, batch)
      .toArray()
      .subarray(place * V, (place + 1) * V)
    const largest = full.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    return full.reduce((most, x, v) => Math.max(most, Math.abs(x - row[v])), 0) / largest
  }
  const { weightBytes, cacheBytes } = decodeWork(config, contextTokens, 1)
  return {
    run: () => void decodeLast(),
    error: () => distance(contextTokens, decodeLast().toArray()),
    prefill: () => void prefillAll(),
    prefillError: () => distance(contextTokens - 1, prefillAll()),
    bytesPerToken: weightBytes + cacheBytes,
    weightBytesPerToken: weightBytes,
    cacheBytesPerToken: cacheBytes,
  }
}

/**
 * Decodes for a while and takes the median token.
 *
 * @param seconds how long, about
 */
export function decodeBenchmark(machine: Machine, config: ModelConfig, contextTokens: number, seconds = 1): DecodeSpeed {
  using _scope = machine.scope()
  const bench = createDecodeBench(machine, config, contextTokens)
  const error = bench.error()
  const times: number[] = []
  const end = performance.now() + 1000 * seconds
  do {
    const start = performance.now()
    bench.run()
    times.push(performance.now() - start)
  } while (performance.now() < end)
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] / 1000
  const { bytesPerToken } = bench
  return { tokensPerSecond: 1 / median, bytesPerToken, gbs: bytesPerToken / median / 1e9, error }
}
