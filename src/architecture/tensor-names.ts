/**
 * The tensors of a checkpoint: their names, shapes and dtypes in the layout of the released models.
 *
 * Weights are stored [out, in]. Three projections are fused: `kv_a_proj_with_mqa` has the rows of the latent, then those of
 * the rope key; `q_b_proj` and `kv_b_proj` go head by head, [nope | rope] and [nope | value]. MTP module k is layer L + k - 1
 * with copies of the embedding and the head. Source: the released DeepSeek-V3 repository and its README_WEIGHTS.
 */
import { type SafetensorsDtype, safetensorsDtypeBytes } from '../foundations/safetensors.ts'
import type { ModelConfig } from './config.ts'

/** One tensor of a checkpoint. */
export interface CheckpointTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: SafetensorsDtype
  readonly bytes: number
}

/**
 * How weights are stored. `released-fp8` is V3's own: linear layers in E4M3 with an f32 scale per 128 x 128 block, the rest
 * in BF16, router biases in F32. `bfloat16` keeps the biases in F32 too.
 */
export type CheckpointFormat = 'float32' | 'bfloat16' | 'released-fp8'

export interface CheckpointOptions {
  readonly format: CheckpointFormat
  /** With the MTP modules as further layers. */
  readonly withMtp: boolean
}

/** Side of a block that shares a scale. */
const blockSide = 128

/** Collects tensors in one format. */
class TensorList {
  readonly tensors: CheckpointTensor[] = []
  readonly #format: CheckpointFormat

  constructor(format: CheckpointFormat) {
    this.#format = format
  }

  #add(name: string, shape: readonly number[], dtype: SafetensorsDtype): void {
    const elementCount = shape.reduce((product, size) => product * size, 1)
    this.tensors.push({ name, shape, dtype, bytes: elementCount * safetensorsDtypeBytes[dtype] })
  }

  /** Embedding, head, norms, gate: never in FP8. */
  plain(name: string, ...shape: number[]): void {
    this.#add(name, shape, this.#format === 'float32' ? 'F32' : 'BF16')
  }

  /** The selection bias: F32 whatever the rest is, because its steps are smaller than BF16's. */
  bias(name: string, length: number): void {
    this.#add(name, [length], 'F32')
  }

  /** A linear layer, with its scales where it is stored in FP8. */
  linear(name: string, out: number, inward: number): void {
    if (this.#format !== 'released-fp8') {
      this.plain(name, out, inward)
      return
    }
    this.#add(name, [out, inward], 'F8_E4M3')
    this.#add(`${name}_scale_inv`, [Math.ceil(out / blockSide), Math.ceil(inward / blockSide)], 'F32')
  }
}

function addAttention(list: TensorList, prefix: string, config: ModelConfig): void {
  const { width: D, headCount: H, queryRank: Q, keyValueRank: C, nopeWidth: N, ropeWidth: R, valueWidth: W } = config
  if (Q === null) {
    list.linear(`${prefix}.q_proj.weight`, H * (N + R), D)
  } else {
    list.linear(`${prefix}.q_a_proj.weight`, Q, D)
    list.plain(`${prefix}.q_a_layernorm.weight`, Q)
    list.linear(`${prefix}.q_b_proj.weight`, H * (N + R), Q)
  }
  list.linear(`${prefix}.kv_a_proj_with_mqa.weight`, C + R, D)
  list.plain(`${prefix}.kv_a_layernorm.weight`, C)
  list.linear(`${prefix}.kv_b_proj.weight`, H * (N + W), C)
  list.linear(`${prefix}.o_proj.weight`, D, H * W)
}

function addFfn(list: TensorList, prefix: string, width: number, hiddenWidth: number): void {
  list.linear(`${prefix}.gate_proj.weight`, hiddenWidth, width)
  list.linear(`${prefix}.up_proj.weight`, hiddenWidth, width)
  list.linear(`${prefix}.down_proj.weight`, width, hiddenWidth)
}

function addMoe(list: TensorList, prefix: string, config: ModelConfig): void {
  const { width, expertCount, expertFfnWidth, sharedExpertCount } = config
  list.plain(`${prefix}.gate.weight`, expertCount, width)
  if (config.gate === 'sigmoid') list.bias(`${prefix}.gate.e_score_correction_bias`, expertCount)
  for (let expert = 0; expert < expertCount; expert++) addFfn(list, `${prefix}.experts.${expert}`, width, expertFfnWidth)
  if (sharedExpertCount > 0) addFfn(list, `${prefix}.shared_experts`, width, sharedExpertCount * expertFfnWidth)
}

function addLayer(list: TensorList, layerIndex: number, config: ModelConfig): void {
  const prefix = `model.layers.${layerIndex}`
  list.plain(`${prefix}.input_layernorm.weight`, config.width)
  addAttention(list, `${prefix}.self_attn`, config)
  list.plain(`${prefix}.post_attention_layernorm.weight`, config.width)
  if (layerIndex < config.denseLayerCount) addFfn(list, `${prefix}.mlp`, config.width, config.denseFfnWidth)
  else addMoe(list, `${prefix}.mlp`, config)
}

function addMtpModule(list: TensorList, layerIndex: number, config: ModelConfig): void {
  const prefix = `model.layers.${layerIndex}`
  const { width: D, vocabSize: V } = config
  list.plain(`${prefix}.embed_tokens.weight`, V, D)
  list.plain(`${prefix}.enorm.weight`, D)
  list.plain(`${prefix}.hnorm.weight`, D)
  list.plain(`${prefix}.eh_proj.weight`, D, 2 * D)
  addLayer(list, layerIndex, { ...config, denseLayerCount: 0 })
  list.plain(`${prefix}.shared_head.norm.weight`, D)
  list.plain(`${prefix}.shared_head.head.weight`, V, D)
}

/**
 * Every tensor of a checkpoint, in the order of the forward pass.
 *
 * @param config  sizes
 * @param options how weights are stored, and whether the MTP modules are among them
 * @returns for DeepSeek-V3 as released (`released-fp8`, with MTP): 91,991 tensors of 688,574,839,360 bytes in all
 */
export function checkpointTensors(config: ModelConfig, options: CheckpointOptions): CheckpointTensor[] {
  const list = new TensorList(options.format)
  list.plain('model.embed_tokens.weight', config.vocabSize, config.width)
  for (let layer = 0; layer < config.layerCount; layer++) addLayer(list, layer, config)
  list.plain('model.norm.weight', config.width)
  list.plain('lm_head.weight', config.vocabSize, config.width)
  if (options.withMtp) {
    for (let module = 0; module < config.mtpDepth; module++) addMtpModule(list, config.layerCount + module, config)
  }
  return list.tensors
}

/**
 * Bytes of all tensors; a file's header comes on top.
 *
 * @param tensors as `checkpointTensors` lists them
 */
export function checkpointBytes(tensors: readonly CheckpointTensor[]): number {
  return tensors.reduce((total, { bytes }) => total + bytes, 0)
}
