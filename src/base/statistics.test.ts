import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from './random.ts'
import {
  bootstrapInterval,
  mean,
  meanInterval,
  median,
  movingAverage,
  pairedDifference,
  quantile,
  shareInterval,
  spread,
  variance,
} from './statistics.ts'

const near = (value: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${value} is not ${expected}`)

test('mean and variance of a small set', () => {
  near(mean([2, 4, 4, 4, 5, 5, 7, 9]), 5)
  near(variance([2, 4, 4, 4, 5, 5, 7, 9]), 32 / 7)
  assert.throws(() => mean([]), /expected samples/)
  assert.throws(() => variance([1]), /two samples/)
})

test('variance is exact for samples far from zero', () => {
  near(variance([1e9 + 1, 1e9 + 2, 1e9 + 3]), 1)
})

test('median and quantiles interpolate and leave the samples in their order', () => {
  const samples = [4, 1, 3, 2]
  near(median(samples), 2.5)
  near(quantile(samples, 0.25), 1.75)
  near(quantile(samples, 1), 4)
  near(median([7]), 7)
  assert.deepEqual(samples, [4, 1, 3, 2])
})

test('spread tells median, quartiles and extremes', () => {
  const expected = { count: 5, median: 3, lowerQuartile: 2, upperQuartile: 4, minimum: 1, maximum: 50 }
  assert.deepEqual(spread([3, 1, 50, 2, 4]), expected)
})

test('the interval of a mean is that of the textbook', () => {
  // n = 5, mean 3, s = sqrt(2.5), t(4) = 2.776: half width 2.776 · 0.70711.
  const { value, low, high, count } = meanInterval([1, 2, 3, 4, 5])
  near(value, 3)
  near(low, 3 - 2.776 * Math.sqrt(0.5))
  near(high, 3 + 2.776 * Math.sqrt(0.5))
  assert.equal(count, 5)
})

test('beyond the table of t the interval goes over smoothly into the normal one', () => {
  const halfWidth = (count: number) => {
    const samples = Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 1 : -1))
    const { value, high } = meanInterval(samples)
    return (high - value) / Math.sqrt(variance(samples) / count)
  }
  near(halfWidth(32), 2.0395, 1e-3) // t(31)
  near(halfWidth(61), 2.0003, 1e-3) // t(60)
  near(halfWidth(10_001), 1.9602, 1e-3)
})

test('the interval of a mean covers the truth about 95 times in 100', () => {
  const rng = Random.seeded(12).fork('coverage')
  const trials = 2000
  let covered = 0
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = meanInterval(Array.from({ length: 8 }, () => rng.normal()))
    if (low <= 0 && 0 <= high) covered++
  }
  near(covered / trials, 0.95, 0.02)
})

test('pairing finds a small difference that two separate means would miss', () => {
  const rng = Random.seeded(1).fork('pairs')
  const items = Array.from({ length: 100 }, () => 10 * rng.normal())
  const better = items.map((value) => value + 0.5 + 0.1 * rng.normal())
  const { value, low, high } = pairedDifference(better, items)
  assert.ok(low > 0.4 && value < high && high < 0.6)
  assert.ok(meanInterval(better).low < meanInterval(items).high)
  assert.throws(() => pairedDifference([1, 2], [1]), /as many samples/)
})

test('the interval of a share is Wilson’s, also at the ends', () => {
  const half = shareInterval(5, 10)
  near(half.low, 0.2366, 1e-4)
  near(half.high, 0.7634, 1e-4)
  const none = shareInterval(0, 10)
  assert.equal(none.low, 0)
  near(none.high, 0.2775, 1e-4)
  assert.equal(shareInterval(10, 10).high, 1)
})

test('the bootstrap agrees with the formula where there is one, and repeats itself', () => {
  const samples = Array.from({ length: 200 }, (_, index) => Math.sin(index))
  const run = () => bootstrapInterval(samples, mean, Random.seeded(3).fork('bootstrap'))
  const exact = meanInterval(samples)
  near(run().low, exact.low, 0.02)
  near(run().high, exact.high, 0.02)
  assert.deepEqual(run(), run())
})

test('a moving average starts at its first sample and forgets with the decay', () => {
  const average = movingAverage(0.9)
  near(average(5), 5)
  near(average(5), 5)
  near(movingAverage(0)(3), 3)
  const falling = movingAverage(0.5)
  falling(1)
  near(falling(0), 1 / 3)
})
