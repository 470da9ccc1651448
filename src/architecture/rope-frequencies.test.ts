import assert from 'node:assert/strict'
import { test } from 'node:test'
import { presets } from './presets.ts'
import { attentionScale, ropeFrequencies, rotationScale, yarnRange } from './rope-frequencies.ts'

const { 'deepseek-v3': v3, 'deepseek-v2': v2, 'deepseek-v2-lite': v2Lite, 'kimi-k2': kimi, bench } = presets

test('without YaRN the frequencies are powers of the base', () => {
  const frequencies = ropeFrequencies(bench)
  assert.equal(frequencies.length, 8)
  for (let pair = 0; pair < 8; pair++) assert.equal(frequencies[pair], 10_000 ** (-pair / 8))
})

test('V3 blends from pair 10 to pair 23', () => {
  assert.deepEqual(yarnRange(v3, v3.yarn!), { low: 10, high: 23 })
})

test('V3 has the published blended frequencies, to all printed digits', () => {
  const printed = [
    0.0562341325, 0.0390069266, 0.0268793601, 0.0183781462, 0.0124479559, 0.00833450895, 0.0055, 0.00356199749, 0.0022493653, 0.00137051364,
    0.000790569415, 0.000414990398, 0.000177827941, 3.33380358e-5,
  ]
  const frequencies = ropeFrequencies(v3)
  for (const [index, value] of printed.entries()) {
    assert.equal(frequencies[10 + index].toPrecision(9), value.toPrecision(9), `pair ${10 + index}`)
  }
})

test('below the blend nothing changes, above it everything is divided', () => {
  const plain = ropeFrequencies({ ...v3, yarn: null })
  const stretched = ropeFrequencies(v3)
  for (let pair = 0; pair <= 10; pair++) assert.equal(stretched[pair], plain[pair])
  for (let pair = 23; pair < 32; pair++) assert.equal(stretched[pair], plain[pair] / 40)
})

test('Kimi-K2, with both bounds at one rotation, blends between two neighbours', () => {
  assert.deepEqual(yarnRange(kimi, kimi.yarn!), { low: 19, high: 20 })
})

test('an empty blend is a step', () => {
  const rotations = 512 / (2 * Math.PI)
  const yarn = { ...v3.yarn!, betaFast: rotations, betaSlow: rotations, originalLength: 512 }
  const plain = ropeFrequencies(bench)
  const stretched = ropeFrequencies({ ...bench, yarn })
  assert.deepEqual(yarnRange(bench, yarn), { low: 0, high: 0 })
  assert.equal(stretched[0], plain[0])
  for (let pair = 1; pair < 8; pair++) assert.equal(stretched[pair], plain[pair] / 40)
})

test('the softmax scale carries mscale squared', () => {
  assert.equal(attentionScale({ ...v3, yarn: null }).toFixed(7), '0.0721688')
  assert.equal((attentionScale(v3) * Math.sqrt(192)).toFixed(7), '1.8738542')
  assert.equal(attentionScale(v3).toFixed(8), '0.13523378')
  assert.equal((attentionScale(v2) * Math.sqrt(192)).toFixed(7), '1.5896262')
  assert.equal(attentionScale(v2).toFixed(8), '0.11472139')
  assert.equal(attentionScale(v2Lite), attentionScale(v2))
})

test('cosines and sines are scaled only where the two weights differ', () => {
  assert.equal(rotationScale(v3), 1)
  assert.equal(rotationScale(v2), 1)
  assert.equal(rotationScale(bench), 1)
  assert.equal(rotationScale({ yarn: { ...v3.yarn!, mscaleAllDim: 0 } }).toFixed(7), '1.3688879')
})
