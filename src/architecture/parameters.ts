/**
 * The model's parameters as records of tensors, under the names that released checkpoints give them.
 *
 * `gate_proj` and `up_proj` lie one above the other, and so do a layer's experts: one product then serves both, and the
 * checkpoint's tensors are consecutive rows of ours. Sizes and names: DeepSeek-V3's released checkpoint.
 */
import type { Machine, Tensor } from '../compute/index.ts'
import { type CheckpointPart, ParameterPlan, type ParameterSet } from '../foundations/parameters.ts'
import type { ModelConfig } from './config.ts'

export interface MlaParameters {
  /** With query compression: down, norm, up. Without: one matrix. */
  readonly query: { readonly down_QD: Tensor; readonly norm_Q: Tensor; readonly up_XQ: Tensor } | { readonly full_XD: Tensor }
  /** Rows: C of the latent, then R of the shared rope key. */
  readonly latent_YD: Tensor
  readonly latentNorm_C: Tensor
  /** Rows: for each head N of the key, then W of the value. */
  readonly expand_ZC: Tensor
  readonly output_DO: Tensor
}

export interface FfnParameters {
  readonly gateUp_GD: Tensor
  readonly down_DF: Tensor
}

export interface MoeParameters {
  readonly router_ED: Tensor
  /** Selection bias, moved by the load and not by gradients; null for softmax gates. */
  readonly bias_E: Tensor | null
  readonly shared: FfnParameters | null
  readonly gateUp_EGD: Tensor
  readonly down_EDI: Tensor
}

export interface LayerParameters {
  readonly attentionNorm_D: Tensor
  readonly attention: MlaParameters
  readonly ffnNorm_D: Tensor
  /** Dense in the first layers, experts in the others. */
  readonly dense: FfnParameters | null
  readonly moe: MoeParameters | null
}

export interface MtpParameters {
  readonly embeddingNorm_D: Tensor
  readonly hiddenNorm_D: Tensor
  /** Columns: D of the embedding, then D of the hidden state. */
  readonly projection_DX: Tensor
  readonly layer: LayerParameters
  readonly headNorm_D: Tensor
}

export interface ModelParameters {
  readonly set: ParameterSet
  readonly embedding_VD: Tensor
  readonly layers: readonly LayerParameters[]
  readonly norm_D: Tensor
  readonly head_VD: Tensor
  readonly mtp: readonly MtpParameters[]
  /** Every router bias with its name in checkpoints. */
  readonly biases: readonly { readonly name: string; readonly tensor: Tensor }[]
}

type Later<T> = () => T

function planFfn(plan: ParameterPlan, prefix: string, width: number, ffnWidth: number): Later<FfnParameters> {
  const gateUp = plan.matrix([2 * ffnWidth, width], gateAndUp(prefix, ffnWidth, width, 0))
  const down = plan.matrix([width, ffnWidth], `${prefix}.down_proj.weight`)
  return () => ({ gateUp_GD: gateUp(), down_DF: down() })
}

const gateAndUp = (prefix: string, ffnWidth: number, width: number, offset: number): CheckpointPart[] => [
  { name: `${prefix}.gate_proj.weight`, shape: [ffnWidth, width], offset },
  { name: `${prefix}.up_proj.weight`, shape: [ffnWidth, width], offset: offset + ffnWidth * width },
]

function planMla(plan: ParameterPlan, prefix: string, config: ModelConfig): Later<MlaParameters> {
  const { width: D, queryRank: Q, keyValueRank: C, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W } = config
  let query: Later<MlaParameters['query']>
  if (Q === null) {
    const full = plan.matrix([H * (N + R), D], `${prefix}.q_proj.weight`)
    query = () => ({ full_XD: full() })
  } else {
    const down = plan.matrix([Q, D], `${prefix}.q_a_proj.weight`)
    const norm = plan.gain(Q, `${prefix}.q_a_layernorm.weight`)
    const up = plan.matrix([H * (N + R), Q], `${prefix}.q_b_proj.weight`)
    query = () => ({ down_QD: down(), norm_Q: norm(), up_XQ: up() })
  }
  const latent = plan.matrix([C + R, D], `${prefix}.kv_a_proj_with_mqa.weight`)
  const latentNorm = plan.gain(C, `${prefix}.kv_a_layernorm.weight`)
  const expand = plan.matrix([H * (N + W), C], `${prefix}.kv_b_proj.weight`)
  const output = plan.matrix([D, H * W], `${prefix}.o_proj.weight`)
  return () => ({ query: query(), latent_YD: latent(), latentNorm_C: latentNorm(), expand_ZC: expand(), output_DO: output() })
}

