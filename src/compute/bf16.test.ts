import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { fillBf16, roundToBf16, widenBf16 } from './bf16.ts'
import { Machine } from './machine.ts'

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e37), max: Math.fround(1e37) })

test('rounding to bf16 gives the nearest number with eight bits of mantissa, and ties go to the even one', () => {
  const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -1 - 2 ** -9, 0, 3e-38)
  roundToBf16(values)
  assert.deepEqual([...values.subarray(0, 6)], [1, 1, 1 + 2 ** -6, 1 + 2 ** -7, -1, 0])
  fc.assert(
    fc.property(finite, (value) => {
      const rounded = Float32Array.of(value)
      roundToBf16(rounded)
      const again = rounded.slice()
      roundToBf16(again)
      assert.deepEqual(again, rounded)
      assert.ok(Math.abs(rounded[0] - value) <= Math.max(Math.abs(value) * 2 ** -8, 2 ** -133))
    }),
  )
})

test('a bf16 tensor takes two bytes a number, gives back what was rounded, and has no numbers of JavaScript', async () => {
  const machine = await Machine.start({ threads: 1 })
  try {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 70 }), (numbers) => {
        using _scope = machine.scope()
        const level = machine.heap.levelBytes
        const x = machine.tensor([numbers.length], 'bf16')
        assert.ok(machine.heap.levelBytes - level <= Math.max(64, 2 * numbers.length + 63))
        const values = Float32Array.from(numbers)
        fillBf16(x, values)
        roundToBf16(values)
        assert.deepEqual(widenBf16(x), values)
        assert.throws(() => x.data, /expected f32 or i32, got bf16/)
      }),
    )
    assert.ok(widenBf16(machine.zeros([33], 'bf16')).every((value) => Object.is(value, 0)))
  } finally {
    machine.close()
  }
})
