import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random, philox } from './random.ts'

const words = (text: string) => text.split(' ').map((word) => Number.parseInt(word, 16))
const take = (rng: Random, count: number) => Array.from({ length: count }, () => rng.uint32())

/** Chi-squared of counts that should be equal, as standard deviations from its mean (so about normal for many bins). */
function deviation(counts: readonly number[], draws: number): number {
  const expected = draws / counts.length
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = counts.length - 1
  return (chiSquared - freedom) / Math.sqrt(2 * freedom)
}

test('Philox gives the known answers that Random123 publishes for 10 rounds', () => {
  const vectors = [
    ['0 0 0 0', '0 0', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ] as const
  for (const [counter, key, answer] of vectors) {
    const [a, b, c, d] = words(counter) as [number, number, number, number]
    const [x, y] = words(key) as [number, number]
    assert.deepEqual(philox([a, b, c, d], [x, y]), words(answer))
  }
})

test('the root stream of seed 0 is Philox with key 0, counted from 0', () => {
  assert.deepEqual(take(Random.seeded(0), 4), words('6627e8d5 e169c58d bc57ac4c 9b00dbd8'))
})

test('a fork depends on its name and its parent, not on how far the parent or a sibling has moved', () => {
  const fresh = take(Random.seeded(7).fork('init'), 8)
  const used = Random.seeded(7)
  take(used, 5)
  take(used.fork('data'), 3)
  assert.deepEqual(take(used.fork('init'), 8), fresh)
})

test('streams of different names, depths and seeds differ', () => {
  const streams = new Set<string>()
  let count = 0
  for (const seed of [0, 1, 2, 2 ** 32, 2 ** 53 - 1]) {
    const root = Random.seeded(seed)
    const names = Array.from({ length: 200 }, (_, index) => `layers.${index}`)
    for (const name of [...names, 'a', 'b', 'ab', 'ba', 'a/a', 'a/b', 'b/a']) {
      streams.add(take(root.fork(name), 2).join())
      count++
    }
    streams.add(take(root, 2).join())
    count++
  }
  assert.equal(streams.size, count)
})

test('a path with slashes is the walk of its parts, so a state finds its stream again', () => {
  const root = Random.seeded(11)
  const stream = root.fork('init').fork('layers.3')
  take(stream, 13)
  const { path, draws } = stream.state
  assert.deepEqual([path, draws], ['init/layers.3', 13])
  assert.deepEqual(take(root.fork(path).seek(draws), 6), take(stream, 6))
})

test('a name that is empty or has an empty part is refused', () => {
  for (const name of ['', '/', 'a/', '/a', 'a//b']) assert.throws(() => Random.seeded(0).fork(name), /fork: expected/)
})

test('seek stands where that many draws lead, at every offset in a block', () => {
  const all = take(Random.seeded(3).fork('x'), 40)
  for (let start = 0; start < 20; start++) {
    const rng = Random.seeded(3).fork('x').seek(start)
    assert.deepEqual(take(rng, 9), all.slice(start, start + 9))
  }
})

test('seek reaches beyond 2^32 blocks and keeps counting there', () => {
  const far = 4 * 2 ** 32
  const rng = Random.seeded(0).seek(far - 2)
  const [, , ...after] = take(rng, 6)
  assert.deepEqual(after, philox([0, 1, 0, 0], [0, 0]))
})

test('a seed or a position that is not a whole number from 0 to 2^53 - 1 is refused', () => {
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => Random.seeded(bad), /seed: expected/)
    assert.throws(() => Random.seeded(0).seek(bad), /seek: expected/)
  }
})

test('uniform fills [0, 1) evenly, and neighbours are not related', () => {
  const rng = Random.seeded(1).fork('uniform')
  const draws = 40_000
  const single = Array.from({ length: 64 }, () => 0)
  const pairs = Array.from({ length: 64 }, () => 0)
  let previous = 0
  for (let i = 0; i < draws; i++) {
    const value = rng.uniform()
    assert.ok(value >= 0 && value < 1)
    single[Math.floor(value * 64)]++
    pairs[Math.floor(previous * 8) * 8 + Math.floor(value * 8)]++
    previous = value
  }
  assert.ok(Math.abs(deviation(single, draws)) < 4)
  assert.ok(Math.abs(deviation(pairs, draws)) < 4)
})

test('sibling streams are not correlated with each other', () => {
  const root = Random.seeded(5)
  const [a, b] = [root.fork('worker.0'), root.fork('worker.1')]
  const draws = 40_000
  const joint = Array.from({ length: 64 }, () => 0)
  for (let i = 0; i < draws; i++) joint[Math.floor(a.uniform() * 8) * 8 + Math.floor(b.uniform() * 8)]++
  assert.ok(Math.abs(deviation(joint, draws)) < 4)
})

test('below has no bias where a plain remainder would have a strong one', () => {
  // With bound 3 · 2^30 a remainder of 32 bits would give the first third of the range twice as often as the others.
  const rng = Random.seeded(2).fork('below')
  const bound = 3 * 2 ** 30
  const draws = 30_000
  const thirds = [0, 0, 0]
  for (let i = 0; i < draws; i++) thirds[Math.floor(rng.below(bound) / 2 ** 30)]++
  assert.ok(Math.abs(deviation(thirds, draws)) < 4, thirds.join())
})

test('below covers small ranges evenly, and its edges are 1 and 2^32', () => {
  const rng = Random.seeded(2).fork('small')
  const counts = Array.from({ length: 7 }, () => 0)
  for (let i = 0; i < 14_000; i++) counts[rng.below(7)]++
  assert.ok(Math.abs(deviation(counts, 14_000)) < 4)
  assert.equal(rng.below(1), 0)
  assert.ok(Number.isInteger(rng.below(2 ** 32)))
  for (const bad of [0, -1, 1.5, 2 ** 32 + 1]) assert.throws(() => rng.below(bad), /below: expected/)
})

test('normal has the moments of a standard normal and only finite values', () => {
  const rng = Random.seeded(9).fork('normal')
  const draws = 40_000
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < draws; i++) {
    const value = rng.normal()
    assert.ok(Number.isFinite(value))
    for (let power = 1; power <= 4; power++) sums[power - 1] += value ** power / draws
  }
  const [mean, square, cube, fourth] = sums as [number, number, number, number]
  // Five standard errors of each moment: the variances of x, x², x³, x⁴ are 1, 2, 15, 96.
  const within = (value: number, expected: number, variance: number) =>
    assert.ok(Math.abs(value - expected) < 5 * Math.sqrt(variance / draws))
  within(mean, 0, 1)
  within(square, 1, 2)
  within(cube, 0, 15)
  within(fourth, 3, 96)
})

test('shuffle keeps every item and gives each of the 24 orders of four items equally often', () => {
  const rng = Random.seeded(4).fork('shuffle')
  const counts = new Map<string, number>()
  const draws = 24_000
  for (let i = 0; i < draws; i++) {
    const order = rng.shuffle(['a', 'b', 'c', 'd']).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  assert.equal(counts.size, 24)
  assert.ok(Math.abs(deviation([...counts.values()], draws)) < 4)
  assert.deepEqual(rng.shuffle([]), [])
})
