import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { roundToBf16, ulpsBetween } from './accumulation.ts'

test('rounding to bf16 gives the nearest number with eight bits of mantissa, and ties go to the even one', () => {
  const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -1 - 2 ** -9, 0, 3e-38)
  roundToBf16(values)
  assert.deepEqual([...values.subarray(0, 6)], [1, 1, 1 + 2 ** -6, 1 + 2 ** -7, -1, 0])
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e37), max: Math.fround(1e37) }), (value) => {
      const rounded = Float32Array.of(value)
      roundToBf16(rounded)
      const again = rounded.slice()
      roundToBf16(again)
      assert.deepEqual(again, rounded)
      assert.ok(Math.abs(rounded[0] - value) <= Math.max(Math.abs(value) * 2 ** -8, 2 ** -133))
    }),
  )
})

test('ulps count the f32 numbers between two, across zero too, and leave pairs of zeros out', () => {
  const next = 1 + 2 ** -23
  assert.deepEqual([...ulpsBetween(Float32Array.of(1, next, -1, 0, 0), Float32Array.of(next, 1, -1, 0, 2 ** -149))], [1, 1, 0, 1])
  assert.deepEqual([...ulpsBetween(Float32Array.of(-(2 ** -149)), Float32Array.of(2 ** -149))], [2])
})
