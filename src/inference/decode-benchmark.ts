/** How fast one sequence is decoded, beside the bytes that it reads: decoding is a stream of weights through memory. */
import { invariant } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { countParameters, createModel, logits, type ModelConfig } from '../architecture/index.ts'
import type { Machine } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { Decoder } from './decode.ts'
import { LatentCache } from './latent-cache.ts'
import { prefill } from './prefill.ts'

/** A model with random weights and a sequence of some length, ready to decode its next token again and again. */
export interface DecodeBench {
  /** Decodes one token at the end of the context. */
  readonly run: () => void
  /** Largest difference from the full forward pass's logits, as a share of the largest of them. */
  readonly error: () => number
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
const mostVerifiedTokens = 512

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
  const model = createModel(machine, { ...config, mtpDepth: 0 }, { withGradients: false, length })
  initialize(model.parameters.set, config.initStd, rng)
  const ids = Int32Array.from({ length }, () => rng.below(config.vocabSize))
  const cache = new LatentCache(model, length)
  const decoder = new Decoder(model)
  prefill(cache, ids.subarray(0, contextTokens))
  const decodeLast = () => {
    cache.truncate(contextTokens)
    return decoder.decode([{ id: ids[contextTokens], cache }])
  }
  const weightBytesPerToken = 4 * countParameters(config).activated
  const cacheBytesPerToken = length * cache.bytesPerToken
  return {
    run: () => void decodeLast(),
    error: () => {
      using _scope = machine.scope()
      const { vocabSize: V } = config
      const full = logits(model, { rows: 1, length, rowTokens: length, tokens_BS: ids })
        .toArray()
        .subarray(contextTokens * V)
      const decoded = decodeLast().toArray()
      const largest = full.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      return full.reduce((most, x, v) => Math.max(most, Math.abs(x - decoded[v])), 0) / largest
    },
    bytesPerToken: weightBytesPerToken + cacheBytesPerToken,
    weightBytesPerToken,
    cacheBytesPerToken,
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
