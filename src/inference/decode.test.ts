import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createModel, logits, type Model, type ModelConfig, parseHfConfig, presets, readWeights } from '../architecture/index.ts'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { type Dialect, Machine } from '../compute/index.ts'
import { initialize, openSafetensors } from '../foundations/index.ts'
import { Decoder } from './decode.ts'
import { LatentCache, latentCacheBytesPerToken } from './latent-cache.ts'
import { prefill } from './prefill.ts'

const golden = new URL('../../test/golden/conformance/', import.meta.url)
const shapes = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory())
const dialects: readonly Dialect[] = ['relaxed', 'plain']

const randomIds = (count: number, vocabSize: number, seed = 1) => {
  const rng = Random.seeded(seed)
  return Int32Array.from({ length: count }, () => rng.below(vocabSize))
}

/** Logits of every position by the full forward pass, [T, V]. */
function fullLogits(model: Model, ids: Int32Array): Float32Array {
  using _step = model.machine.scope()
  return logits(model, { rows: 1, length: ids.length, rowTokens: ids.length, tokens_BS: ids }).toArray()
}

/** Largest difference of row `t` as a share of the largest logit of all. */
function rowError(full: Float32Array, row: Float32Array, t: number): number {
  const largest = full.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return row.reduce((most, value, v) => Math.max(most, Math.abs(value - full[t * row.length + v])), 0) / largest
}

/** Prefill of `start` tokens, then one at a time: the largest error of any position's logits. */
function decodeError(model: Model, ids: Int32Array, start: number): number {
  const full = fullLogits(model, ids)
  const cache = new LatentCache(model, 3)
  const decoder = new Decoder(model)
  let error = rowError(full, prefill(cache, ids.subarray(0, start), null), start - 1)
  for (let t = start; t < ids.length; t++) error = Math.max(error, rowError(full, decoder.decode([{ id: ids[t], cache }]).toArray(), t))
  decoder.free()
  cache.free()
  return error
}

function randomModel(machine: Machine, config: ModelConfig, length?: number): Model {
  const model = createModel(machine, config, { withGradients: false, length })
  initialize(model.parameters.set, config.initStd, Random.seeded(1))
  const rng = Random.seeded(2)
  for (const { tensor } of model.parameters.biases) for (let e = 0; e < tensor.count; e++) tensor.data[e] = 0.3 * rng.normal()
  return model
}

for (const dialect of dialects) {
  test(`decoding equals the full forward pass at every position on every golden checkpoint (${dialect})`, async () => {
    const machine = await Machine.start({ threads: 1, dialect })
    for (const { name } of shapes) {
      using _step = machine.scope()
      const folder = new URL(`${name}/`, golden)
      const config = parseHfConfig(readFileSync(new URL('config.json', folder), 'utf8'))
      const model = createModel(machine, config, { withGradients: false })
      readWeights(model, openSafetensors(new URL('model.safetensors', folder).pathname))
      for (const start of [1, 7]) {
        const error = decodeError(model, randomIds(24, config.vocabSize), start)
        assert.ok(error < 1e-4, `${name} from ${start}: ${error}`)
      }
    }
    machine.close()
  })
}

test('decoding equals the full forward pass for odd sizes, whose rows fill no vector', async () => {
  const machine = await Machine.start({ threads: 2 })
  const odd = { width: 37, headCount: 3, queryRank: 13, keyValueRank: 35, nopeWidth: 7, ropeWidth: 6, valueWidth: 5, expertFfnWidth: 3 }
  for (const queryRank of [13, null]) {
    using _step = machine.scope()
    const config: ModelConfig = { ...presets.tiny, ...odd, vocabSize: 131, denseFfnWidth: 29, queryRank, mtpDepth: 0 }
    const error = decodeError(randomModel(machine, config), randomIds(40, config.vocabSize), 5)
    assert.ok(error < 1e-4, `${error}`)
  }
  machine.close()
})

test('decoded logits are the same bits on one, two and three threads', async () => {
  const runs: Float32Array[] = []
  for (const threads of [1, 2, 3]) {
    const machine = await Machine.start({ threads })
    const model = randomModel(machine, presets.tiny)
    const cache = new LatentCache(model)
    const decoder = new Decoder(model)
    prefill(cache, randomIds(9, 512), null)
    let row: Float32Array = new Float32Array()
    for (const id of randomIds(20, 512, 3)) row = decoder.decode([{ id, cache }]).toArray()
    runs.push(row)
    machine.close()
  }
  assert.deepEqual(runs[1], runs[0])
  assert.deepEqual(runs[2], runs[0])
})

test('rows of one step may be of several sequences, or one behind the other', async () => {
  const machine = await Machine.start({ threads: 2 })
  const model = randomModel(machine, presets.tiny)
  const texts = [randomIds(12, 512, 5), randomIds(9, 512, 6)]
  const full = texts.map((ids) => fullLogits(model, ids))
  const caches = texts.map((ids) => {
    const cache = new LatentCache(model)
    prefill(cache, ids.subarray(0, 6), null)
    return cache
  })
  const decoder = new Decoder(model, 4)
  const level = machine.heap.levelBytes
  const places = [0, 1, 0, 0].map((text, row) => ({ text, at: [6, 6, 7, 8][row] }))
  const out_MV = decoder.decode(places.map(({ text, at }) => ({ id: texts[text][at], cache: caches[text] }))).toArray()
  for (const [row, { text, at }] of places.entries()) {
    const error = rowError(full[text], out_MV.subarray(row * 512, (row + 1) * 512), at)
    assert.ok(error < 1e-4, `row ${row}: ${error}`)
  }
  assert.deepEqual(
    caches.map(({ length }) => length),
    [9, 7],
  )
  assert.equal(machine.heap.levelBytes, level, 'decoding leaves nothing on the heap')
  machine.close()
})

test('a cache grows by keeping what it holds, counts its bytes, and forgets from the end', async () => {
  const machine = await Machine.start({ threads: 1 })
  const model = randomModel(machine, presets.tiny, 32)
  const { keyValueRank, ropeWidth, layerCount } = model.config
  const level = machine.heap.levelBytes
  const cache = new LatentCache(model, 2)
  assert.equal(cache.bytesPerToken, 4 * (keyValueRank + ropeWidth) * layerCount)
  assert.equal(latentCacheBytesPerToken(presets['deepseek-v3']), 2 * 70_272)
  const decoder = new Decoder(model)
  const ids = randomIds(31, 512)
  prefill(cache, ids, null)
  assert.ok(cache.capacity >= 31 && cache.capacity <= 32)
  const first = decoder.decode([{ id: 5, cache }]).toArray()
  cache.truncate(31)
  assert.deepEqual(decoder.decode([{ id: 5, cache }]).toArray(), first)
  assert.throws(
    () => decoder.decode([{ id: 5, cache }]),
    (error) => error instanceof UsageError && /at most 32 tokens, got 33/.test(error.message),
  )
  decoder.free()
  cache.free()
  assert.equal(machine.heap.levelBytes, level)
  machine.close()
})
