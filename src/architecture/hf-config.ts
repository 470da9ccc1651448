/**
 * `config.json` in the Hugging Face layout, both ways, for the classes `deepseek_v3` (sigmoid gate) and `deepseek_v2`
 * (softmax gate).
 *
 * What is written, `transformers` reads as DeepseekV3ForCausalLM or DeepseekV2ForCausalLM. One difference of that
 * implementation remains: it gives the norms of the latents an epsilon of 1e-6 whatever `rms_norm_eps` says.
 */
import type { z } from 'zod'
import { rejectViolations, usageError } from '../base/errors.ts'
import { readTextFile } from '../foundations/safetensors-storage.ts'
import { modelConfigViolations } from './check-config.ts'
import type { ModelConfig, YarnConfig } from './config.ts'
import { type HfConfig, hfConfigSchema, irrelevantKeys, v2ModelTypes } from './hf-config-schema.ts'

/** Our fields and their keys. */
const keyOfField = {
  vocabSize: 'vocab_size',
  width: 'hidden_size',
  layerCount: 'num_hidden_layers',
  denseLayerCount: 'first_k_dense_replace',
  headCount: 'num_attention_heads',
  queryRank: 'q_lora_rank',
  keyValueRank: 'kv_lora_rank',
  nopeWidth: 'qk_nope_head_dim',
  ropeWidth: 'qk_rope_head_dim',
  valueWidth: 'v_head_dim',
  denseFfnWidth: 'intermediate_size',
  expertFfnWidth: 'moe_intermediate_size',
  expertCount: 'n_routed_experts',
  sharedExpertCount: 'n_shared_experts',
  activeExpertCount: 'num_experts_per_tok',
  groupCount: 'n_group',
  activeGroupCount: 'topk_group',
  gate: 'scoring_func',
  isGateNormalized: 'norm_topk_prob',
  routedScale: 'routed_scaling_factor',
  mtpDepth: 'num_nextn_predict_layers',
  ropeTheta: 'rope_theta',
  yarn: 'rope_scaling',
  maxLength: 'max_position_embeddings',
  normEpsilon: 'rms_norm_eps',
  initStd: 'initializer_range',
} as const satisfies Record<keyof ModelConfig, keyof HfConfig>

const keyOfYarnField = {
  factor: 'factor',
  betaFast: 'beta_fast',
  betaSlow: 'beta_slow',
  mscale: 'mscale',
  mscaleAllDim: 'mscale_all_dim',
  originalLength: 'original_max_position_embeddings',
} as const satisfies Record<keyof YarnConfig, string>

const allKeys: Readonly<Record<string, string>> = { ...keyOfField, ...keyOfYarnField }
const fieldNames = new RegExp(`\\b(${Object.keys(allKeys).join('|')})\\b`, 'g')

/** A violation in the words of the file. */
const inKeys = (line: string) => line.replace(fieldNames, (field) => allKeys[field])

const hint = 'Mend the file, or use a model of the deepseek_v2 or deepseek_v3 kind.'

/** A config.json of a megabyte is another kind of file. */
const maxConfigBytes = 1 << 20

/**
 * Reads a configuration file.
 *
 * @param path where it is
 * @throws UsageError naming everything that is wrong, unknown or not supported
 */
export function readHfConfig(path: string): ModelConfig {
  return parseHfConfig(readTextFile(path, maxConfigBytes), path)
}

/**
 * Reads a configuration from its text.
 *
 * @param text    JSON
 * @param subject what messages call it
 * @throws UsageError naming everything that is wrong, unknown or not supported
 */
export function parseHfConfig(text: string, subject = 'config.json'): ModelConfig {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw usageError(subject, 'JSON', (cause as Error).message, 'Fetch or write the file again.', cause)
  }
  return fromHfConfig(value, subject)
}

/**
 * Reads a configuration from its value.
 *
 * @param value   what the JSON held
 * @param subject what messages call it
 * @returns a configuration that obeys every rule of `checkModelConfig`
 * @throws UsageError naming everything that is wrong, unknown or not supported
 */
export function fromHfConfig(value: unknown, subject = 'config.json'): ModelConfig {
  const unknown = unknownKeys(value)
  const { success, data, error } = hfConfigSchema.safeParse(value)
  const violations = success
    ? [...classViolations(data), ...modelConfigViolations(toModelConfig(data)).map(inKeys)]
    : error.issues.map((issue) => describeIssue(issue, value))
  rejectViolations(subject, [...violations, ...unknown], hint)
  return toModelConfig(data!)
}

