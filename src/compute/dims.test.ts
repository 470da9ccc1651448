/**
 * `dims` at run time and at compile time. The lines under `@ts-expect-error` are checked by `tsc`: one that compiled
 * would fail the type check.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShapeError } from '../base/errors.ts'
import { dims } from './dims.ts'

const shaped = (...shape: number[]) => ({ shape })

test('every letter of every name gets its size', () => {
  const [x_MD, gain_D, w_FD] = [shaped(6, 4), shaped(4), shaped(9, 4)]
  assert.deepEqual(dims({ x_MD, gain_D, w_FD }), { M: 6, D: 4, F: 9 })
})

test('two tensors that disagree about a letter are named with both sizes', () => {
  const [x_MD, gain_D] = [shaped(6, 128), shaped(64)]
  assert.throws(() => dims({ x_MD, gain_D }), { name: 'ShapeError', message: 'gain_D has D = 64, but x_MD has D = 128.' })
})

test('a letter that stands twice in one name must have one size', () => {
  const square_DD = shaped(3, 3)
  assert.deepEqual(dims({ square_DD }), { D: 3 })
  const oblong_DD = shaped(3, 4)
  assert.throws(() => dims({ oblong_DD }), ShapeError)
})

test('a name with another number of letters than its tensor has dimensions is refused', () => {
  const x_MD = shaped(6)
  assert.throws(() => dims({ x_MD }), { name: 'ShapeError', message: 'x_MD: expected 2 dimensions, got [6].' })
  const gain_D = shaped()
  assert.throws(() => dims({ gain_D }), /expected 1 dimensions, got \[\]/)
})

test('only the letters after the last underscore count, and lower case is another letter', () => {
  const [d_hidden_MD, scale_fd] = [shaped(2, 3), shaped(5, 7)]
  assert.deepEqual(dims({ d_hidden_MD, scale_fd }), { M: 2, D: 3, f: 5, d: 7 })
})

test('a name without an underscore has no letters and is not looked at', () => {
  const [anything, x_M] = [shaped(1, 2, 3), shaped(0)]
  assert.deepEqual(dims({ anything, x_M }), { M: 0 })
})

test('the compiler knows which letters there are', () => {
  const [x_MD, gain_D, plain] = [shaped(6, 4), shaped(4), shaped(1)]
  const { M, D }: { M: number; D: number } = dims({ x_MD, gain_D })
  assert.deepEqual([M, D], [6, 4])
  // @ts-expect-error: no name has an H
  const { H } = dims({ x_MD, gain_D })
  // @ts-expect-error: "x" stands before the underscore
  const { x } = dims({ x_MD })
  // @ts-expect-error: a name without an underscore has no letters
  const { p } = dims({ plain })
  assert.deepEqual([H, x, p], [undefined, undefined, undefined])
})

test('the compiler refuses what is no tensor, and writing into the answer', () => {
  const x_MD = shaped(6, 4)
  // @ts-expect-error: a number has no shape
  assert.throws(() => dims({ count_M: 3 }))
  const sizes = dims({ x_MD })
  // @ts-expect-error: sizes are read-only
  sizes.M = 7
  assert.equal(sizes.D, 4)
})