function planMoe(plan: ParameterPlan, prefix: string, config: ModelConfig, bias: (name: string) => Later<Tensor>): Later<MoeParameters> {
  const { width: D, expertFfnWidth: I, expertCount: E, sharedExpertCount } = config
  const router = plan.matrix([E, D], `${prefix}.gate.weight`)
  const selection = config.gate === 'sigmoid' ? bias(`${prefix}.gate.e_score_correction_bias`) : null
  const expert = (e: number) => `${prefix}.experts.${e}`
  const experts = Array.from({ length: E }, (_, e) => e)
  const gateUp = plan.matrix(
    [E, 2 * I, D],
    experts.flatMap((e) => gateAndUp(expert(e), I, D, e * 2 * I * D)),
  )
  const down = plan.matrix(
    [E, D, I],
    experts.map((e) => ({ name: `${expert(e)}.down_proj.weight`, shape: [D, I], offset: e * D * I })),
  )
  const shared = sharedExpertCount > 0 ? planFfn(plan, `${prefix}.shared_experts`, D, sharedExpertCount * I) : null
  return () => ({ router_ED: router(), bias_E: selection?.() ?? null, shared: shared?.() ?? null, gateUp_EGD: gateUp(), down_EDI: down() })
}

function planLayer(
  plan: ParameterPlan,
  prefix: string,
  config: ModelConfig,
  isDense: boolean,
  bias: (name: string) => Later<Tensor>,
): Later<LayerParameters> {
  const attentionNorm = plan.gain(config.width, `${prefix}.input_layernorm.weight`)
  const attention = planMla(plan, `${prefix}.self_attn`, config)
  const ffnNorm = plan.gain(config.width, `${prefix}.post_attention_layernorm.weight`)
  const dense = isDense ? planFfn(plan, `${prefix}.mlp`, config.width, config.denseFfnWidth) : null
  const moe = isDense ? null : planMoe(plan, `${prefix}.mlp`, config, bias)
  return () => ({
    attentionNorm_D: attentionNorm(),
    attention: attention(),
    ffnNorm_D: ffnNorm(),
    dense: dense?.() ?? null,
    moe: moe?.() ?? null,
  })
}

function planMtp(plan: ParameterPlan, prefix: string, config: ModelConfig, bias: (name: string) => Later<Tensor>): Later<MtpParameters> {
  const { width: D } = config
  const embeddingNorm = plan.gain(D, `${prefix}.enorm.weight`)
  const hiddenNorm = plan.gain(D, `${prefix}.hnorm.weight`)
  const projection = plan.matrix([D, 2 * D], `${prefix}.eh_proj.weight`)
  const layer = planLayer(plan, prefix, config, false, bias)
  const headNorm = plan.gain(D, `${prefix}.shared_head.norm.weight`)
  return () => ({
    embeddingNorm_D: embeddingNorm(),
    hiddenNorm_D: hiddenNorm(),
    projection_DX: projection(),
    layer: layer(),
    headNorm_D: headNorm(),
  })
}

/**
 * Lays out the parameters of a model, contents undefined but router biases zero.
 *
 * @param withGradients false for models that only run
 */
export function createParameters(machine: Machine, config: ModelConfig, withGradients: boolean): ModelParameters {
  const { vocabSize: V, width: D, layerCount: L } = config
  const plan = new ParameterPlan()
  const biases: { name: string; tensor: Tensor }[] = []
  const bias = (name: string) => {
    const tensor = machine.zeros([config.expertCount])
    biases.push({ name, tensor })
    return () => tensor
  }
  const embedding = plan.matrix([V, D], 'model.embed_tokens.weight')
  const layers = Array.from({ length: L }, (_, l) => planLayer(plan, `model.layers.${l}`, config, l < config.denseLayerCount, bias))
  const norm = plan.gain(D, 'model.norm.weight')
  const head = plan.matrix([V, D], 'lm_head.weight')
  const mtp = Array.from({ length: config.mtpDepth }, (_, k) => planMtp(plan, `model.layers.${L + k}`, config, bias))
  const set = plan.layOut(machine, withGradients)
  return {
    set,
    embedding_VD: embedding(),
    layers: layers.map((layer) => layer()),
    norm_D: norm(),
    head_VD: head(),
    mtp: mtp.map((module) => module()),
    biases,
  }
}
