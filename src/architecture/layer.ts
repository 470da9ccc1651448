/**
 * One layer: attention, then a feed-forward network, each on normalised rows and added to the residual stream.
 *
 * The norms are cheap to make again, so the tape may let go of them once both have read them (src/compute/keeping.ts).
 * Source: DeepSeek-V3 report, section 2.1.
 */
import { release, remakable, residual, rmsNorm, swigluFfn, type Tensor } from '../compute/index.ts'
import type { ModelConfig } from './config.ts'
import { mla, type Sequences } from './mla.ts'
import { type BalanceLoss, moe, type RouterReport } from './moe.ts'
import type { LayerParameters } from './parameters.ts'

/**
 *   h = x + attention(norm(x)),   y = h + FFN(norm(h))
 *
 * @param reports what the layer's router did is added to them
 * @returns y_MD
 */
export function layer(
  p: LayerParameters,
  config: ModelConfig,
  x_MD: Tensor,
  sequences: Sequences,
  balance: BalanceLoss | undefined,
  reports: RouterReport[],
): Tensor {
  const { normEpsilon } = config
  const attentionInput_MD = remakable(() => rmsNorm(x_MD, p.attentionNorm_D, normEpsilon))
  const attended_MD = mla(p.attention, config, attentionInput_MD, sequences)
  release(attentionInput_MD, 'input')
  const h_MD = residual(x_MD, attended_MD)
  const ffnInput_MD = remakable(() => rmsNorm(h_MD, p.ffnNorm_D, normEpsilon))
  const branches = feedForward(p, config, ffnInput_MD, balance, reports)
  release(ffnInput_MD, 'input')
  return residual(h_MD, ...branches)
}

/** What a layer's FFN adds to the residual stream, as branches: one where it is dense, shared and routed experts elsewhere. */
function feedForward(
  p: LayerParameters,
  config: ModelConfig,
  x_MD: Tensor,
  balance: BalanceLoss | undefined,
  reports: RouterReport[],
): readonly Tensor[] {
  if (p.dense) return [swigluFfn(x_MD, p.dense.gateUp_GD, p.dense.down_DF)]
  const { branches, report } = moe(p.moe!, config, x_MD, balance)
  reports.push(report)
  return branches
}
