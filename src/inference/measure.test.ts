import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { countParameters, createModel, type Model, presets } from '../architecture/index.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize, trainTokenizer } from '../foundations/index.ts'
import { decodeWork, prefillWork } from './decode-work.ts'
import { expertLoads } from './expert-loads.ts'
import { Engine } from './generate.ts'
import { createDecodeRounds } from './decode-rounds.ts'
import { measureInference, measureRollouts } from './measure.ts'
import { measureSpeculation, repeatedTokens } from './measure-drafts.ts'

let machine: Machine
let model: Model

before(async () => {
  machine = await Machine.start({ threads: 1 })
  model = createModel(machine, { ...presets.tiny, vocabSize: 300 }, { withGradients: false, length: 64 })
  initialize(model.parameters.set, 0.2, Random.seeded(1))
})
after(() => machine.close())

test('one row reads what a token activates and its cache; many rows share the weights and read all experts', () => {
  const { config } = model
  const { activated, totalWithoutEmbeddings, byComponent } = countParameters(config)
  const one = decodeWork(config, 20, 1)
  assert.equal(one.weightBytes, 4 * activated)
  assert.equal(one.cacheBytes, 4 * 21 * (config.keyValueRank + config.ropeWidth) * config.layerCount)
  const all = 4 * (totalWithoutEmbeddings + byComponent.head)
  assert.ok(Math.abs(1000 * decodeWork(config, 20, 1000).weightBytes - all) < 1)
  assert.ok(prefillWork(config, 50).flops < decodeWork(config, 50, 1).flops, 'the head runs once in a prompt')
})

test('every regime has rates that follow from its counts and its time, and parts that add up', () => {
  const level = machine.heap.levelBytes
  const rows = measureInference(model, { contextLengths: [8, 40, 64], rowCounts: [1, 3], seconds: 0 })
  assert.deepEqual(
    rows.map(({ kind, contextLength, rows: count }) => `${kind} ${contextLength} ${count}`),
    ['prefill 8 1', 'prefill 40 1', 'decode 8 1', 'decode 8 3', 'decode 40 1', 'decode 40 3'],
    'a context that leaves no room for a token is left out',
  )
  for (const { tokensPerSecond, flopsPerToken, bytesPerToken, gflops, gbs, arithmeticIntensity, split } of rows) {
    assert.ok(Math.abs(gflops / ((tokensPerSecond * flopsPerToken) / 1e9) - 1) < 1e-9)
    assert.ok(Math.abs(gbs / ((tokensPerSecond * bytesPerToken) / 1e9) - 1) < 1e-9)
    assert.ok(Math.abs(arithmeticIntensity - flopsPerToken / bytesPerToken) < 1e-9)
    if (!split) continue
    const { tokenSeconds, cacheSeconds, expertSeconds, weightSeconds } = split
    assert.ok(Math.abs(cacheSeconds + expertSeconds + weightSeconds - tokenSeconds) < 1e-12)
    assert.ok(Math.min(cacheSeconds, expertSeconds, weightSeconds) >= 0 && Math.abs(tokenSeconds * tokensPerSecond - 1) < 1e-9)
  }
  assert.equal(machine.heap.levelBytes, level)
})

test('a round times a step at both lengths, whole and in part; a prompt is read in every fourth', () => {
  const level = machine.heap.levelBytes
  {
    using _scope = machine.scope()
    const rounds = createDecodeRounds(model, [4, 50])
    measureInference(model, { contextLengths: [8, 40], rowCounts: [1, 2], seconds: 0, afterEach: rounds.take })
    const event = rounds.event()
    assert.deepEqual([event.contextLengths, event.rounds.length, event.promptSeconds.length], [[4, 50], 6, 2])
    for (const times of event.rounds.flat()) assert.ok(Object.values(times).length === 3 && Object.values(times).every((time) => time > 0))
  }
  assert.equal(machine.heap.levelBytes, level)
})

test('tokens repeat a text where they end a run of four that stood in it before', () => {
  assert.equal(repeatedTokens([1, 2, 3, 4, 5, 6, 7, 8], 2), 0)
  assert.equal(repeatedTokens([1, 2, 3, 4, 9, 1, 2, 3, 4, 5], 5), 1, 'one run comes again')
  assert.equal(repeatedTokens([7, 7, 7, 7, 7, 7], 0), 2, 'the first run of all is new')
  assert.equal(repeatedTokens([7, 7, 7, 7, 7, 7], 6), 0, 'what the prompt repeats does not count')
})

test('drafts and rollouts are measured on whole texts', () => {
  using _scope = machine.scope()
  const tokenizer = trainTokenizer(['a plain sentence. '.repeat(20)], { vocabSize: 280 })
  const engine = new Engine(model, tokenizer)
  const prompts = [[1, 2, 3], [7]]
  const texts = prompts.map((ids, index) => ({ domain: `text ${index}`, ids }))
  const [found, { texts: apart }] = measureSpeculation(engine, texts, { speculate: 1, maxTokens: 20, rounds: 2 })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  assert.deepEqual([sum(apart.map(({ drafted }) => drafted)), sum(apart.map(({ accepted }) => accepted))], [found.drafted, found.accepted])
  assert.ok(
    apart.every(
      ({ tokens, repeatedTokens: repeated, offSeconds, onSeconds }) => tokens === 20 && repeated <= 20 && offSeconds * onSeconds > 0,
    ),
  )
  assert.ok(found.isSameText && found.drafted > 0 && found.accepted <= found.drafted && found.steps >= found.drafted)
  assert.ok(found.tokensPerSecondOn > 0 && found.tokensPerSecondOff > 0)
  const speeds = measureRollouts(model, prompts, 3, [1, 2], 5, 0)
  assert.deepEqual(
    speeds.map(({ rows, tokensPerSecond }) => [rows, tokensPerSecond > 0]),
    [
      [1, true],
      [2, true],
    ],
  )
})

test('loads count every choice of every token, of the main model’s routers', () => {
  const { layerCount, denseLayerCount, activeExpertCount, expertCount } = model.config
  const texts = [[1, 2, 3, 4, 5], [250]]
  const loads = expertLoads(model, texts)
  assert.equal(loads.length, layerCount - denseLayerCount)
  for (const load of loads) {
    assert.equal(load.length, expertCount)
    assert.equal(
      load.reduce((sum, count) => sum + count, 0),
      6 * activeExpertCount,
    )
  }
  const apart = texts.map((text) => expertLoads(model, [text]))
  assert.deepEqual(
    loads,
    loads.map((load, router) => load.map((_, e) => apart[0][router][e] + apart[1][router][e])),
  )
})
