/**
 * What a step of inference must at least do: FLOPs and bytes for a token, counted from the sizes.
 *
 * Weights are read once for all rows of a step. Of the experts, those that some row chose: with choices as if each row took
 * its experts independently, E (1 - (1 - A / E)^rows) of them in a layer.
 */
import { countParameters, decodeFlopsPerToken, type ModelConfig, prefillFlopsPerToken } from '../architecture/index.ts'
import { latentCacheBytesPerToken } from './latent-cache.ts'

/** Work for one token. */
export interface TokenWork {
  readonly flops: number
  readonly weightBytes: number
  readonly cacheBytes: number
}

/** Numbers that a step of some rows reads of the weights, in f32. */
function weightBytesOfStep(config: ModelConfig, rows: number): number {
  const { activatedByComponent, byComponent } = countParameters(config)
  const { expertCount, activeExpertCount } = config
  const touchedShare = 1 - (1 - activeExpertCount / expertCount) ** rows
  const others = Object.entries(activatedByComponent).reduce((sum, [name, count]) => (name === 'routedExperts' ? sum : sum + count), 0)
  return 4 * (others + touchedShare * byComponent.routedExperts)
}

/**
 * Decoding.
 *
 * @param contextLength tokens in the cache before the decoded one
 * @param rows          sequences in a step
 */
export function decodeWork(config: ModelConfig, contextLength: number, rows: number): TokenWork {
  return {
    flops: decodeFlopsPerToken(config, contextLength + 1),
    weightBytes: weightBytesOfStep(config, rows) / rows,
    cacheBytes: (contextLength + 1) * latentCacheBytesPerToken(config),
  }
}

/** Prefill of one prompt in one pass: the head runs at the last token only; the cache is written. @param length tokens of the prompt */
export function prefillWork(config: ModelConfig, length: number): TokenWork {
  const head = 2 * config.vocabSize * config.width
  return {
    flops: prefillFlopsPerToken({ ...config, mtpDepth: 0 }, length).total - head + head / length,
    weightBytes: weightBytesOfStep(config, length) / length,
    cacheBytes: latentCacheBytesPerToken(config),
  }
}
