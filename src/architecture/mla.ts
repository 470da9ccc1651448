/**
 * Multi-head latent attention, in the form that training and prefill use: the latent is expanded to keys and values.
 * Decoding works on the latent itself (`src/inference`), equal to this to rounding.
 *
 * Source: DeepSeek-V3 report, equations 1 to 11. Claim: architecture.latent-cache.
 */
import { attention, columns, linear, release, remakable, rmsNorm, rope, type Rotation, type Tensor } from '../compute/index.ts'
import type { ModelConfig } from './config.ts'
import type { MlaParameters } from './parameters.ts'
import { attentionScale } from './rope-frequencies.ts'

/** Both latents are normalised with this epsilon whatever the model's own is: so do the released code and its ports. */
export const latentNormEpsilon = 1e-6

/** What attention must know about the rows: sequences of T, where they are rotated to, what they may see. */
export interface Sequences {
  /** T: tokens in a row of the batch. */
  readonly length: number
  readonly rotation: Rotation
  /** First position that each token sees in its row; without it, the whole row before it. */
  readonly documentStart_M?: Tensor
  /** Told of a layer's normalised latents and rotated keys: what a cache keeps of these rows. */
  readonly onLatents?: (latent_MC: Tensor, ropeKey_MR: Tensor) => void
}

/** A value that attention reads, and the norm that it was expanded from where that is not kept either. */
interface Expanded {
  readonly value: Tensor
  readonly normed?: Tensor
}

/**
 * Queries, rotated: [M, H (N + R)], head-major, each head [nope | rope].
 *
 *   q = W_UQ norm(W_DQ x), or W_Q x without compression
 */
function queries({ query }: MlaParameters, config: ModelConfig, x_MD: Tensor, rotation: Rotation): Expanded {
  const { headCount, nopeWidth, ropeWidth } = config
  const turned = (query_MX: Tensor) => rope(query_MX, rotation, { heads: headCount, offset: nopeWidth, stride: nopeWidth + ropeWidth })
  if ('full_XD' in query) return { value: turned(linear(x_MD, query.full_XD)) }
  const { norm_Q, up_XQ } = query
  const latent_MQ = linear(x_MD, query.down_QD)
  const normed_MQ = remakable(() => rmsNorm(latent_MQ, norm_Q, latentNormEpsilon))
  return { value: remakable(() => turned(linear(normed_MQ, up_XQ))), normed: normed_MQ }
}

/** Latent and shared rope key of each row, the key rotated, the latent not yet normalised: [M, C + R]. */
function latents({ latent_YD }: MlaParameters, config: ModelConfig, x_MD: Tensor, rotation: Rotation): Tensor {
  return rope(linear(x_MD, latent_YD), rotation, { heads: 1, offset: config.keyValueRank, stride: config.ropeWidth })
}

/**
 *   u = W_O [o_1; …; o_H],   o_i = attention(q_i, [W_UK c; k_R], W_UV c),   c = norm(W_DKV x)
 *
 * x_MD normalised rows → u_MD
 */
export function mla(p: MlaParameters, config: ModelConfig, x_MD: Tensor, sequences: Sequences): Tensor {
  const { length, rotation, documentStart_M, onLatents } = sequences
  const { keyValueRank: C, ropeWidth: R, headCount, nopeWidth, valueWidth } = config
  const query = queries(p, config, x_MD, rotation)
  const latent_MY = latents(p, config, x_MD, rotation)
  const normed_MC = remakable(() => rmsNorm(columns(latent_MY, 0, C), p.latentNorm_C, latentNormEpsilon))
  const keyValue_MZ = remakable(() => linear(normed_MC, p.expand_ZC))
  const ropeKey_MR = columns(latent_MY, C, C + R)
  onLatents?.(normed_MC, ropeKey_MR)
  const head_MO = attention(query.value, keyValue_MZ, ropeKey_MR, {
    length,
    headCount,
    nopeWidth,
    ropeWidth: R,
    valueWidth,
    scale: attentionScale(config),
    start_M: documentStart_M,
  })
  release(query.value, 'other')
  if (query.normed) release(query.normed, 'input')
  release(keyValue_MZ, 'other')
  release(normed_MC, 'input')
  return linear(head_MO, p.output_DO)
}
