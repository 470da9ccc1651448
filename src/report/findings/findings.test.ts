import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countParameters, presets } from '../../architecture/index.ts'
import type { RoutingEvent } from '../../inference/index.ts'
import { recipes } from '../../pretraining/index.ts'
import { clusterShapes, publishedPlans } from './cluster-shapes.ts'
import { communicationRatio, scheduleSweeps, stepOf } from './hiding-schedules.ts'
import { rotationShift } from './rotation-shift.ts'
import { bytesOfCopy, trafficByLimit } from './routed-traffic.ts'
import { checkpointSizes, trainedState } from './trained-state.ts'

const { nano } = presets
const layers = [1, 2, 3, 4]

const event = (activeGroupCount: number, groups: number, hasBias = true): RoutingEvent => ({
  type: 'inference/routing',
  stage: 'pretrain',
  activeGroupCount,
  isAsTrained: activeGroupCount === 2 && hasBias,
  hasBias,
  tokens: 1024,
  rows: 8,
  lossNats: 4,
  addedNats: null,
  plusMinus: null,
  layers,
  visits: [2, 4, 8, 16].map((nodeCount) => ({ nodeCount, perTokenByLayer: layers.map(() => Math.min(groups * (nodeCount / 4), 4)) })),
})

test('bytes are copies times what goes out in FP8 and comes back in BF16, over all layers', () => {
  assert.equal(bytesOfCopy(7168), 7392 + 14_336)
  const traffic = trafficByLimit([event(2, 2), event(1, 1), event(4, 3), event(2, 2, false)], nano)
  assert.deepEqual(
    traffic.map(({ activeGroupCount, copiesPerToken }) => [activeGroupCount, copiesPerToken]),
    [
      [1, 1],
      [2, 2],
      [4, 3],
    ],
  )
  assert.equal(traffic[1].bytesPerToken, 2 * 4 * bytesOfCopy(nano.width))
})

test('schedules without overlap wait for all communication, DualPipe hides it up to a ratio above the published one', () => {
  const feasibleUpTo = Object.fromEntries(scheduleSweeps().map(({ name, feasibleUpTo: ratio }) => [name, ratio]))
  assert.ok(feasibleUpTo['1f1b'] < 0.2 && feasibleUpTo.zb1p < 0.2)
  assert.ok(feasibleUpTo.dualpipe > 0.8 && feasibleUpTo.dualpipe < 1.6, `${feasibleUpTo.dualpipe}`)
  assert.equal(stepOf('1f1b', 1).exposed, 2 * 60)
  assert.equal(stepOf('1f1b', 0).bubble, 7 * 3)
  assert.equal(stepOf('dualpipe', 0).bubble, 3 * (3 + 2 - 3))
})

test('twice the copies are twice the ratio, twice the network half of it', () => {
  const network = { flopsPerSecond: 1e11, bytesPerSecond: 1e8 }
  const one = communicationRatio(nano, 1, 128, network)
  assert.ok(Math.abs(communicationRatio(nano, 2, 128, network) / one - 2) < 1e-12)
  assert.ok(Math.abs(communicationRatio(nano, 2, 128, { ...network, bytesPerSecond: 2e8 }) / one - 1) < 1e-12)
})

test('one node sends nothing between nodes, nodes of one device nothing inside', () => {
  const shapes = clusterShapes(event(2, 2), nano)
  assert.deepEqual(
    shapes.map(({ nodeCount, devicesPerNode }) => [nodeCount, devicesPerNode]),
    [
      [1, 16],
      [2, 8],
      [4, 4],
      [8, 2],
      [16, 1],
    ],
  )
  assert.equal(shapes[0].networkBytesPerToken, 0)
  assert.equal(shapes.at(-1)!.linkBytesPerToken, 0)
  assert.ok(shapes.at(-1)!.seconds > shapes[0].seconds)
})

test('the published step is planned within a tenth, and smaller nodes or a slower network lengthen it', () => {
  const { asBuilt, smallNodes, halfNetwork } = publishedPlans()
  assert.ok(Math.abs(asBuilt.step.seconds / 19.926 - 1) < 0.1)
  assert.ok(smallNodes.step.seconds > 1.1 * asBuilt.step.seconds)
  assert.ok(halfNetwork.step.seconds > 1.1 * asBuilt.step.seconds)
})

test('the trained state adds up to four numbers a weight, and what is kept is the main model', () => {
  const items = trainedState(recipes.nano())
  const { total, mtp } = countParameters(nano)
  const bytes = (fate: string) => items.filter((item) => item.fate === fate).reduce((sum, item) => sum + item.bytes, 0)
  assert.equal(bytes('kept'), 4 * total)
  assert.equal(bytes('optional'), 4 * mtp.unique)
  assert.ok(bytes('dropped') > 2.9 * (bytes('kept') + bytes('optional')))
  const sizes = checkpointSizes(nano)
  assert.ok(sizes.releasedFp8 < sizes.float32 / 2)
})

test('shifting query and key together moves a score by rounding only, with YaRN too', () => {
  for (const config of [nano, { ...nano, yarn: presets['deepseek-v3'].yarn }]) {
    const { largest, count } = rotationShift(config, 4096, 1)
    assert.equal(count, 384)
    assert.ok(largest < 1e-6 && largest > 0, `${largest}`)
  }
})
