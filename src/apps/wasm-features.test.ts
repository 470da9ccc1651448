import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectWasmFeatures } from './wasm-features.ts'

test('the engine that runs the tests has every feature that the kernels use', () => {
  assert.deepEqual(detectWasmFeatures(), { hasSimd: true, hasRelaxedSimd: true, hasThreads: true })
})