/** An issue of the schema in the house's form. */
function describeIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const key = issue.path.join('.') || 'the file'
  if (issue.code === 'unrecognized_keys') return `${key}: expected known keys, got ${issue.keys.join(', ').slice(0, 80)}`
  const got = issue.path.reduce<unknown>((inner, step) => (inner as Record<PropertyKey, unknown>)[step], value)
  const expected = issue.message.replace(/^.*?expected /, '').replace(/, received.*$/, '')
  const shown =
    got === undefined
      ? 'nothing'
      : Array.isArray(got)
        ? 'a list'
        : typeof got === 'object' && got !== null
          ? 'a structure'
          : JSON.stringify(got).slice(0, 40)
  return `${key}: expected ${expected.replaceAll('|', ', ')}, got ${shown}`
}

function unknownKeys(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value)
    .filter((key) => !Object.hasOwn(hfConfigSchema.shape, key) && !irrelevantKeys.has(key))
    .map((key) => `${key.slice(0, 80)}: expected a known key; remove it if it does not change the model`)
}

const isV2 = (hf: HfConfig) => (v2ModelTypes as readonly string[]).includes(hf.model_type)

/** `rope_scaling` of older files, `rope_parameters` of newer ones. */
const scalingOf = (hf: HfConfig) => hf.rope_scaling ?? hf.rope_parameters ?? null

/** The kind of scaling; files with settings but no kind do not say what they are for. */
function scalingType(hf: HfConfig): 'yarn' | 'default' | undefined {
  const scaling = scalingOf(hf)
  return scaling === null ? 'default' : (scaling.rope_type ?? scaling.type)
}

function toModelConfig(hf: HfConfig): ModelConfig {
  const scaling = scalingOf(hf)
  return {
    vocabSize: hf.vocab_size,
    width: hf.hidden_size,
    layerCount: hf.num_hidden_layers,
    denseLayerCount: hf.first_k_dense_replace,
    headCount: hf.num_attention_heads,
    queryRank: hf.q_lora_rank,
    keyValueRank: hf.kv_lora_rank,
    nopeWidth: hf.qk_nope_head_dim,
    ropeWidth: hf.qk_rope_head_dim,
    valueWidth: hf.v_head_dim,
    denseFfnWidth: hf.intermediate_size,
    expertFfnWidth: hf.moe_intermediate_size,
    expertCount: hf.n_routed_experts,
    sharedExpertCount: hf.n_shared_experts ?? 0,
    activeExpertCount: hf.num_experts_per_tok,
    groupCount: hf.n_group ?? 1,
    activeGroupCount: hf.topk_group ?? 1,
    gate: isV2(hf) ? 'softmax' : 'sigmoid',
    isGateNormalized: hf.norm_topk_prob ?? !isV2(hf),
    routedScale: hf.routed_scaling_factor,
    mtpDepth: hf.num_nextn_predict_layers,
    ropeTheta: hf.rope_theta ?? scaling?.rope_theta ?? Number.NaN,
    yarn:
      scaling === null || scalingType(hf) !== 'yarn'
        ? null
        : {
            factor: scaling.factor ?? Number.NaN,
            betaFast: scaling.beta_fast,
            betaSlow: scaling.beta_slow,
            mscale: scaling.mscale ?? 1,
            mscaleAllDim: scaling.mscale_all_dim,
            originalLength: scaling.original_max_position_embeddings ?? Number.NaN,
          },
    maxLength: hf.max_position_embeddings,
    normEpsilon: hf.rms_norm_eps,
    initStd: hf.initializer_range,
  }
}

/** Combinations that the class does not have, or that implementations read differently. */
function classViolations(hf: HfConfig): string[] {
  const violations: string[] = []
  const expectEqual = (key: keyof HfConfig, expected: unknown, why: string) => {
    const got = hf[key]
    if (got !== undefined && got !== expected) violations.push(`${key}: expected ${String(expected)} (${why}), got ${String(got)}`)
  }
  expectEqual('num_key_value_heads', hf.num_attention_heads, 'every head has its own keys and values')
  expectEqual('head_dim', hf.qk_rope_head_dim, 'the rotated width')
  expectEqual('qk_head_dim', hf.qk_nope_head_dim + hf.qk_rope_head_dim, 'both widths together')
  if (isV2(hf)) {
    expectEqual('scoring_func', 'softmax', 'the gate of the V2 class')
    const methods = (hf.n_group ?? 1) > 1 ? ['group_limited_greedy'] : ['greedy', 'group_limited_greedy']
    const method = hf.topk_method ?? 'greedy'
    if (!methods.includes(method)) violations.push(`topk_method: expected ${methods.join(' or ')} (as n_group says), got ${method}`)
    // The released code drops the scaling factor when it normalises; transformers ignores the key.
    expectEqual('norm_topk_prob', false, 'implementations of the V2 class disagree on it')
  } else {
    expectEqual('scoring_func', 'sigmoid', 'the gate of the V3 class')
    expectEqual('topk_method', 'noaux_tc', 'the routing of the V3 class')
    for (const key of ['n_group', 'topk_group', 'norm_topk_prob'] as const) {
      if (hf[key] === undefined || hf[key] === null) violations.push(`${key}: expected a value, got none`)
    }
  }
  violations.push(...ropeViolations(hf))
  return violations
}

