import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { decideReplacement, LoadTracker } from './load-tracker.ts'
import { parseLoads } from './loads-file.ts'
import { packBalanced } from './pack.ts'
import { balanceViolations, deviceLoadsOf, loadImbalance, rebalanceExperts, type BalanceShape } from './rebalance.ts'
import { replicateExperts } from './replicate.ts'

/** The example of EPLB's README: 2 layers of 12 experts onto 16 slots of 8 devices in 2 nodes. */
const published = [
  [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
  [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
]
const shape: BalanceShape = { replicaCount: 16, groupCount: 4, nodeCount: 2, deviceCount: 8 }

describe('the published example', () => {
  const [first, second] = rebalanceExperts(published, shape)

  test('physical to logical', () => {
    assert.deepEqual(first.logicalOfPhysical, [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1])
    assert.deepEqual(second.logicalOfPhysical, [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1])
  })
  test('logical to physical, and counts', () => {
    assert.deepEqual(first.physicalOfLogical, [[12], [15, 13], [11], [6], [7, 5], [0, 2], [1], [3], [4], [9], [8, 10], [14]])
    assert.deepEqual(second.physicalOfLogical, [[13], [15, 11], [8], [14], [9], [10, 12], [2, 4], [0], [6, 3], [7], [1], [5]])
    assert.deepEqual(first.replicaCounts, [1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1])
    assert.deepEqual(second.replicaCounts, [1, 2, 1, 1, 1, 2, 2, 1, 2, 1, 1, 1])
  })
  test('loads of the devices', () => {
    assert.deepEqual(first.deviceLoads, [121.5, 86.5, 125, 113, 147.5, 131.5, 156, 152])
    assert.deepEqual(second.deviceLoads, [173, 179.5, 120.5, 172, 123, 152, 118.5, 117.5])
  })
})

describe('building blocks', () => {
  test('one item a pack keeps its place whatever it weighs', () => {
    assert.deepEqual([...packBalanced([1, 9, 5], 3).packOfItem], [0, 1, 2])
  })
  test('the heaviest go first, each into the lightest pack with room, the first one on ties', () => {
    const { packOfItem, rankOfItem } = packBalanced([4, 4, 3, 3], 2)
    assert.deepEqual([...packOfItem], [0, 1, 0, 1])
    assert.deepEqual([...rankOfItem], [0, 0, 1, 1])
  })
  test('the expert with most load a replica is replicated next, the first one on ties', () => {
    const { expertOfReplica, rankOfReplica, replicaCount } = replicateExperts([6, 6, 1], 6)
    assert.deepEqual([...expertOfReplica], [0, 1, 2, 0, 1, 0])
    assert.deepEqual([...rankOfReplica], [0, 0, 0, 1, 1, 2])
    assert.deepEqual([...replicaCount], [3, 2, 1])
  })
})

const problems = fc
  .record({
    layers: fc.integer({ min: 1, max: 3 }),
    nodes: fc.integer({ min: 1, max: 4 }),
    groupsPerNode: fc.integer({ min: 1, max: 3 }),
    groupSize: fc.integer({ min: 1, max: 4 }),
    devicesPerNode: fc.integer({ min: 1, max: 4 }),
    spareSlots: fc.integer({ min: 0, max: 3 }),
    isGlobal: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  .map((p) => {
    const expertCount = p.nodes * p.groupsPerNode * p.groupSize
    const deviceCount = p.nodes * p.devicesPerNode
    const replicaCount = deviceCount * (Math.ceil((p.groupsPerNode * p.groupSize) / p.devicesPerNode) + p.spareSlots)
    const loads = Array.from({ length: p.layers }, (_, layer) =>
      Array.from({ length: expertCount }, (_, expert) => ((expert * 7919 + layer * 104_729 + p.seed) % 1009) * (expert % 3 === 0 ? 5 : 1)),
    )
    const groupCount = p.isGlobal ? 1 : p.nodes * p.groupsPerNode
    return { loads, shape: { replicaCount, groupCount, nodeCount: p.nodes, deviceCount } }
  })

describe('properties of every placement', () => {
  test('no expert is missing, no device holds more than its slots, the maps are inverse, load is conserved', () => {
    fc.assert(
      fc.property(problems, ({ loads, shape }) => {
        const placements = rebalanceExperts(loads, shape)
        placements.forEach(({ logicalOfPhysical, physicalOfLogical, replicaCounts, deviceLoads }, layer) => {
          assert.equal(logicalOfPhysical.length, shape.replicaCount)
          assert.equal(deviceLoads.length, shape.deviceCount)
          assert.deepEqual(
            [...new Set(logicalOfPhysical)].sort((a, b) => a - b),
            [...loads[layer].keys()],
          )
          physicalOfLogical.forEach((slots, expert) => {
            assert.equal(slots.length, replicaCounts[expert])
            for (const slot of slots) assert.equal(logicalOfPhysical[slot], expert)
          })
          assert.equal(physicalOfLogical.flat().length, shape.replicaCount)
          const total = loads[layer].reduce((sum, load) => sum + load, 0)
          const placed = deviceLoads.reduce((sum, load) => sum + load, 0)
          assert.ok(Math.abs(total - placed) <= 1e-9 * Math.max(1, total))
        })
      }),
      { numRuns: 200 },
    )
  })

  test('hierarchical placement keeps a group inside one node', () => {
    const [placement] = rebalanceExperts(published, shape)
    for (let group = 0; group < 4; group++) {
      const nodes = new Set(
        [0, 1, 2].flatMap((offset) => placement.physicalOfLogical[group * 3 + offset].map((slot) => Math.floor(slot / 8))),
      )
      assert.equal(nodes.size, 1)
    }
  })

  test('replicas bring the busiest device closer to the mean', () => {
    const [without] = rebalanceExperts([published[0]], { replicaCount: 12, groupCount: 1, nodeCount: 1, deviceCount: 4 })
    const [withReplicas] = rebalanceExperts([published[0]], { replicaCount: 20, groupCount: 1, nodeCount: 1, deviceCount: 4 })
    assert.ok(loadImbalance(withReplicas.deviceLoads) < loadImbalance(without.deviceLoads))
  })
})

describe('over time', () => {
  test('the first observation counts fully, later ones by half-life', () => {
    const tracker = new LoadTracker(1)
    tracker.observe([[8, 0]])
    assert.deepEqual(tracker.loads, [[8, 0]])
    tracker.observe([[2, 6]])
    assert.deepEqual(tracker.loads, [[4, 4]])
  })

  const costs = { secondsPerLayer: 1e-3, stepsUntilNext: 1000, expertBytes: 44e6, bytesPerSecond: 40e9 }
  const current = rebalanceExperts(published, shape)

  test('unchanged loads are not worth a move', () => {
    const decision = decideReplacement(current, published, shape, costs)
    assert.equal(decision.isWorthwhile, false)
    assert.equal(decision.gainSeconds, 0)
    assert.equal(decision.movedExperts, 0)
  })

  test('a shift of load is worth a move when there is time to profit from it, and not for a single step', () => {
    const shifted = [published[1], published[0]]
    const patient = decideReplacement(current, shifted, shape, costs)
    assert.equal(patient.isWorthwhile, true)
    assert.ok(patient.imbalanceThen < patient.imbalanceNow)
    const expected = 1000 * 1e-3 * 2 * (patient.imbalanceNow - patient.imbalanceThen)
    assert.ok(Math.abs(patient.gainSeconds - expected) < 1e-9)
    assert.equal(decideReplacement(current, shifted, shape, { ...costs, stepsUntilNext: 1 }).isWorthwhile, false)
  })

  test('loads under an old placement are what its devices would serve now', () => {
    assert.deepEqual(deviceLoadsOf(current[0], published[0]), current[0].deviceLoads)
  })
})

describe('bad input', () => {
  test('every violation is named', () => {
    const violations = balanceViolations(
      [
        [1, 2, 3],
        [1, -2],
      ],
      { replicaCount: 2.5, groupCount: 0, nodeCount: 1, deviceCount: 1 },
    )
    assert.equal(violations.length, 4)
    const divisions = balanceViolations([[1, 2, 3]], { replicaCount: 2, groupCount: 2, nodeCount: 2, deviceCount: 3 })
    assert.equal(divisions.length, 4)
    assert.throws(() => rebalanceExperts([], shape), UsageError)
  })
  test('malformed load files', () => {
    assert.deepEqual(parseLoads('[[1,2],[3,4]]'), [
      [1, 2],
      [3, 4],
    ])
    assert.throws(() => parseLoads('[[1,2],'), /expected JSON like/)
    assert.throws(() => parseLoads('{"a":1}'), /expected a list of layers/)
    assert.throws(() => parseLoads('[[1,"x","y"],7,[null]]'), /layer 0, expert 1.*layer 0, expert 2.*layer 1.*layer 2, expert 0/s)
    assert.throws(() => parseLoads(JSON.stringify([Array(25).fill('x')])), /20 things are wrong.*And 5 more\./s)
    assert.equal(
      balanceViolations([[1, -1, Number.NaN]], { ...shape, groupCount: 1 }).filter((line) => /from 0 to 1e30/.test(line)).length,
      2,
    )
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          rebalanceExperts(parseLoads(text), { replicaCount: 8, groupCount: 1, nodeCount: 1, deviceCount: 1 })
        } catch (error) {
          assert.ok(error instanceof UsageError)
        }
      }),
      { numRuns: 200 },
    )
  })
})
