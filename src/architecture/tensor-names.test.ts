import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countParameters } from './counts.ts'
import { presets } from './presets.ts'
import { checkpointBytes, type CheckpointTensor, checkpointTensors } from './tensor-names.ts'

const { 'deepseek-v3': v3, 'deepseek-v2-lite': v2Lite } = presets
const elements = (tensors: readonly CheckpointTensor[]) =>
  tensors.reduce((total, { shape }) => total + shape.reduce((product, size) => product * size, 1), 0)

test('the released V3 repository is reproduced to the tensor and to the byte', () => {
  const tensors = checkpointTensors(v3, { format: 'released-fp8', withMtp: true })
  assert.equal(tensors.length, 91_991)
  assert.equal(checkpointBytes(tensors), 688_574_839_360)
  assert.equal(new Set(tensors.map(({ name }) => name)).size, tensors.length, 'every name once')
})

test('without the MTP module V3 has 673,150,611,808 bytes', () => {
  assert.equal(checkpointBytes(checkpointTensors(v3, { format: 'released-fp8', withMtp: false })), 673_150_611_808)
})

test('the shapes of the odd ones are those of the released files', () => {
  const tensors = checkpointTensors(v3, { format: 'released-fp8', withMtp: true })
  const described = new Map(tensors.map(({ name, dtype, shape }) => [name, `${dtype} ${shape.join(' x ')}`]))
  const expected = {
    'model.embed_tokens.weight': 'BF16 129280 x 7168',
    'lm_head.weight': 'BF16 129280 x 7168',
    'model.layers.0.self_attn.q_b_proj.weight': 'F8_E4M3 24576 x 1536',
    'model.layers.0.self_attn.q_b_proj.weight_scale_inv': 'F32 192 x 12',
    'model.layers.60.self_attn.kv_a_proj_with_mqa.weight_scale_inv': 'F32 5 x 56',
    'model.layers.60.self_attn.kv_b_proj.weight': 'F8_E4M3 32768 x 512',
    'model.layers.60.self_attn.o_proj.weight_scale_inv': 'F32 56 x 128',
    'model.layers.2.mlp.down_proj.weight': 'F8_E4M3 7168 x 18432',
    'model.layers.3.mlp.gate.weight': 'BF16 256 x 7168',
    'model.layers.3.mlp.gate.e_score_correction_bias': 'F32 256',
    'model.layers.3.mlp.experts.255.up_proj.weight_scale_inv': 'F32 16 x 56',
    'model.layers.61.eh_proj.weight': 'BF16 7168 x 14336',
    'model.layers.61.shared_head.head.weight': 'BF16 129280 x 7168',
    'model.layers.61.mlp.shared_experts.down_proj.weight': 'F8_E4M3 7168 x 2048',
  }
  for (const [name, description] of Object.entries(expected)) assert.equal(described.get(name), description, name)
  assert.ok(!described.has('model.layers.2.mlp.gate.weight') && !described.has('model.layers.61.eh_proj.weight_scale_inv'))
})

test('V2-Lite has one query projection and no router bias', () => {
  const names = new Set(checkpointTensors(v2Lite, { format: 'bfloat16', withMtp: true }).map(({ name }) => name))
  assert.ok(names.has('model.layers.0.self_attn.q_proj.weight'))
  assert.ok(!names.has('model.layers.0.self_attn.q_a_proj.weight'))
  assert.ok(![...names].some((name) => name.includes('e_score_correction_bias')))
})

test('the tensors hold as many numbers as the counts say, with MTP and without', () => {
  for (const [name, config] of Object.entries(presets)) {
    const { total, mtp } = countParameters(config)
    const main = checkpointTensors(config, { format: 'float32', withMtp: false })
    assert.equal(elements(main), total, name)
    assert.equal(checkpointBytes(main), 4 * total, name)
    assert.equal(elements(checkpointTensors(config, { format: 'bfloat16', withMtp: true })), total + mtp.withDuplicates, name)
  }
})

test('two MTP modules are two layers', () => {
  const tensors = checkpointTensors({ ...presets.tiny, mtpDepth: 2 }, { format: 'float32', withMtp: true })
  assert.ok(tensors.some(({ name }) => name === 'model.layers.3.eh_proj.weight'))
  assert.ok(tensors.some(({ name }) => name === 'model.layers.4.eh_proj.weight'))
})
