import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { modelConfigViolations } from './check-config.ts'
import type { ModelConfig } from './config.ts'
import { formatHfConfig, fromHfConfig, parseHfConfig, readHfConfig, toHfConfig } from './hf-config.ts'
import { presets } from './presets.ts'

/** The released V3 file, key by key, legacy keys included. */
const releasedV3 = {
  architectures: ['DeepseekV3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  auto_map: { AutoConfig: 'configuration_deepseek.DeepseekV3Config' },
  aux_loss_alpha: 0.001,
  bos_token_id: 0,
  eos_token_id: 1,
  ep_size: 1,
  first_k_dense_replace: 3,
  hidden_act: 'silu',
  hidden_size: 7168,
  initializer_range: 0.02,
  intermediate_size: 18_432,
  kv_lora_rank: 512,
  max_position_embeddings: 163_840,
  model_type: 'deepseek_v3',
  moe_intermediate_size: 2048,
  moe_layer_freq: 1,
  n_group: 8,
  n_routed_experts: 256,
  n_shared_experts: 1,
  norm_topk_prob: true,
  num_attention_heads: 128,
  num_experts_per_tok: 8,
  num_hidden_layers: 61,
  num_key_value_heads: 128,
  num_nextn_predict_layers: 1,
  pretraining_tp: 1,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  quantization_config: { activation_scheme: 'dynamic', fmt: 'e4m3', quant_method: 'fp8', weight_block_size: [128, 128] },
  rms_norm_eps: 1e-6,
  rope_scaling: {
    beta_fast: 32,
    beta_slow: 1,
    factor: 40,
    mscale: 1,
    mscale_all_dim: 1,
    original_max_position_embeddings: 4096,
    type: 'yarn',
  },
  rope_theta: 10_000,
  routed_scaling_factor: 2.5,
  scoring_func: 'sigmoid',
  seq_aux: true,
  tie_word_embeddings: false,
  topk_group: 4,
  topk_method: 'noaux_tc',
  torch_dtype: 'bfloat16',
  transformers_version: '4.33.1',
  use_cache: true,
  v_head_dim: 128,
  vocab_size: 129_280,
}
const { scoring_func: _scoring, topk_method: _method, ...withoutRouting } = releasedV3
const releasedV2Lite = {
  ...releasedV3,
  ...toHfConfig(presets['deepseek-v2-lite']),
  rope_scaling: { ...releasedV3.rope_scaling, mscale: 0.707, mscale_all_dim: 0.707 }, // oxlint-disable-line oxc/approx-constant
  n_group: 1,
  topk_group: 1,
}

function messageOf(value: unknown): string {
  try {
    fromHfConfig(value)
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    return error.message
  }
  return ''
}

test('the released V3 file is the preset', () => {
  assert.deepEqual(fromHfConfig(releasedV3), { ...presets['deepseek-v3'], initStd: 0.02 })
})

test('newer files, with rope_parameters and without the routing’s name, say the same', () => {
  const { rope_theta: theta, rope_scaling: scaling, ...others } = withoutRouting
  const { type, ...settings } = scaling
  const newer = {
    ...others,
    rope_parameters: { ...settings, rope_type: type, rope_theta: theta },
    head_dim: 64,
    qk_head_dim: 192,
    rope_interleave: true,
  }
  assert.deepEqual(fromHfConfig(newer), fromHfConfig(releasedV3))
  const plain = { ...others, rope_parameters: { rope_type: 'default', rope_theta: 7 } }
  assert.deepEqual(fromHfConfig(plain), { ...fromHfConfig(releasedV3), yarn: null, ropeTheta: 7 })
})

test('the V2 class is read with its gate, Kimi-K2 as the V3 class', () => {
  assert.deepEqual(fromHfConfig(releasedV2Lite), presets['deepseek-v2-lite'])
  assert.equal(fromHfConfig({ ...releasedV3, model_type: 'kimi_k2' }).gate, 'sigmoid')
})

for (const [name, config] of Object.entries(presets)) {
  test(`${name} is written and read back unchanged`, () => {
    assert.deepEqual(parseHfConfig(formatHfConfig(config)), config)
  })
}

test('what is written carries the names that transformers looks for', () => {
  const v3 = toHfConfig(presets.tiny, { eosTokenId: 5, padTokenId: 2, dtype: 'bfloat16' })
  assert.equal(v3['model_type'], 'deepseek_v3')
  assert.deepEqual(v3['architectures'], ['DeepseekV3ForCausalLM'])
  assert.equal(v3['rope_interleave'], true)
  assert.equal(v3['topk_method'], 'noaux_tc')
  assert.deepEqual([v3['bos_token_id'], v3['eos_token_id'], v3['pad_token_id'], v3['torch_dtype']], [0, 5, 2, 'bfloat16'])
  const v2 = toHfConfig(presets['deepseek-v2'])
  assert.equal(v2['model_type'], 'deepseek_v2')
  assert.equal(v2['topk_method'], 'group_limited_greedy')
  assert.equal(toHfConfig(presets['deepseek-v2-lite'])['topk_method'], 'greedy')
})

test('numbers that Python reads as floats are written with their point', () => {
  const text = formatHfConfig(presets['deepseek-v2'])
  for (const line of [
    '"routed_scaling_factor": 16.0,',
    '"rope_theta": 10000.0,',
    '"factor": 40.0,',
    '"beta_slow": 1.0,',
    '"vocab_size": 102400,',
  ]) {
    assert.ok(text.includes(line), line)
  }
  assert.ok(text.includes('"rms_norm_eps": 0.000001,') && text.endsWith('}\n'))
})

const rejected: readonly [string, object, RegExp][] = [
  ['biases in attention', { attention_bias: true }, /attention_bias: expected false/],
  ['tied embeddings', { tie_word_embeddings: true }, /tie_word_embeddings: expected false/],
  ['another activation', { hidden_act: 'gelu' }, /hidden_act: expected "silu", got "gelu"/],
  ['MoE in every other layer', { moe_layer_freq: 2 }, /moe_layer_freq: expected 1/],
  ['half-rotated pairs', { rope_interleave: false }, /rope_interleave: expected true/],
  ['another scaling', { rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling.type: /],
  ['a factor without a kind', { rope_scaling: { factor: 2 } }, /rope_scaling.type: expected yarn, got none/],
  [
    'YaRN without its trained length',
    { rope_scaling: { type: 'yarn', factor: 2 } },
    /original_max_position_embeddings: expected a whole number .*got NaN/,
  ],
  [
    'a scaling key that nobody knows',
    { rope_scaling: { ...releasedV3.rope_scaling, short_factor: [1] } },
    /rope_scaling: expected known keys, got short_factor/,
  ],
  [
    'one weight of two',
    { rope_scaling: { ...releasedV3.rope_scaling, mscale_all_dim: 0, mscale: 0.5 } },
    /mscale: expected 1 where mscale_all_dim is 0, got 0.5/,
  ],
  ['a softmax gate with noaux_tc', { scoring_func: 'softmax' }, /scoring_func: expected sigmoid .*got softmax/],
  ['greedy routing in the V3 class', { topk_method: 'greedy' }, /topk_method: expected noaux_tc .*got greedy/],
  [
    'a sigmoid gate in the V2 class',
    { model_type: 'deepseek_v2', topk_method: 'group_limited_greedy', norm_topk_prob: false },
    /scoring_func: expected softmax/,
  ],
  ['grouped keys and values', { num_key_value_heads: 8 }, /num_key_value_heads: expected 128 .*got 8/],
  ['a window', { sliding_window: 4096 }, /sliding_window: expected a known key/],
  ['no experts', { n_routed_experts: null }, /n_routed_experts: expected number, got null/],
  ['another kind of model', { model_type: 'llama' }, /model_type: /],
  ['text where a number belongs', { hidden_size: '7168' }, /hidden_size: expected number, got "7168"/],
  ['a missing base', { rope_theta: undefined }, /rope_theta: expected a number above 1/],
  ['sizes that do not fit, in the words of the file', { n_group: 7 }, /n_routed_experts: expected a multiple of n_group = 7, got 256/],
]
for (const [what, change, message] of rejected) {
  test(`rejected: ${what}`, () => {
    assert.match(messageOf({ ...releasedV3, ...change }), message)
  })
}

test('greedy routing over groups, and normalised softmax gates, are refused in the V2 class', () => {
  assert.match(messageOf({ ...releasedV2Lite, n_group: 8, topk_group: 3 }), /topk_method: expected group_limited_greedy .*got greedy/)
  assert.match(messageOf({ ...releasedV2Lite, norm_topk_prob: true }), /norm_topk_prob: expected false/)
  assert.throws(() => toHfConfig({ ...presets.tiny, gate: 'softmax' }), /export: .*\n.*norm_topk_prob/)
})

test('all violations are told at once', () => {
  const message = messageOf({ ...releasedV3, sliding_window: 1, window: 2, num_key_value_heads: 8, topk_method: 'greedy', n_group: 7 })
  assert.match(message, /^config.json: 5 things are wrong/)
})

test('what is not a configuration is refused', () => {
  for (const value of [null, 7, 'x', [], {}]) assert.match(messageOf(value), /^config.json: /)
  assert.throws(() => parseHfConfig('{"a":'), /config.json: expected JSON/)
})

test('any values for the keys give a configuration within the rules or a message', () => {
  const anything = fc.oneof(fc.jsonValue(), fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, 8, 64, null, true))
  const changes = fc.dictionary(fc.constantFrom(...Object.keys(releasedV3), 'rope_parameters', 'head_dim'), anything, { maxKeys: 4 })
  fc.assert(
    fc.property(changes, (change) => {
      const value = { ...releasedV3, ...change }
      if (messageOf(value) === '') assert.deepEqual(modelConfigViolations(fromHfConfig(value)), [])
    }),
    { numRuns: 1000 },
  )
})

test('every configuration within the rules is written and read back unchanged', () => {
  const size = fc.integer({ min: 1, max: 64 })
  const changes: fc.Arbitrary<Partial<ModelConfig>> = fc.record({
    vocabSize: fc.integer({ min: 2, max: 1000 }),
    width: size,
    queryRank: fc.option(size),
    valueWidth: size,
    sharedExpertCount: fc.nat(3),
    routedScale: fc.double({ min: 0.1, max: 20, noNaN: true }),
    mtpDepth: fc.nat(3),
    ropeTheta: fc.double({ min: 2, max: 1e6, noNaN: true }),
    yarn: fc.constantFrom(null, presets.tiny.yarn),
    normEpsilon: fc.double({ min: 1e-8, max: 1e-3, noNaN: true }),
  })
  fc.assert(
    fc.property(changes, (change) => {
      const config = { ...presets.tiny, ...change }
      assert.deepEqual(parseHfConfig(JSON.stringify(toHfConfig(config))), config)
    }),
    { numRuns: 200 },
  )
})

test('a file is read, and one that is too long or not text is refused', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-config-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'config.json')
  writeFileSync(file, JSON.stringify(toHfConfig(presets.nano)))
  assert.deepEqual(readHfConfig(file), presets.nano)
  writeFileSync(file, Uint8Array.of(0x7b, 0xff))
  assert.throws(() => readHfConfig(file), /config.json: expected text in UTF-8/)
  writeFileSync(file, ' '.repeat(2 ** 20 + 1))
  assert.throws(() => readHfConfig(file), /expected at most 1048576 bytes, got 1048577/)
})
