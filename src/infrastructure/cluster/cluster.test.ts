import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { clusterNamed, clusterViolations, nodeCountOf } from './clusters.ts'
import { clusterOfMachine, parseProbe } from './probe.ts'
import { cheapestTopology, dragonfly, fatTree2, publishedTopologies, slimFly } from './topology.ts'

describe('topologies', () => {
  test('endpoints, switches and links of the published table', () => {
    assert.deepEqual(
      publishedTopologies.map(({ topology: { endpoints, switches, links } }) => [endpoints, switches, links]),
      [
        [2048, 96, 2048],
        [16_384, 768, 16_384],
        [65_536, 5120, 131_072],
        [32_928, 1568, 32_928],
        [261_632, 16_352, 384_272],
      ],
    )
  })
  test('published costs agree with cost per endpoint to the printed digits', () => {
    for (const { topology, megadollars, kilodollarsPerEndpoint } of publishedTopologies) {
      assert.ok(Math.abs((megadollars * 1000) / topology.endpoints - kilodollarsPerEndpoint) < 0.051, topology.name)
    }
  })
  test('the cheapest network with room', () => {
    assert.equal(cheapestTopology(2048)!.topology.name, 'two-layer fat tree')
    assert.equal(cheapestTopology(10_000)!.topology.name, '8-plane two-layer fat tree')
    assert.equal(cheapestTopology(1e6), undefined)
  })
  test('impossible shapes are refused', () => {
    assert.throws(() => fatTree2(7), UsageError)
    assert.throws(() => slimFly(6), UsageError)
    assert.throws(() => dragonfly(16, 32, 16, 514), /at most a·h \+ 1 = 513/)
  })
})

describe('clusters', () => {
  test('a kind and a count', () => {
    const cluster = clusterNamed('h800x2048')
    assert.equal(nodeCountOf(cluster), 256)
    assert.equal(cluster.device.peakFlops.bf16, 989e12)
    assert.equal(clusterNamed('laptop').deviceCount, 1)
  })
  test('what cannot be is named', () => {
    assert.throws(() => clusterNamed('h900x8'), /expected one of h800x<devices>.*Did you mean/)
    assert.throws(() => clusterNamed('h800'), /a number of devices/)
    assert.throws(() => clusterNamed('h800x0'), /deviceCount: expected a whole number from 1/)
    assert.throws(() => clusterNamed('h800x100'), /full nodes of 8/)
    assert.throws(() => clusterNamed('h800x20000'), /at most the 16384 endpoints/)
    assert.throws(() => clusterNamed('constructorx8'), UsageError)
  })
})

test('numbers that no cluster has are named, all of them', () => {
  const cluster = clusterNamed('h800x2048')
  const device = { ...cluster.device, memoryBytes: -1, peakFlops: { ...cluster.device.peakFlops, fp8: Number.NaN } }
  const absurd = {
    ...cluster,
    device,
    networkBytesPerSecond: Infinity,
    linkLatencySeconds: -1,
    dollarsPerDeviceHour: -2,
    devicesPerNode: 0.5,
  }
  assert.equal(clusterViolations(absurd).length, 6)
})

describe('this machine as probed', () => {
  test('the benchmark’s document or its record alone', () => {
    const record = { gflopsOneThread: 58, gflopsAllThreads: 115, streamGBs: 20 }
    assert.deepEqual(parseProbe(JSON.stringify(record)), record)
    assert.deepEqual(parseProbe(JSON.stringify({ probe: record, results: [] })), record)
    assert.deepEqual(parseProbe(JSON.stringify({ ...record, vectorBits: 128 })), record)
    assert.deepEqual(parseProbe(JSON.stringify({ ...record, vectorBits: 256 })), { ...record, vectorBits: 256 })
    assert.equal(clusterOfMachine(record, 8e9, 2).device.peakFlops.f32, 115e9)
  })
  test('whatever else is refused with every field that is wrong', () => {
    assert.throws(() => parseProbe('{"gflopsOneThread":-1}'), /3 things are wrong/)
    assert.throws(() => parseProbe('{"vectorBits":512}'), /vectorBits: expected 128 or 256, got 512/)
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.throws(() => parseProbe(text), UsageError)
      }),
    )
  })
})
