/** Loss by position and the needle test: what both make of long held-out text. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { mean } from '../base/statistics.ts'
import { createModel, type Model, presets, tokenLosses } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { makeDocument } from '../pretraining/data/index.ts'
import { heldOutStream } from './held-out-stream.ts'
import { bucketEnds, lossByPosition } from './loss-by-position.ts'
import { needleTest, shortestNeedleText } from './needle.ts'

let machine: Machine
let model: Model
let tokenizer: Tokenizer
let stream: Int32Array
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, 0.3, Random.seeded(3))
  const rng = Random.seeded(5)
  const words = ['The', ' number', ' of', ' men', ' is', ' sea', ' ship', ' day', ' was', ' calm', '.']
  const text = Array.from({ length: 3000 }, () => words[rng.below(words.length)]).join('')
  tokenizer = trainTokenizer([text], { vocabSize: 400 })
  stream = heldOutStream(
    [
      { name: 'little', weight: 0.1, train: [], heldOut: [makeDocument('little', { id: 'c', text: 'never reached' })] },
      { name: 'much', weight: 0.9, train: [], heldOut: ['ship', text].map((one, id) => makeDocument('much', { id: `${id}`, text: one })) },
    ],
    tokenizer,
    2000,
  )
})
after(() => machine.close())

test('the stream is whole documents, the longest of the heaviest domain first, cut off where enough is', () => {
  assert.equal(stream.length, 2000)
  assert.equal(stream[0], tokenizer.eosId)
  assert.ok(!stream.subarray(1).includes(tokenizer.eosId))
  const all = heldOutStream(
    [{ name: 'a', weight: 1, train: [], heldOut: ['men', 'ship was calm'].map((text, id) => makeDocument('a', { id: `${id}`, text })) }],
    tokenizer,
    100,
  )
  assert.deepEqual([...all], [tokenizer.eosId, ...tokenizer.encode('ship was calm'), tokenizer.eosId, ...tokenizer.encode('men')])
})

test('buckets are powers of two up to the window', () => {
  assert.deepEqual(bucketEnds(1), [1])
  assert.deepEqual(bucketEnds(8), [1, 2, 4, 8])
  assert.deepEqual(bucketEnds(100), [1, 2, 4, 8, 16, 32, 64, 100])
})

test('every prediction of every row falls into one bucket, and their means are those of the losses', async () => {
  for (const windowLength of [48, 100]) {
    const rows = Math.floor(1999 / windowLength)
    const scored = await lossByPosition(model, stream, windowLength)
    assert.equal(scored.rows, rows)
    const sums = scored.buckets.map(() => 0)
    for (let row = 0; row < rows; row++) {
      using _scope = machine.scope()
      const tokens_BS = stream.slice(row * windowLength, row * windowLength + windowLength + 1)
      const losses = tokenLosses(model, { rows: 1, length: windowLength, rowTokens: windowLength + 1, tokens_BS }).toArray()
      for (const [index, { from, to }] of scored.buckets.entries()) for (let t = from; t < to; t++) sums[index] += losses[t]
    }
    for (const [index, { from, to, n, lossNats, plusMinus }] of scored.buckets.entries()) {
      assert.equal(n, rows * (to - from))
      assert.ok(Math.abs(lossNats - sums[index] / n) < 1e-4, `bucket from ${from}`)
      assert.ok(plusMinus > 0 && Number.isFinite(plusMinus))
    }
    assert.equal(scored.lastBucketOfRow.length, rows)
    assert.ok(Math.abs(mean(scored.lastBucketOfRow) - scored.buckets.at(-1)!.lossNats) < 1e-9)
  }
  const [bucket] = (await lossByPosition(model, stream.subarray(0, 129), 128)).buckets
  assert.equal(bucket.plusMinus, Number.POSITIVE_INFINITY, 'one row says nothing about its spread')
  await assert.rejects(lossByPosition(model, stream.subarray(0, 128), 128), /expected 129 tokens of held-out text or more, got 128/)
})

test('a model that prefers digits whatever the text says is right once in every text: chance', async () => {
  const blind = createModel(machine, presets.tiny, { withGradients: false })
  const { set, embedding_VD, head_VD, norm_D } = blind.parameters
  set.weights.data.fill(0)
  const rng = Random.seeded(9)
  for (const tensor of [embedding_VD, head_VD]) for (let i = 0; i < tensor.count; i++) tensor.data[i] = rng.normal()
  norm_D.data.fill(1)
  const depths = [0, 0.3, 0.6, 1]
  const shortest = shortestNeedleText(tokenizer, depths.length)
  const cells = await needleTest(blind, tokenizer, stream, { lengths: [shortest, 250], depths, perCell: 6, seed: 1 })
  for (const length of [shortest, 250]) {
    const row = cells.filter((cell) => cell.length === length)
    assert.deepEqual(
      row.map(({ depth, n, chance }) => [depth, n, chance]),
      depths.map((depth) => [depth, 6, 0.25]),
    )
    assert.equal(
      row.reduce((sum, { correct }) => sum + correct, 0),
      6,
    )
  }
})

test('fewer depths get needles that are not asked for, and the grid is the same every time', async () => {
  const options = { lengths: [200], depths: [0.5], perCell: 3, seed: 4 }
  const cells = await needleTest(model, tokenizer, stream, options)
  assert.deepEqual(
    cells.map(({ length, depth, n, chance }) => ({ length, depth, n, chance })),
    [{ length: 200, depth: 0.5, n: 3, chance: 0.25 }],
  )
  assert.deepEqual(await needleTest(model, tokenizer, stream, options), cells)
})

test('everything that is wrong with a grid is said at once', async () => {
  const options = { lengths: [10, 5000], depths: [-1, 0.5], perCell: 1, seed: 1 }
  await assert.rejects(needleTest(model, tokenizer, stream, options), (error: Error) => {
    assert.match(error.message, /expected at most the model's 256, got 5000/)
    assert.match(error.message, /expected at least \d+ for 2 depths, got 10/)
    assert.match(error.message, /held-out text: expected 5000 tokens, got 2000/)
    assert.match(error.message, /depth: expected 0 to 1, got -1/)
    return true
  })
})
