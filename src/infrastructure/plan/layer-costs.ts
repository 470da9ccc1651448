/**
 * What one layer computes for one token, forward, by component: the FLOPs that a time is predicted from.
 *
 * Backward for inputs costs the linear part once more and the attention core 2.5 times (five products instead of two,
 * scores being made again); weight gradients cost the linear part once more.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { attentionParametersPerLayer } from '../../architecture/counts.ts'

export interface LayerFlops {
  /** Projections of MLA. */
  readonly attentionLinear: number
  /** The part of them that lifts latents to heads, made again in the backward pass when its outputs are not kept. */
  readonly upProjections: number
  /** Scores and weighted values, causal, averaged over the row. */
  readonly attentionCore: number
  /** SwiGLU of dense layers, or of the experts that a token visits, router included. */
  readonly mlpLinear: number
  /** Numbers that the attention's memory-bound work moves: the heads' queries. */
  readonly attentionWidth: number
  /** Numbers that the MLP's memory-bound work moves: the hidden widths of all experts visited. */
  readonly mlpWidth: number
}

/** Passes of the attention core backward over those forward. */
export const coreBackwardFactor = 2.5

/**
 * @param model  sizes
 * @param length tokens in a sequence
 * @param kind   which FFN
 */
export function layerFlops(model: ModelConfig, length: number, kind: 'dense' | 'moe'): LayerFlops {
  const { width: D, headCount: H, queryRank, keyValueRank: C, nopeWidth: N, ropeWidth: R, valueWidth: W } = model
  const norms = (queryRank ?? 0) + C
  const active = model.activeExpertCount + model.sharedExpertCount
  const mlpWidth = kind === 'dense' ? model.denseFfnWidth : active * model.expertFfnWidth
  const router = kind === 'dense' ? 0 : model.expertCount * D
  return {
    attentionLinear: 2 * (attentionParametersPerLayer(model) - norms),
    upProjections: 2 * ((queryRank ?? 0) * H * (N + R) + C * H * (N + W)),
    attentionCore: 2 * H * (N + R + W) * (length / 2),
    mlpLinear: 2 * (3 * D * mlpWidth + router),
    attentionWidth: H * (N + R),
    mlpWidth,
  }
}
