import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createModel, type Model, presets, tokenLosses } from '../architecture/index.ts'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { Decoder } from './decode.ts'
import { LatentCache } from './latent-cache.ts'
import { extend, prefill } from './prefill.ts'
import { rollout, type RolloutOptions } from './rollout.ts'
import { RowSampler } from './row-sampler.ts'

const idCount = 90
const config = { ...presets.tiny, vocabSize: 101, mtpDepth: 0 }
const prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7]]
const options: RolloutOptions = {
  samplesPerPrompt: 3,
  maxTokens: 12,
  temperature: 1,
  stopIds: [17, 18, 19, 20],
  seedOf: (index) => 40 + index,
}
let machine: Machine
let model: Model

function modelOn(on: Machine, length = 40): Model {
  const made = createModel(on, config, { withGradients: false, length })
  initialize(made.parameters.set, 0.3, Random.seeded(1))
  return made
}

before(async () => {
  machine = await Machine.start({ threads: 2 })
  model = modelOn(machine)
})
after(() => machine.close())

/** Rollouts on a decoder of so many rows. */
function run(maxRows: number, given: Partial<RolloutOptions> = {}, texts: readonly ArrayLike<number>[] = prompts, from = model) {
  using _scope = from.machine.scope()
  return rollout({ decoder: new Decoder(from, maxRows), idCount }, texts, { ...options, ...given })
}

test('a text is the same, bit for bit, alone and in any batch, on any number of threads', async () => {
  const level = machine.heap.levelBytes
  const alone = run(1)
  assert.equal(alone.length, 9)
  for (const maxRows of [2, 3, 5, 16]) assert.deepEqual(run(maxRows), alone, `${maxRows} rows`)
  assert.deepEqual(run(4, { samplesPerPrompt: 1, seedOf: (index) => 40 + 3 * index }), [alone[0], alone[3], alone[6]])
  assert.equal(machine.heap.levelBytes, level)
  const other = await Machine.start({ threads: 1 })
  assert.deepEqual(run(7, {}, prompts, modelOn(other)), alone)
  other.close()
})

test('texts stay the same bits when there are more threads than cores, so that shares change hands', async () => {
  const many = { samplesPerPrompt: 16, maxTokens: 24 }
  const expected = run(16, many)
  const crowd = await Machine.start({ threads: 5 })
  try {
    const crowded = modelOn(crowd)
    for (let round = 0; round < 12; round++) assert.deepEqual(run(16, many, prompts, crowded), expected, `round ${round}`)
  } finally {
    crowd.close()
  }
})

test('log-probabilities are those of the full forward pass, whatever the temperature', () => {
  for (const temperature of [0, 0.7, 1]) {
    for (const { promptIndex, ids, logProbabilities } of run(4, { temperature })) {
      using _step = machine.scope()
      const text = Int32Array.from([...prompts[promptIndex], ...ids])
      const batch = { rows: 1, length: text.length - 1, rowTokens: text.length, tokens_BS: text }
      const losses = tokenLosses(model, batch)
        .toArray()
        .subarray(prompts[promptIndex].length - 1)
      for (const [t, logProbability] of logProbabilities.entries())
        assert.ok(Math.abs(logProbability + losses[t]) < 2e-4, `${logProbability} against ${-losses[t]}`)
    }
  }
})

test('a text ends at a stop id, at its length or where the context is full, and draws known ids only', () => {
  const all = run(4, { samplesPerPrompt: 20 })
  const reasons = new Set(all.map(({ finishReason }) => finishReason))
  assert.deepEqual([...reasons].sort(), ['length', 'stop'])
  for (const { ids, finishReason, logProbabilities } of all) {
    assert.equal(logProbabilities.length, ids.length)
    assert.equal(options.stopIds.includes(ids.at(-1)!), finishReason === 'stop')
    assert.ok(ids.subarray(0, -1).every((id) => id < idCount && !options.stopIds.includes(id)))
    if (finishReason === 'length') assert.equal(ids.length, 12)
  }
  const [full] = run(2, { samplesPerPrompt: 1, maxTokens: 100, stopIds: [] }, [prompts[0]])
  assert.equal(full.finishReason, 'context')
  assert.equal(full.ids.length, 40 - prompts[0].length + 1)
})

test('everything that is wrong with prompts and options is named at once', () => {
  const long = Array.from({ length: 41 }, () => 1)
  assert.throws(
    () => run(2, { maxTokens: 0, temperature: -1 }, [[], long, [90]]),
    (error) =>
      error instanceof UsageError &&
      /maxTokens[^]*temperature[^]*prompt 0: expected 1 to 40 tokens[^]*got 0[^]*prompt 1[^]*got 41[^]*ids from 0 to 89, got 90/.test(
        error.message,
      ),
  )
  assert.deepEqual(run(2, {}, []), [])
})

test('draws follow the softmax at the temperature', () => {
  using _scope = machine.scope()
  const V = 23
  const rng = Random.seeded(3)
  const logits = Float32Array.from({ length: V }, () => rng.normal())
  const sampler = new RowSampler(machine, 1, V)
  const counts = new Float64Array(V)
  const total = 20_000
  const row = machine.tensorOf(logits, [1, V])
  const stream = Random.seeded(4)
  for (let n = 0; n < total; n++) counts[sampler.draw(row, 20, 0.8, [stream])[0].id]++
  const weights = Array.from(logits, (x, id) => (id < 20 ? Math.exp(x / 0.8) : 0))
  const sum = weights.reduce((a, b) => a + b, 0)
  const statistic = weights.reduce(
    (s, w, id) => (w === 0 ? s + counts[id] : s + (counts[id] - (total * w) / sum) ** 2 / ((total * w) / sum)),
    0,
  )
  assert.ok(statistic < 55, `${statistic} with 19 degrees of freedom`)
  const [{ id, logProbability }] = sampler.draw(row, V, 0, [stream])
  assert.equal(id, logits.indexOf(Math.max(...logits)))
  const logSum = Math.log(logits.reduce((a, x) => a + Math.exp(x), 0))
  assert.ok(Math.abs(logProbability - (logits[id] - logSum)) < 1e-5)
})

test('a text appended in pieces has the bits of one token at a time, and equals one pass to rounding', () => {
  const ids = Array.from({ length: 30 }, (_, i) => (7 * i) % 89)
  const whole = prefill(new LatentCache(model), ids, null)
  const results = [1, 4, 16].map((maxRows) => {
    using _scope = machine.scope()
    const decoder = new Decoder(model, maxRows)
    const cache = new LatentCache(model)
    extend(decoder, cache, ids.slice(0, 9))
    return extend(decoder, cache, ids.slice(9))
  })
  assert.deepEqual(results[1], results[0])
  assert.deepEqual(results[2], results[0])
  const largest = whole.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  for (const [v, x] of whole.entries()) assert.ok(Math.abs(x - results[0][v]) < 1e-4 * largest)
  const cache = new LatentCache(model)
  const decoder = new Decoder(model, 4)
  extend(decoder, cache, ids)
  assert.throws(
    () => extend(decoder, cache, ids),
    (error) => error instanceof UsageError && /context: expected at most 40 tokens, got 30 and 30 more/.test(error.message),
  )
  assert.equal(cache.length, 30, 'a refused text leaves the cache as it was')
})
