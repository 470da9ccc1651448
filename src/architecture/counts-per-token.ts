/**
 * What one token costs: bytes in the cache, FLOPs in training and in generation; and the summary behind `strata inspect`.
 *
 * A multiplication and an addition are two FLOPs. Norms, softmax and routing are not counted, as is usual.
 * Sources: DeepSeek-V2 report, section 2.1 and table 1 (cache); "Insights into DeepSeek-V3" (ISCA 2025), tables 1 and 2.
 */
import type { ModelConfig } from './config.ts'
import { type ActivatedCounts, type ComponentCounts, countParameters, type MtpCounts } from './counts.ts'

/** How the latent cache is stored: 4 or 2 bytes a number, or E4M3 latents with a scale per 128 beside a BF16 rope key. */
export type CacheFormat = 'f32' | 'bf16' | 'fp8'

/**
 * Numbers that MLA keeps of one token: the latent and the shared rope key in every layer, (C + R) * L.
 *
 * @param config sizes; the MTP modules' own caches are not included
 */
export function latentCacheElementsPerToken(config: ModelConfig): number {
  return (config.keyValueRank + config.ropeWidth) * config.layerCount
}

/**
 * Bytes that MLA keeps of one token.
 *
 * @param config sizes
 * @param format `fp8` is FlashMLA's layout: C bytes, one f32 scale per 128 of them, R rope numbers in BF16
 */
export function latentCacheBytesPerToken(config: ModelConfig, format: CacheFormat = 'bf16'): number {
  const { keyValueRank: C, ropeWidth: R, layerCount: L } = config
  if (format === 'fp8') return (C + 4 * Math.ceil(C / 128) + 2 * R) * L
  return latentCacheElementsPerToken(config) * (format === 'f32' ? 4 : 2)
}

/** A cache of keys and values, as attention without latents keeps it. */
export interface HeadCache {
  /** Heads whose keys and values are kept: all of them (MHA), one a group (GQA), one (MQA). */
  readonly keyValueHeadCount: number
  readonly keyWidth: number
  readonly valueWidth: number
  readonly layerCount: number
}

/** Numbers that attention without latents keeps of one token. */
export function headCacheElementsPerToken({ keyValueHeadCount, keyWidth, valueWidth, layerCount }: HeadCache): number {
  return keyValueHeadCount * (keyWidth + valueWidth) * layerCount
}

/** What the cache would hold with the same heads but without latents: keys of width N, values of width W, in numbers a token. */
export interface CacheEquivalents {
  readonly mla: number
  readonly mha: number
  /** With 8 key-value heads, or as many as there are. */
  readonly gqa: number
  readonly mqa: number
  /** Key-value heads at which GQA would keep as much as MLA does. */
  readonly mlaAsGroups: number
}

/**
 * MLA's cache beside the usual ones, in numbers a token.
 *
 * @param config sizes
 */
export function cacheEquivalents(config: ModelConfig): CacheEquivalents {
  const { headCount, nopeWidth: keyWidth, valueWidth, layerCount } = config
  const withHeads = (keyValueHeadCount: number) => headCacheElementsPerToken({ keyValueHeadCount, keyWidth, valueWidth, layerCount })
  const mla = latentCacheElementsPerToken(config)
  const mqa = withHeads(1)
  return { mla, mha: withHeads(headCount), gqa: withHeads(Math.min(8, headCount)), mqa, mlaAsGroups: mla / mqa }
}

/** Whether a position is counted with the keys before it only, or with the whole square of scores. */
export type AttentionCount = 'causal' | 'full'

/** FLOPs of scores and weighted values for one query position, averaged over a row of `length` tokens. */
function attentionFlops(config: ModelConfig, layerCount: number, length: number, count: AttentionCount): number {
  const { headCount, nopeWidth, ropeWidth, valueWidth } = config
  const keys = count === 'causal' ? length / 2 : length
  return 2 * headCount * (nopeWidth + ropeWidth + valueWidth) * keys * layerCount
}

