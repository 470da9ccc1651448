import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ulpsBetween } from './accumulation.ts'

test('ulps count the f32 numbers between two, across zero too, and leave pairs of zeros out', () => {
  const next = 1 + 2 ** -23
  assert.deepEqual([...ulpsBetween(Float32Array.of(1, next, -1, 0, 0), Float32Array.of(next, 1, -1, 0, 2 ** -149))], [1, 1, 0, 1])
  assert.deepEqual([...ulpsBetween(Float32Array.of(-(2 ** -149)), Float32Array.of(2 ** -149))], [2])
})
