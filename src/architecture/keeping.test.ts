import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/index.ts'
import { differentiate, keepAll, type Keeping, Machine, Tape } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { type Batch, createModel, forward, type Model, policyLosses } from './model.ts'
import type { ModelConfig } from './config.ts'
import { presets } from './presets.ts'

const { tiny } = presets
const again: Keeping = { ...keepAll, recompute: true }
const inEightBits: Keeping = { ...keepAll, activations: 'fp8' }
const objective = { mtpWeight: 0.3, balanceWeight: 0.01 }

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

function makeModel(config: ModelConfig): Model {
  const model = createModel(machine, config, { withGradients: true })
  initialize(model.parameters.set, config.initStd, Random.seeded(3))
  return model
}

function makeBatch(rows: number, length: number): Batch {
  const rng = Random.seeded(5).fork('tokens')
  const rowTokens = length + 2
  return { rows, length, rowTokens, tokens_BS: Int32Array.from({ length: rows * rowTokens }, () => rng.below(tiny.vocabSize)) }
}

const batch = makeBatch(8, 48)

/** One forward and backward pass into zeroed gradients. → them, the losses, and what the heap reached beyond the model */
function passOver(model: Model, keeping: Keeping, pass = lossesOf) {
  const { gradients } = model.parameters.set
  gradients!.data.fill(0)
  const level = machine.heap.levelBytes
  const watch = machine.heap.watchPeak()
  const losses = differentiate(machine, () => pass(model), keeping)
  assert.equal(machine.heap.levelBytes, level)
  return { losses, gradients: gradients!.toArray(), peakBytes: watch.end() }
}

const lossesOf = (model: Model) => {
  const { main, mtp, total } = forward(model, batch, objective)
  return [main, total, ...mtp]
}

const models: Readonly<Record<string, ModelConfig>> = {
  'latent queries, experts, MTP': tiny,
  'two MTP modules one after the other': { ...tiny, mtpDepth: 2 },
  'no MTP': { ...tiny, mtpDepth: 0 },
  'queries without a latent, dense layers only': { ...tiny, queryRank: null, denseLayerCount: tiny.layerCount, mtpDepth: 0 },
}

for (const [name, config] of Object.entries(models)) {
  test(`norms and up-projections that are made again give the same gradients, bit for bit, in less memory: ${name}`, () => {
    using _scope = machine.scope()
    const model = makeModel(config)
    const kept = passOver(model, keepAll)
    const remade = passOver(model, again)
    assert.ok(kept.gradients.some((value) => value !== 0))
    assert.deepEqual(remade, { ...kept, peakBytes: remade.peakBytes })
    assert.ok(remade.peakBytes < 0.9 * kept.peakBytes, `${remade.peakBytes} against ${kept.peakBytes}`)
  })

  test(`inputs in eight bits leave the losses as they are and gradients near, in less memory: ${name}`, () => {
    using _scope = machine.scope()
    const model = makeModel(config)
    const kept = passOver(model, keepAll)
    for (const keeping of [inEightBits, { ...inEightBits, recompute: true }]) {
      const rounded = passOver(model, keeping)
      assert.deepEqual(rounded.losses, kept.losses)
      const error = norm(rounded.gradients.map((value, i) => value - kept.gradients[i])) / norm(kept.gradients)
      assert.ok(error > 1e-5 && error < 0.05, String(error))
      assert.ok(rounded.peakBytes < 0.9 * kept.peakBytes, `${rounded.peakBytes} against ${kept.peakBytes}`)
    }
  })
}

test('weight gradients can wait until everything has been made again', () => {
  using _scope = machine.scope()
  const model = makeModel(tiny)
  const kept = passOver(model, keepAll)
  model.parameters.set.gradients!.data.fill(0)
  const level = machine.heap.levelBytes
  {
    using _pass = machine.scope()
    const tape = new Tape(machine, { deferWeights: true, keeping: again })
    machine.tape = tape
    forward(model, batch, objective)
    machine.tape = null
    tape.backward()
    tape.flushWeights(Math.ceil(tape.waitingCount / 2))
    tape.flushWeights()
  }
  assert.equal(machine.heap.levelBytes, level)
  assert.deepEqual(model.parameters.set.gradients!.toArray(), kept.gradients)
})

test('a policy’s gradient is the same bit for bit, too', () => {
  using _scope = machine.scope()
  const model = makeModel({ ...tiny, mtpDepth: 0 })
  const pass = (of: Model) => {
    policyLosses(of, batch, (loss, from, weight) => weight.forEach((_, i) => void (weight[i] = ((from + i) % 3) - loss[i] / 9)))
    return []
  }
  const kept = passOver(model, keepAll, pass)
  const remade = passOver(model, again, pass)
  assert.ok(kept.gradients.some((value) => value !== 0))
  assert.deepEqual(remade.gradients, kept.gradients)
  assert.ok(remade.peakBytes < kept.peakBytes)
})

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}
