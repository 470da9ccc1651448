import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { checkGenerationOptions, defaultGenerationOptions, type SamplingOptions } from './generation-options.ts'
import { candidates, sample } from './sampling.ts'

const all: SamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 }
const logitsOf = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log)
const rng = () => Random.seeded(1)

test('temperature 0 takes the likeliest token, the first of equals, and draws nothing', () => {
  const stream = rng()
  assert.equal(sample(Float32Array.of(1, 3, 3, 2), 4, { ...all, temperature: 0 }, stream), 1)
  assert.equal(stream.state.draws, 0)
})

test('ids beyond the vocabulary are never drawn, however likely', () => {
  const logits = Float32Array.of(0, 0, 50, 60)
  for (const temperature of [0, 1]) {
    const stream = rng()
    for (let i = 0; i < 50; i++) assert.ok(sample(logits, 2, { ...all, temperature }, stream) < 2)
  }
})

test('each filter keeps what it says, one after the other', () => {
  const logits = logitsOf(0.4, 0.3, 0.2, 0.05, 0.05)
  const kept = (options: Partial<SamplingOptions>) => candidates(logits, 5, { ...all, ...options }).ids
  assert.deepEqual(kept({}), [0, 1, 2, 3, 4])
  assert.deepEqual(kept({ topK: 4 }), [0, 1, 2, 3], 'of equals, the lower id')
  assert.deepEqual(kept({ topP: 0.65 }), [0, 1])
  assert.deepEqual(kept({ topP: 0.75 }), [0, 1, 2])
  assert.deepEqual(kept({ minP: 0.49 }), [0, 1, 2])
  assert.deepEqual(kept({ topK: 2, topP: 0.5 }), [0], 'a share of what top-k left: 0.4 of 0.7')
  assert.deepEqual(kept({ topK: 4, topP: 0.99, minP: 0.7 }), [0, 1])
  assert.deepEqual(kept({ topP: 1e-9 }), [0], 'the likeliest always stays')
})

test('what is kept equals what sorting everything keeps', () => {
  const options = fc.record({
    temperature: fc.double({ min: 0.05, max: 5, noNaN: true }),
    topK: fc.integer({ min: 0, max: 30 }),
    // Not so near to 1 that the order of adding decides.
    topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 0.999, noNaN: true })),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const row = fc.array(fc.oneof(fc.integer({ min: -400, max: 400 }), fc.integer({ min: -20, max: 20 })), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(row, options, (numbers, given) => {
      const logits = Float32Array.from(numbers, (x) => x / 8)
      const { ids, weights } = candidates(logits, logits.length, given)
      const sorted = [...logits.keys()].sort((a, b) => weights[b] - weights[a] || a - b)
      const first = sorted.slice(0, given.topK || undefined)
      const sum = first.reduce((total, id) => total + weights[id], 0)
      let held = 0
      const expected = first.filter((id) => {
        const isIn = given.topP === 1 || held < given.topP * sum
        held += weights[id]
        return isIn && weights[id] >= given.minP && weights[id] > 0
      })
      const byId = (list: readonly number[]) => list.filter((id) => weights[id] > 0).sort((a, b) => a - b)
      assert.deepEqual(byId(ids), byId(expected))
    }),
  )
})

test('draws follow the distribution', () => {
  const probabilities = [0.5, 0.25, 0.15, 0.1]
  const stream = rng()
  const counts = [0, 0, 0, 0]
  const draws = 20_000
  for (let i = 0; i < draws; i++) counts[sample(logitsOf(...probabilities), 4, all, stream)]++
  for (const [id, p] of probabilities.entries()) {
    // Four standard deviations of a share.
    assert.ok(Math.abs(counts[id] / draws - p) < 4 * Math.sqrt((p * (1 - p)) / draws), `${id}: ${counts[id]}`)
  }
})

test('logits that are not finite are refused', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    assert.throws(() => sample(Float32Array.of(0, bad), 2, { ...all, temperature: 0 }, rng()), UsageError)
  }
})

test('every option that is out of its range is named at once', () => {
  const bad = { temperature: -1, topK: 1.5, topP: 0, minP: 2, seed: -3, maxTokens: 0, stop: [''] }
  assert.throws(
    () => checkGenerationOptions(bad),
    (error) => error instanceof UsageError && Object.keys(bad).every((name) => error.message.includes(`- ${name}: expected`)),
  )
  assert.throws(() => checkGenerationOptions({ temperature: Number.NaN }), /temperature: expected a number from 0 to 100, got NaN/)
  assert.deepEqual(checkGenerationOptions({}), defaultGenerationOptions)
})