/** FLOPs a token, main model and MTP modules apart. */
export interface TokenFlops {
  readonly weights: number
  readonly attention: number
  /** The main model: weights and attention. */
  readonly total: number
  /** The MTP modules, with their passes through the shared head. */
  readonly mtp: number
  readonly totalWithMtp: number
}

function tokenFlops(config: ModelConfig, length: number, count: AttentionCount, passes: number): TokenFlops {
  const parameters = countParameters(config)
  const weights = passes * 2 * parameters.activated
  const attention = passes * attentionFlops(config, config.layerCount, length, count)
  const mtp = passes * (2 * parameters.mtp.activated.withHead + attentionFlops(config, config.mtpDepth, length, count))
  return { weights, attention, total: weights + attention, mtp, totalWithMtp: weights + attention + mtp }
}

/**
 * FLOPs of one training token: 6 x activated weights (forward, and backward for inputs and for weights), and attention.
 *
 *   6 * activated + 3 * 2 * H * (N + R + W) * keys * L,  keys = T / 2 (causal) or T (full)
 *
 * Recomputation is not counted: it is work that the model does not ask for.
 *
 * @param config sizes
 * @param length T, tokens in a row
 * @param count  `causal` for what is needed, `full` for what a kernel without a causal mask would do
 */
export function trainingFlopsPerToken(config: ModelConfig, length: number, count: AttentionCount = 'causal'): TokenFlops {
  return tokenFlops(config, length, count, 3)
}

/**
 * FLOPs of one prompt token: 2 x activated weights and attention over the prompt. The head is counted at every position,
 * though only the last one needs it.
 *
 * @param config sizes
 * @param length T, tokens in the prompt
 * @param count  as in training
 */
export function prefillFlopsPerToken(config: ModelConfig, length: number, count: AttentionCount = 'causal'): TokenFlops {
  return tokenFlops(config, length, count, 1)
}

/**
 * FLOPs of one generated token with absorbed MLA: scores against the latent and the rope key, values from the latent.
 *
 *   2 * activated + 2 * H * (C + R + C) * S * L
 *
 * Absorbing costs as many multiplications as the up-projection of one token, so the weights' part does not change.
 *
 * @param config        sizes
 * @param contextLength S, tokens in the cache
 */
export function decodeFlopsPerToken(config: ModelConfig, contextLength: number): number {
  const { headCount, keyValueRank, ropeWidth, layerCount } = config
  return 2 * countParameters(config).activated + 2 * headCount * (2 * keyValueRank + ropeWidth) * contextLength * layerCount
}

/** The length that the model was trained at before any extension, in tokens. */
export function trainedLength(config: ModelConfig): number {
  return config.yarn?.originalLength ?? config.maxLength
}

/** A model in numbers; the JSON of `strata inspect`. */
export interface ModelDescription {
  readonly parameters: {
    /** Without the MTP modules. */
    readonly total: number
    /** With the head, without the input embedding. */
    readonly activated: number
    readonly activatedBy: ActivatedCounts
    /** Adds up to `total`. */
    readonly byComponent: ComponentCounts
    readonly mtp: MtpCounts
  }
  /** BF16. */
  readonly kvCacheBytesPerToken: number
  readonly kvCacheElementsPerToken: CacheEquivalents
  /** At `length` tokens a row, main model. */
  readonly trainingFlopsPerToken: {
    readonly length: number
    readonly causal: number
    readonly full: number
    readonly causalWithMtp: number
  }
}

/**
 * Everything that follows from the sizes alone.
 *
 * @param config sizes
 * @param length tokens in a training row; the trained length unless given
 */
export function describeModel(config: ModelConfig, length = trainedLength(config)): ModelDescription {
  const { total, activated, activatedBy, byComponent, mtp } = countParameters(config)
  const causal = trainingFlopsPerToken(config, length, 'causal')
  return {
    parameters: { total, activated, activatedBy, byComponent, mtp },
    kvCacheBytesPerToken: latentCacheBytesPerToken(config),
    kvCacheElementsPerToken: cacheEquivalents(config),
    trainingFlopsPerToken: {
      length,
      causal: causal.total,
      full: trainingFlopsPerToken(config, length, 'full').total,
      causalWithMtp: causal.totalWithMtp,
    },
  }
}
