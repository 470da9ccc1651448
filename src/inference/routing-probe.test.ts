import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Batch, createModel, type Model, presets } from '../architecture/index.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { probeRouting, type RoutingEvent } from './routing-probe.ts'

let machine: Machine
let model: Model
let events: RoutingEvent[]
const config = presets.tiny

before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  model = createModel(machine, config, { withGradients: false, length: 32 })
  initialize(model.parameters.set, config.initStd, Random.seeded(1))
  const rng = Random.seeded(2)
  for (const { tensor } of model.parameters.biases) for (let e = 0; e < tensor.count; e++) tensor.data[e] = 0.2 * rng.normal()
  const batch = (): Batch => ({
    rows: 2,
    length: 32,
    rowTokens: 33,
    tokens_BS: Int32Array.from({ length: 66 }, () => rng.below(config.vocabSize)),
  })
  events = probeRouting(model, [batch(), batch()], 'pretrain')
})
after(() => machine.close())

const groupsOf = (event: RoutingEvent) => event.visits.find(({ nodeCount }) => nodeCount === config.groupCount)!.perTokenByLayer

test('the trained limit comes first, then every other limit, then the model without its biases', () => {
  assert.deepEqual(
    events.map(({ activeGroupCount, hasBias }) => [activeGroupCount, hasBias]),
    [
      [2, true],
      [1, true],
      [4, true],
      [2, false],
    ],
  )
  assert.deepEqual(
    events.map(({ isAsTrained }) => isAsTrained),
    [true, false, false, false],
  )
  assert.ok(events.every(({ tokens, rows }) => tokens === 128 && rows === 4))
})

test('a limit is the most groups that a token visits, and one group is exactly one', () => {
  for (const event of events) {
    for (const groups of groupsOf(event)) assert.ok(groups >= 1 && groups <= event.activeGroupCount, `${groups} groups`)
  }
  assert.deepEqual(groupsOf(events[1]), [1, 1])
  assert.ok(groupsOf(events[2])[0] > groupsOf(events[0])[0], 'without a limit tokens spread further')
})

test('finer cuts are visited more, up to one node for each active expert', () => {
  const trained = events[0].visits.map(({ perTokenByLayer }) => perTokenByLayer[0])
  for (let n = 1; n < trained.length; n++) assert.ok(trained[n] >= trained[n - 1])
  assert.equal(trained.at(-1), config.activeExpertCount)
})

test('added loss belongs to the pair and the biases are back in place afterwards', () => {
  assert.equal(events[0].addedNats, null)
  for (const { lossNats, addedNats, plusMinus } of events.slice(1)) {
    assert.ok(Math.abs(lossNats - events[0].lossNats - addedNats!) < 1e-6)
    assert.ok(plusMinus! >= 0)
  }
  assert.ok(model.parameters.biases.some(({ tensor }) => tensor.data.some((bias) => bias !== 0)))
})

test('a model without experts has nothing to route', () => {
  const dense = { ...model, config: { ...config, denseLayerCount: config.layerCount } }
  assert.deepEqual(probeRouting(dense, [], 'pretrain'), [])
})
