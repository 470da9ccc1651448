/**
 * The layers of a model as the entries of a step of decoding: what `Decoder` and `Drafter` have in common.
 *
 * Source: DeepSeek-V2 report, section 2.1 (absorption); DeepSeek-V3 report, sections 2.1 and 2.2.
 */
import { attentionScale, latentNormEpsilon, type LayerParameters, type Model, type MoeParameters } from '../architecture/index.ts'
import {
  type AbsorbedShape,
  attendScratch,
  DecodeSteps,
  expertScratch,
  type InputNorm,
  type PackedWeights,
  type Tensor,
} from '../compute/index.ts'

/** The activations of a step; each kind of layer has its own and all layers share them. */
export interface Activations {
  readonly x_MD: Tensor
  /** Normalised output of the last layer: what the head and the modules that predict further read. */
  readonly hidden_MD: Tensor
  readonly latent_MY: Tensor
  readonly query_MX: Tensor
  readonly queryLatent_MQ: Tensor | undefined
  readonly head_MO: Tensor
  readonly dense_MF: Tensor
  readonly shared_MF: Tensor
  readonly logits_ME: Tensor
  readonly sorted: Tensor
  readonly expert_UI: Tensor
}

/** Work that can be left out of a list, to see by the difference what it costs; the results are then of no use. */
export type LeftOut = 'attention on the cache' | 'routing and experts'

/** Lays out activations for M rows in the heap's innermost scope. */
export function activationsFor({ config: c, machine }: Model, M: number): Activations {
  return {
    x_MD: machine.tensor([M, c.width]),
    hidden_MD: machine.tensor([M, c.width]),
    latent_MY: machine.tensor([M, c.keyValueRank + c.ropeWidth]),
    query_MX: machine.tensor([M, c.headCount * (c.nopeWidth + c.ropeWidth)]),
    queryLatent_MQ: c.queryRank === null ? undefined : machine.tensor([M, c.queryRank]),
    head_MO: machine.tensor([M, c.headCount * c.valueWidth]),
    dense_MF: machine.tensor([M, c.denseFfnWidth]),
    shared_MF: machine.tensor([M, c.sharedExpertCount * c.expertFfnWidth]),
    logits_ME: machine.tensor([M, c.expertCount]),
    sorted: machine.tensor([c.expertCount + 1 + 2 * M * c.activeExpertCount], 'i32'),
    expert_UI: machine.tensor([M * c.activeExpertCount, c.expertFfnWidth]),
  }
}

/** Returns the memory of activations. */
export function freeActivations({ machine }: Model, activations: Activations): void {
  for (const tensor of Object.values(activations) as (Tensor | undefined)[]) if (tensor) machine.heap.free(tensor.address)
}

/** An empty list with room for the layers of a model. */
export function startList({ config, machine, cosine_TP }: Model, weights: PackedWeights, maxRows: number): DecodeSteps {
  const { keyValueRank, ropeWidth, expertCount, groupCount, activeExpertCount, width, queryRank } = config
  const scratch = Math.max(
    attendScratch(keyValueRank, ropeWidth, cosine_TP.shape[0]),
    expertScratch(expertCount, groupCount, maxRows * activeExpertCount),
  )
  return new DecodeSteps(machine, weights, maxRows, Math.max(width, queryRank ?? 0), scratch)
}

/** x += W_O [o_1; …; o_H],   o_i = W_UV z_i on the cache */
function attentionSteps(
  steps: DecodeSteps,
  p: LayerParameters,
  layerIndex: number,
  a: Activations,
  norm: InputNorm,
  shape: AbsorbedShape,
  leftOut?: LeftOut,
) {
  const { query, latent_YD, latentNorm_C, expand_ZC, output_DO } = p.attention
  if ('full_XD' in query) steps.linear(a.query_MX, query.full_XD, a.x_MD, { norm })
  else steps.linear(a.queryLatent_MQ!, query.down_QD, a.x_MD, { norm })
  steps.linear(a.latent_MY, latent_YD, a.x_MD, { norm })
  steps.wait()
  steps.cache(layerIndex, a.latent_MY, { gain_C: latentNorm_C, epsilon: latentNormEpsilon }, shape)
  if ('up_XQ' in query) {
    steps.linear(a.query_MX, query.up_XQ, a.queryLatent_MQ!, { norm: { gain_D: query.norm_Q, epsilon: latentNormEpsilon } })
  }
  steps.wait()
  if (leftOut !== 'attention on the cache') {
    steps.attend(layerIndex, a.head_MO, a.query_MX, expand_ZC, shape)
    steps.wait()
  }
  steps.linear(a.x_MD, output_DO, a.head_MO, { accumulate: true })
  steps.wait()
}

/** x += FFN_shared(norm x) + sum over chosen e of gate_e FFN_e(norm x) */
function moeSteps(steps: DecodeSteps, p: MoeParameters, model: Model, a: Activations, norm: InputNorm, leftOut?: LeftOut) {
  const isRouted = leftOut !== 'routing and experts'
  const step = { ...p, logits_ME: a.logits_ME, sorted: a.sorted, h_UI: a.expert_UI }
  if (isRouted) steps.linear(a.logits_ME, p.router_ED, a.x_MD, { norm })
  if (p.shared) steps.gated(a.shared_MF, p.shared.gateUp_GD, a.x_MD, norm)
  steps.wait()
  if (isRouted) {
    steps.experts(step, a.x_MD, norm, model.config)
    steps.wait()
  }
  if (p.shared) steps.linear(a.x_MD, p.shared.down_DF, a.shared_MF, { accumulate: true })
  // Both share out the rows of x alike, so whoever adds to a row in one has added to it in the other: no wait between them.
  if (isRouted) steps.combine(a.x_MD, step, model.config.activeExpertCount)
  steps.wait()
}

function denseSteps(steps: DecodeSteps, { gateUp_GD, down_DF }: NonNullable<LayerParameters['dense']>, a: Activations, norm: InputNorm) {
  steps.gated(a.dense_MF, gateUp_GD, a.x_MD, norm)
  steps.wait()
  steps.linear(a.x_MD, down_DF, a.dense_MF, { accumulate: true })
  steps.wait()
}

/**
 * One layer on x_MD, attention on the cache and FFN.
 *
 * @param layerIndex which layer of the cache is this one's
 */
export function layerSteps(
  steps: DecodeSteps,
  model: Model,
  p: LayerParameters,
  layerIndex: number,
  a: Activations,
  leftOut?: LeftOut,
): void {
  const { config, cosine_TP, sine_TP } = model
  const { normEpsilon: epsilon } = config
  const shape = { ...config, scale: attentionScale(config), rotation: { cosine_TP, sine_TP } }
  attentionSteps(steps, p, layerIndex, a, { gain_D: p.attentionNorm_D, epsilon }, shape, leftOut)
  const norm = { gain_D: p.ffnNorm_D, epsilon }
  if (p.dense) denseSteps(steps, p.dense, a, norm)
  else moeSteps(steps, p.moe!, model, a, norm, leftOut)
}