function ropeViolations(hf: HfConfig): string[] {
  const violations: string[] = []
  const scaling = scalingOf(hf)
  if (hf.rope_scaling && hf.rope_parameters) violations.push('rope_scaling: expected either it or rope_parameters, got both')
  if (hf.rope_theta !== undefined && scaling?.rope_theta !== undefined && scaling.rope_theta !== hf.rope_theta) {
    violations.push(`rope_theta: expected ${scaling.rope_theta} as in rope_parameters, got ${hf.rope_theta}`)
  }
  if (scaling === null) return violations
  const type = scalingType(hf)
  if (type === undefined && scaling.factor !== undefined) violations.push('rope_scaling.type: expected yarn, got none')
  if (type === 'default' && scaling.factor !== undefined)
    violations.push('rope_scaling.type: expected yarn where there is a factor, got default')
  if (scaling.type !== undefined && scaling.rope_type !== undefined && scaling.type !== scaling.rope_type) {
    violations.push(`rope_scaling.type: expected ${scaling.rope_type} as in rope_type, got ${scaling.type}`)
  }
  if (type === 'yarn') violations.push(...mscaleViolations(scaling.mscale, scaling.mscale_all_dim))
  return violations
}

/** Where only one of the two weights is set, the released code and transformers scale cosines differently. */
function mscaleViolations(mscale: number | undefined, mscaleAllDim: number): string[] {
  if (mscaleAllDim === 0 && (mscale ?? 1) !== 1) return [`rope_scaling.mscale: expected 1 where mscale_all_dim is 0, got ${mscale}`]
  if (mscaleAllDim !== 0 && mscale === undefined) return ['rope_scaling.mscale: expected a value beside mscale_all_dim, got none']
  return []
}

/** What a file says beside the sizes. */
export interface HfConfigOptions {
  /** How the weights beside the file are stored. */
  readonly dtype?: 'float32' | 'bfloat16'
  readonly bosTokenId?: number
  readonly eosTokenId?: number
  readonly padTokenId?: number | null
}

/**
 * The value of a `config.json`.
 *
 * @param config  sizes; `fromHfConfig` of the result gives them back
 * @param options tokens and dtype
 * @throws UsageError for the combinations that the class does not have
 */
export function toHfConfig(config: ModelConfig, options: HfConfigOptions = {}): Record<string, unknown> {
  const isSoftmax = config.gate === 'softmax'
  const { dtype = 'float32', bosTokenId = 0, eosTokenId = 1, padTokenId = null } = options
  const sizes = Object.fromEntries(Object.entries(keyOfField).map(([field, key]) => [key, config[field as keyof ModelConfig]]))
  const hf = {
    architectures: [isSoftmax ? 'DeepseekV2ForCausalLM' : 'DeepseekV3ForCausalLM'],
    model_type: isSoftmax ? 'deepseek_v2' : 'deepseek_v3',
    ...sizes,
    num_key_value_heads: config.headCount,
    topk_method: isSoftmax ? (config.groupCount > 1 ? 'group_limited_greedy' : 'greedy') : 'noaux_tc',
    moe_layer_freq: 1,
    hidden_act: 'silu',
    attention_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: false,
    ...(!isSoftmax && { rope_interleave: true }),
    rope_scaling: config.yarn && hfScaling(config.yarn),
    bos_token_id: bosTokenId,
    eos_token_id: eosTokenId,
    pad_token_id: padTokenId,
    torch_dtype: dtype,
    use_cache: true,
  }
  fromHfConfig(hf, 'export')
  return hf
}

/** Keys that Python must read as floats, so a whole value is written with its point. */
const floatKeys =
  /"(routed_scaling_factor|rms_norm_eps|initializer_range|attention_dropout|rope_theta|factor|beta_fast|beta_slow|mscale|mscale_all_dim)": -?\d+(?=,?$)/gm

/**
 * The text of a `config.json`.
 *
 * @param config  sizes
 * @param options tokens and dtype
 * @throws UsageError as `toHfConfig`
 */
export function formatHfConfig(config: ModelConfig, options: HfConfigOptions = {}): string {
  return `${JSON.stringify(toHfConfig(config, options), null, 2).replace(floatKeys, '$&.0')}\n`
}

function hfScaling(yarn: YarnConfig): Record<string, unknown> {
  const settings = Object.entries(keyOfYarnField).map(([field, key]) => [key, yarn[field as keyof YarnConfig]] as const)
  return { type: 'yarn', rope_type: 'yarn', ...Object.fromEntries(settings) }
}
