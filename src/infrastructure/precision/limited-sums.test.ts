import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { limitedDot, publishedInterval } from './limited-sums.ts'

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, i) => value * b[i]).reduce((sum, product) => sum + product, 0)

test('sums of few bits are exact', () => {
  const [a, b] = [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]
  assert.equal(limitedDot(a, b, Infinity), 70)
  assert.equal(limitedDot([], [], 128), 0)
  assert.equal(limitedDot([0, 0], [1, 2], 128), 0)
})

test('what lies 14 bits below the largest product is cut off, towards zero, unless it comes after a promotion', () => {
  assert.equal(limitedDot([1, 2 ** -13], [1, 1], Infinity), 1 + 2 ** -13)
  assert.equal(limitedDot([1, 2 ** -14], [1, 1], Infinity), 1)
  assert.equal(limitedDot([-1, -(2 ** -14)], [1, 1], Infinity), -1)
  const apart = [1, ...Array<number>(31).fill(0), 2 ** -14]
  const ones = Array<number>(apart.length).fill(1)
  assert.equal(limitedDot(apart, ones, Infinity), 1)
  assert.equal(limitedDot(apart, ones, 32), 1 + 2 ** -14)
})

test('a sum of ones stands still at 2^14 without promotion, and is exact with it', () => {
  const ones = new Float64Array(20_000).fill(1)
  const few = new Float64Array(20_000).fill(1 / 64)
  assert.equal(limitedDot(ones, ones, publishedInterval), 20_000)
  assert.equal(limitedDot(ones, few, publishedInterval), 20_000 / 64)
  // From 2^14 on, the last bit is two: a group of 32 still counts, single ones would not.
  assert.equal(limitedDot(ones, ones, Infinity), 20_000)
  const spread = Float64Array.from({ length: 32 * 20_000 }, (_, i) => (i % 32 === 0 ? 1 : 0))
  assert.equal(limitedDot(spread, new Float64Array(spread.length).fill(1), Infinity), 2 ** 14)
})

test('for random rows of 4096 the error without promotion is some percent at worst, as published, and far smaller with it', () => {
  const rng = Random.seeded(3).fork('limited')
  const row = () => Float64Array.from({ length: 4096 }, () => rng.uniform())
  const worst = (interval: number) =>
    Math.max(
      ...Array.from({ length: 24 }, () => {
        const [a, b] = [row(), row()]
        const right = dot(a, b)
        return Math.abs(limitedDot(a, b, interval) - right) / right
      }),
    )
  const [without, promoted] = [worst(Infinity), worst(publishedInterval)]
  assert.ok(without > 0.002 && without < 0.05, `without promotion ${without}`)
  assert.ok(promoted < without / 4, `promoted ${promoted}`)
})
