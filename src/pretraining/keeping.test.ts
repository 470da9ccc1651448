import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { createModel } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { averageOf, createAdamW, initialize } from '../foundations/index.ts'
import type { TrainingBatch } from './batch-source.ts'
import type { TrainingConfig } from './recipe.ts'
import { recipes } from './recipes.ts'
import { takeStep } from './training-step.ts'

const { model: config, training } = recipes.tiny()
const plain: TrainingConfig = { ...training, optimizer: { ...training.optimizer, emaDecay: 0.9 } }
const settings = { learningRate: 0.01, biasSpeed: 0.001, mtpWeight: 0.3 }

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

function batchOf(rng: Random): TrainingBatch {
  const rowTokens = training.rowLength + 2
  const count = training.rows * rowTokens
  return {
    rows: training.rows,
    length: training.rowLength,
    rowTokens,
    tokens_BS: Int32Array.from({ length: count }, () => rng.below(config.vocabSize)),
    documentStart_BS: new Int32Array(count),
    domainOfRow_B: new Int32Array(training.rows),
  }
}

/** Four steps, each of two micro-batches. */
async function trained(own: TrainingConfig) {
  using _scope = machine.scope()
  const watch = machine.heap.watchPeak()
  const model = createModel(machine, config, { withGradients: true, length: training.rowLength })
  const { set } = model.parameters
  initialize(set, config.initStd, Random.seeded(1))
  const optimizer = createAdamW(set, own.optimizer)
  const level = machine.heap.levelBytes
  const rng = Random.seeded(2)
  const losses: number[] = []
  for (let step = 0; step < 4; step++) {
    losses.push((await takeStep(model, optimizer, batchOf(rng), own, false, settings, async () => {})).lossNats)
    assert.equal(machine.heap.levelBytes, level)
  }
  const average = averageOf(optimizer)!
  const averages = average instanceof Float32Array ? average : average.toArray()
  return { losses, weights: set.weights.toArray(), averages, peakBytes: watch.end() }
}

test('steps that make values again, and keep the average outside, come to the same weights and average bit for bit', async () => {
  const kept = await trained(plain)
  const other = await trained({ ...plain, recompute: true, optimizer: { ...plain.optimizer, averageIn: 'host' } })
  assert.deepEqual({ ...other, peakBytes: 0 }, { ...kept, peakBytes: 0 })
  assert.ok(other.peakBytes < kept.peakBytes)
})

test('steps with moments in bf16 or inputs in eight bits come to other weights nearby, in less memory', async () => {
  const kept = await trained(plain)
  for (const own of [
    { ...plain, optimizer: { ...plain.optimizer, moments: 'bf16' } },
    { ...plain, activations: 'fp8' },
  ] as const) {
    const other = await trained(own)
    assert.equal(other.losses[0], kept.losses[0])
    assert.notDeepEqual(other.weights, kept.weights)
    assert.ok(other.losses.every((loss, step) => Math.abs(loss - kept.losses[step]) < 0.02))
    assert.ok(other.peakBytes < kept.peakBytes)
  }
})
