import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { presets } from '../../architecture/presets.ts'
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { clusterNamed } from '../cluster/clusters.ts'
import { calibrate } from './efficiency.ts'
import { publishedLayouts } from './layout.ts'
import { expectedDistinct, expectedRouting, parseRoutingTrace, routingOfTrace } from './routing.ts'
import { expertTraffic } from './traffic.ts'
import { planTraining } from './training-plan.ts'

const model = presets['deepseek-v3']
const cluster = clusterNamed('h800x2048')
const { layout } = publishedLayouts['deepseek-v3']

/** Tokens that choose 8 different experts of 4 of 8 groups, all equally likely. */
function randomTrace(layers: number, tokens: number): number[][][] {
  const rng = Random.seeded(1).fork('test/trace')
  return Array.from({ length: layers }, () =>
    Array.from({ length: tokens }, () => {
      const groups = rng.shuffle([0, 1, 2, 3, 4, 5, 6, 7]).slice(0, 4)
      const experts = groups.flatMap((group) => Array.from({ length: 32 }, (_, index) => group * 32 + index))
      return rng.shuffle(experts).slice(0, 8)
    }),
  )
}

describe('routing', () => {
  test('different units among draws: certain cases', () => {
    assert.equal(expectedDistinct(8, 64, 1), 1)
    assert.equal(expectedDistinct(4, 4, 4), 4)
    assert.equal(expectedDistinct(1, 64, 6), 1)
    // Two draws from two units of two experts: the second is in the other unit with probability 2/3.
    assert.ok(Math.abs(expectedDistinct(2, 4, 2) - (1 + 2 / 3)) < 1e-12)
  })

  test('V3 visits at most 4 of 8 nodes, and a trace of such a router agrees with the rule', () => {
    const rule = expectedRouting(model, 64, 8)
    assert.equal(rule.nodeLimit, 4)
    const counted = routingOfTrace(randomTrace(2, 1500), 256, 64, 8)
    assert.ok(Math.abs(counted.nodesPerToken - rule.nodesPerToken) < 0.03)
    assert.ok(Math.abs(counted.devicesPerToken - rule.devicesPerToken) < 0.05)
    assert.ok(counted.deviceImbalance > 1 && counted.deviceImbalance < 1.4)
  })

  test('a skewed router costs time: everybody waits for the busiest device', () => {
    const skewed = [Array.from({ length: 64 }, () => [0, 1, 2, 3, 32, 64, 96, 97])]
    const request = { name: 'deepseek-v3', model, cluster, layout, tokens: 1e12 }
    const balanced = planTraining(request)
    const planned = planTraining({ ...request, trace: skewed })
    assert.ok(planned.routing.deviceImbalance > 10)
    assert.ok(planned.step.seconds > 3 * balanced.step.seconds)
  })

  test('traffic of a trace is what was recorded: one token that goes everywhere does not make all of them do so', () => {
    const near = Array.from({ length: 7 }, () => [0, 1, 2, 3, 4, 5, 6, 7])
    const routing = routingOfTrace([[...near, [0, 32, 64, 96, 128, 160, 192, 224]]], model.expertCount, 64, 8)
    const traffic = expertTraffic(model, cluster, layout, routing, calibrate(), { tokens: 4096, moeLayers: 8, passes: 60 })
    assert.equal(routing.nodeLimit, 8)
    assert.equal(traffic.combine.networkBytesPerToken, ((7 * 1 + 8) / 8) * 14_336)
  })

  test('traffic: one copy a node, FP8 out and BF16 back, as the published arithmetic', () => {
    const routing = expectedRouting(model, 64, 8)
    const traffic = expertTraffic(model, cluster, layout, routing, calibrate(), { tokens: 4096, moeLayers: 8, passes: 60 })
    assert.equal(traffic.combine.networkBytesPerToken, 4 * 14_336)
    assert.equal(traffic.dispatch.networkBytesPerToken, 4 * (7168 + 56 * 4))
    assert.equal(traffic.combine.networkBytesPerTokenUndeduplicated, 2 * traffic.combine.networkBytesPerToken)
    // 4096 tokens x 4 nodes x 14336 bytes at 50 GB/s: 4.7 ms.
    assert.ok(Math.abs(traffic.combine.seconds - 4.7e-3) < 0.05e-3)
    const inside = expertTraffic(model, cluster, { ...layout, expertRanks: 8 }, expectedRouting(model, 8, 1), calibrate(), {
      tokens: 4096,
      moeLayers: 8,
      passes: 60,
    })
    assert.equal(inside.dispatch.networkBytesPerToken, 0)
    assert.equal(inside.dispatch.boundBy, 'link')
  })
})

describe('traces from outside', () => {
  const good = JSON.stringify([[[0, 1, 2, 3, 4, 5, 6, 7]]])
  test('layers x tokens x expert ids', () => assert.equal(parseRoutingTrace(good, model).length, 1))
  test('what is malformed is named by layer and token', () => {
    assert.throws(() => parseRoutingTrace('[[', model), /expected JSON/)
    assert.throws(() => parseRoutingTrace('[]', model), /at least one, got \[\]/)
    assert.throws(() => parseRoutingTrace('[[[1],[0,1,2,3,4,5,6,7],[2]]]', model), /2 things are wrong.*token 0.*token 2/s)
    assert.throws(() => parseRoutingTrace(`[[${Array(23).fill('[]').join()}]]`, model), /20 things are wrong.*And 3 more/s)
    assert.throws(
      () => parseRoutingTrace('[[[1,2]],[[0,0,1,2,3,4,5,6]],[[0,1,2,3,4,5,6,256]],7]', model),
      /4 things are wrong.*layer 0, token 0.*layer 1.*different.*layer 2.*0 to 255.*layer 3/s,
    )
  })
  test('any JSON is either a trace or a usage error', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseRoutingTrace(text, model)
        } catch (error) {
          assert.ok(error instanceof UsageError)
        }
      }),
    )
  })
})
