import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cacheEquivalents,
  decodeFlopsPerToken,
  describeModel,
  headCacheElementsPerToken,
  latentCacheBytesPerToken,
  latentCacheElementsPerToken,
  prefillFlopsPerToken,
  trainingFlopsPerToken,
} from './counts-per-token.ts'
import { presets } from './presets.ts'

const { 'deepseek-v3': v3, 'deepseek-v2': v2, 'deepseek-v2-lite': v2Lite, bench, nano } = presets

test('the latent cache has the published bytes a token', () => {
  assert.equal(latentCacheBytesPerToken(v3), 70_272)
  assert.equal(latentCacheBytesPerToken(v3, 'f32'), 2 * 70_272)
  assert.equal(latentCacheBytesPerToken(v3, 'fp8'), 61 * 656)
  assert.equal(latentCacheElementsPerToken(v2), 34_560)
  assert.equal(latentCacheBytesPerToken(v2), 69_120)
  assert.equal(latentCacheBytesPerToken(v2Lite), 31_104)
})

test('the usual caches have the published bytes a token', () => {
  const wide = { keyWidth: 128, valueWidth: 128 }
  const qwen72 = 2 * headCacheElementsPerToken({ ...wide, keyValueHeadCount: 8, layerCount: 80 })
  assert.equal(qwen72, 327_680)
  assert.equal((qwen72 / latentCacheBytesPerToken(v3)).toFixed(2), '4.66')
  assert.equal(2 * headCacheElementsPerToken({ ...wide, keyValueHeadCount: 8, layerCount: 126 }), 516_096)
  assert.equal(2 * cacheEquivalents(v3).mha, 3_997_696)
  assert.equal(cacheEquivalents(v2Lite).mha, 110_592)
  assert.equal(cacheEquivalents(v3).mlaAsGroups, 2.25)
  const deepseek67 = 2 * headCacheElementsPerToken({ ...wide, keyValueHeadCount: 8, layerCount: 95 })
  const v2SixBits = (latentCacheElementsPerToken(v2) * 6) / 8
  assert.equal(deepseek67, 389_120)
  assert.equal(v2SixBits, 25_920)
  assert.equal((1 - v2SixBits / deepseek67).toFixed(4), '0.9334')
})

test('training FLOPs a token are the published ones', () => {
  const causal = trainingFlopsPerToken(v3, 4096)
  assert.equal(causal.weights, 6 * 36_625_618_432)
  assert.equal(causal.attention, 3 * 2 * 128 * 320 * 2048 * 61)
  assert.equal((causal.total / 1e9).toFixed(2), '250.46')
  const full = trainingFlopsPerToken(v3, 4096, 'full')
  assert.equal((full.total / 1e9).toFixed(2), '281.16')
  assert.equal((full.total / causal.total).toFixed(3), '1.123')
  assert.equal((trainingFlopsPerToken(v2, 4096).total / 1e9).toFixed(2), '155.31')
})

test('bench costs 46.0 MFLOP a token at length 512', () => {
  const flops = trainingFlopsPerToken(bench, 512)
  assert.equal((flops.total / 1e6).toFixed(1), '46.0')
  assert.equal(flops.totalWithMtp, flops.total)
})

test('the plan of nano holds: 13.4 MFLOP a token with its MTP module', () => {
  assert.equal((trainingFlopsPerToken(nano, 128).totalWithMtp / 1e6).toFixed(1), '13.4')
})

test('a prompt token costs a third of a training token', () => {
  assert.equal(prefillFlopsPerToken(v3, 4096).total * 3, trainingFlopsPerToken(v3, 4096).total)
})

test('a generated token costs 278,528 FLOPs a cached token and layer more', () => {
  assert.equal(decodeFlopsPerToken(v3, 1) - decodeFlopsPerToken(v3, 0), 278_528 * 61)
  assert.equal(decodeFlopsPerToken(v3, 0), 2 * 36_625_618_432)
})

test('a description holds what inspect prints', () => {
  const description = describeModel(v3)
  assert.equal(description.parameters.total, 671_026_419_200)
  assert.equal(description.parameters.activated, 36_625_618_432)
  assert.equal(description.kvCacheBytesPerToken, 70_272)
  assert.equal(description.trainingFlopsPerToken.length, 4096)
  assert.equal((description.trainingFlopsPerToken.causal / 1e9).toFixed(2), '250.46')
})
