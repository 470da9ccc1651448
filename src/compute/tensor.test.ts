/** Tensors and views on a machine, and what a machine refuses. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { InvariantError, UsageError } from '../base/errors.ts'
import { bits, Machine } from './machine.ts'
import { columns } from './tensor.ts'
import { tolerance } from './tolerance.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2, dialect: 'plain' })
})
after(() => machine.close())

test('a machine says which build it runs and why, and refuses no threads at all', async () => {
  assert.deepEqual(machine.kernels, { type: 'kernels', dialect: 'plain', reason: 'asked for' })
  const chosen = await Machine.start({ threads: 1 })
  assert.match(chosen.kernels.reason, /relaxed SIMD/)
  chosen.close()
  await assert.rejects(Machine.start({ threads: 0 }), UsageError)
  await assert.rejects(Machine.start({ threads: 1.5 }), UsageError)
})

test('numbers go in and come out, whole ones too', () => {
  using _scope = machine.scope()
  assert.deepEqual(machine.tensorOf([1, 2.5, -3], [3]).toArray(), Float32Array.of(1, 2.5, -3))
  assert.deepEqual(Array.from(machine.tensorOf([7, -8], [2, 1], 'i32').data), [7, -8])
  assert.deepEqual(machine.zeros([2, 2]).toArray(), new Float32Array(4))
  assert.equal(machine.tensor([0, 5]).toArray().length, 0)
  assert.throws(() => machine.tensorOf([1, 2], [3]), /expected 3 numbers for \[3\], got 2/)
})

test('a view of columns reads its own columns, and a view of a view too', () => {
  using _scope = machine.scope()
  const x_MD = machine.tensorOf([0, 1, 2, 3, 10, 11, 12, 13], [2, 4])
  const middle = columns(x_MD, 1, 4)
  assert.deepEqual(Array.from(middle.toArray()), [1, 2, 3, 11, 12, 13])
  const last = columns(middle, 1, 3)
  assert.deepEqual(Array.from(last.toArray()), [2, 3, 12, 13])
  assert.equal(last.base, x_MD)
  assert.throws(() => middle.data, /expected whole rows/)
  for (const [from, to] of [
    [-1, 2],
    [2, 5],
    [3, 2],
  ] as const) {
    assert.throws(() => columns(x_MD, from, to), InvariantError)
  }
  assert.throws(() => columns(machine.zeros([4]), 0, 1), InvariantError)
})

test('a tensor outlives the growth of the heap, and the kernels go on reading their arguments', () => {
  using _scope = machine.scope()
  const x_K = machine.tensorOf([1, 2, 3], [3])
  const bytes = machine.heap.memory.buffer.byteLength
  const large = machine.zeros([bytes / 4])
  assert.ok(machine.heap.memory.buffer.byteLength > bytes)
  machine.run('addScaled', large.address, x_K.address, 3, bits(2), bits(0))
  assert.deepEqual(Array.from(large.data.subarray(0, 4)), [2, 4, 6, 0])
  assert.deepEqual(Array.from(x_K.data), [1, 2, 3])
})

test('the tolerance grows with the root of the terms and with the format’s step', () => {
  assert.equal(tolerance('f32', 400), 20 * tolerance('f32', 1))
  assert.equal(tolerance('bf16', 9), 2 ** 16 * tolerance('f32', 9))
  assert.equal(tolerance('f32', 0), tolerance('f32', 1))
})
