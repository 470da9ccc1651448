import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import type { ModelConfig } from './config.ts'
import { countParameters } from './counts.ts'
import { createModel } from './model.ts'
import { createParameters } from './parameters.ts'
import { presets } from './presets.ts'

const { bench, nano, tiny } = presets

const configs: Readonly<Record<string, ModelConfig>> = {
  bench,
  nano,
  tiny,
  'tiny without query compression': { ...tiny, queryRank: null },
  'tiny with the V2 gate': { ...tiny, gate: 'softmax', isGateNormalized: false },
  'tiny with three MTP modules': { ...tiny, mtpDepth: 3 },
  'tiny without shared experts': { ...tiny, sharedExpertCount: 0 },
  'tiny, dense only': { ...tiny, denseLayerCount: tiny.layerCount, mtpDepth: 0 },
}

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 1 })
})
after(() => machine.close())

for (const [name, config] of Object.entries(configs)) {
  test(`${name}: as many parameters as counted, each once, in an unbroken stretch`, () => {
    using _scope = machine.scope()
    const { set, biases } = createParameters(machine, config, true)
    const biasCount = biases.reduce((sum, { tensor }) => sum + tensor.count, 0)
    const counted = countParameters(config)
    assert.equal(set.weights.count + biasCount, counted.total + counted.mtp.unique)

    let reached = 0
    for (const { tensor, isGain, parts } of set.named) {
      assert.equal(tensor.address, set.weights.address + 4 * reached)
      assert.equal(tensor.gradient!.address, set.gradients!.address + 4 * reached)
      assert.equal(isGain, reached >= set.decayedCount)
      let inside = 0
      for (const { shape, offset } of parts) {
        assert.equal(offset, inside)
        inside += shape.reduce((product, size) => product * size, 1)
      }
      assert.equal(inside, tensor.count)
      reached += tensor.count
    }
    assert.equal(reached, set.weights.count)
    assert.ok(biases.every(({ tensor }) => tensor.data.every((value) => value === 0)))
    assert.equal(biases.length, config.gate === 'softmax' ? 0 : config.layerCount - config.denseLayerCount + config.mtpDepth)
  })
}

test('every norm is a gain and nothing else is', () => {
  using _scope = machine.scope()
  const { set } = createParameters(machine, tiny, false)
  for (const { isGain, parts } of set.named) {
    for (const { name } of parts) assert.equal(isGain, name.endsWith('norm.weight'), name)
  }
})

/** The initial weights under their names in checkpoints. */
function start(config: ModelConfig, seed: number): Map<string, Float32Array> {
  using _scope = machine.scope()
  const { set } = createModel(machine, config, { withGradients: false }).parameters
  initialize(set, config.initStd, Random.seeded(seed))
  return new Map(
    set.named.flatMap(({ tensor, parts }) =>
      parts.map(({ name, shape, offset }) => {
        const count = shape.reduce((product, size) => product * size, 1)
        return [name, tensor.data.slice(offset, offset + count) as Float32Array] as const
      }),
    ),
  )
}

test('a larger model starts with the same numbers wherever it has the same tensors', () => {
  const small = start(tiny, 1)
  const large = start({ ...tiny, layerCount: 5, expertCount: 32, sharedExpertCount: 1, mtpDepth: 2 }, 1)
  let shared = 0
  for (const [name, weights] of small) {
    // The routers have more rows, and MTP modules are layers 5 and 6 now: layer 3 is one of the trunk.
    if (name.endsWith('mlp.gate.weight')) continue
    const other = large.get(name)
    if (!other) continue
    assert.deepEqual(other, weights, name)
    shared++
  }
  assert.ok(shared > 100)
  assert.notDeepEqual(start(tiny, 2).get('lm_head.weight'), small.get('lm_head.weight'))
})

test('no two tensors start alike', () => {
  const seen = new Map<string, string>()
  for (const [name, weights] of start(tiny, 1)) {
    if (name.endsWith('norm.weight')) continue
    const first = weights.slice(0, 8).join()
    assert.equal(seen.get(first), undefined, `${name} starts like ${seen.get(first)}`)
    seen.set(first, name)
  }
})
