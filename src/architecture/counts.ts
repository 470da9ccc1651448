/**
 * What a configuration costs before anything is allocated: parameters, cache bytes, FLOPs.
 *
 * "Activated" counts the weights that one token is multiplied with: attention, norms, the dense FFNs, the router with its
 * bias, the shared experts and the active routed ones, and the output head; not the input embedding, which is a look-up.
 * This way of counting matches the published 21B (V2), 2.4B (V2-Lite) and 36.6B (V3). The MTP modules are counted apart:
 * the main model runs without them. Sources: DeepSeek-V2 report, section 2.1 and appendix; DeepSeek-V3 report, section 2.1;
 * FLOPs as in "Insights into DeepSeek-V3" (ISCA 2025), table 2.
 */
import type { ModelConfig } from './config.ts'

/** Weights by component; the main model without MTP. */
export interface ComponentCounts {
  /** The input embedding, V * D. */
  readonly embedding: number
  /** The output head, V * D; never tied to the embedding. */
  readonly head: number
  /** All projections of MLA, without the latents' norms. */
  readonly attention: number
  readonly denseFfn: number
  readonly routedExperts: number
  readonly sharedExperts: number
  /** Gate weights and, for the sigmoid gate, the selection biases. */
  readonly router: number
  /** Every RMSNorm's gain, those on the latents included. */
  readonly norms: number
}

/** Three ways in use of counting what a token activates. */
export interface ActivatedCounts {
  readonly withoutEmbeddings: number
  /** The house's count: the head, not the input embedding. */
  readonly withHead: number
  readonly withEmbeddingAndHead: number
}

/** The MTP modules together; zero everywhere when there are none. */
export interface MtpCounts {
  /** Weights of the modules' own: the embedding and the head are the main model's. */
  readonly unique: number
  /** As stored in a released checkpoint, where each module carries a copy of both. */
  readonly withDuplicates: number
  readonly activated: ActivatedCounts
}

export interface ParameterCounts {
  /** The main model, without MTP. */
  readonly total: number
  readonly totalWithoutEmbeddings: number
  /** With the head, without the input embedding. */
  readonly activated: number
  readonly activatedBy: ActivatedCounts
  readonly byComponent: ComponentCounts
  /** The same components, only what one token visits. */
  readonly activatedByComponent: ComponentCounts
  readonly mtp: MtpCounts
}

/** Projections of one MLA layer, without norms. */
function attentionProjections(config: ModelConfig): number {
  const { width: D, headCount: H, queryRank: Q, keyValueRank: C, nopeWidth: N, ropeWidth: R, valueWidth: W } = config
  const query = Q === null ? D * H * (N + R) : D * Q + Q * H * (N + R)
  return query + D * (C + R) + C * H * (N + W) + H * W * D
}

/** Norms of one layer: one before each half, one on each latent. */
function layerNorms(config: ModelConfig): number {
  return 2 * config.width + (config.queryRank ?? 0) + config.keyValueRank
}

function routerWeights(config: ModelConfig): number {
  return config.expertCount * config.width + (config.gate === 'sigmoid' ? config.expertCount : 0)
}

function mainComponents(config: ModelConfig, routedExpertsPerLayer: number): ComponentCounts {
  const moeLayerCount = config.layerCount - config.denseLayerCount
  const expert = 3 * config.width * config.expertFfnWidth
  return {
    embedding: config.vocabSize * config.width,
    head: config.vocabSize * config.width,
    attention: config.layerCount * attentionProjections(config),
    denseFfn: config.denseLayerCount * 3 * config.width * config.denseFfnWidth,
    routedExperts: moeLayerCount * routedExpertsPerLayer * expert,
    sharedExperts: moeLayerCount * config.sharedExpertCount * expert,
    router: moeLayerCount * routerWeights(config),
    norms: config.layerCount * layerNorms(config) + config.width,
  }
}

function sum(components: ComponentCounts): number {
  return Object.values(components).reduce((total, count) => total + count, 0)
}

function activatedCounts(withoutEmbeddings: number, embedding: number): ActivatedCounts {
  return { withoutEmbeddings, withHead: withoutEmbeddings + embedding, withEmbeddingAndHead: withoutEmbeddings + 2 * embedding }
}

/** One module: a MoE layer, the projection of [embedding; hidden], and three norms (embedding, hidden, before the head). */
function mtpModule(config: ModelConfig, routedExpertsPerLayer: number): number {
  const { width: D } = config
  const experts = (routedExpertsPerLayer + config.sharedExpertCount) * 3 * D * config.expertFfnWidth
  return attentionProjections(config) + layerNorms(config) + routerWeights(config) + experts + 2 * D * D + 3 * D
}

/**
 * Weights of one MLA layer with the norms on its latents, as the report's tables count it.
 *
 * @param config sizes; source: DeepSeek-V3 report, equations 1-11
 */
export function attentionParametersPerLayer(config: ModelConfig): number {
  return attentionProjections(config) + (config.queryRank ?? 0) + config.keyValueRank
}

/**
 * Parameters of a model: total and activated, by component.
 *
 * @param config sizes; checked by `checkModelConfig` where they come from outside
 */
export function countParameters(config: ModelConfig): ParameterCounts {
  const byComponent = mainComponents(config, config.expertCount)
  const activatedByComponent = { ...mainComponents(config, config.activeExpertCount), embedding: 0 }
  const { embedding } = byComponent
  const total = sum(byComponent)
  const activatedBy = activatedCounts(sum(activatedByComponent) - embedding, embedding)
  const mtpActivated = config.mtpDepth * mtpModule(config, config.activeExpertCount)
  const mtpUnique = config.mtpDepth * mtpModule(config, config.expertCount)
  return {
    total,
    totalWithoutEmbeddings: total - 2 * embedding,
    activated: activatedBy.withHead,
    activatedBy,
    byComponent,
    activatedByComponent,
    mtp: {
      unique: mtpUnique,
      withDuplicates: mtpUnique + 2 * config.mtpDepth * embedding,
      activated: activatedCounts(mtpActivated, config.mtpDepth * embedding),
    },
  }
}
