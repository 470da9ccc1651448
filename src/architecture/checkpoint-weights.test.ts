import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize, openSafetensors, type TensorToWrite, writeSafetensors } from '../foundations/index.ts'
import { gradientsByName, readWeights, weightsToWrite } from './checkpoint-weights.ts'
import type { ModelConfig } from './config.ts'
import { createModel, type Model } from './model.ts'
import { presets } from './presets.ts'
import { checkpointTensors } from './tensor-names.ts'

const { bench, nano, tiny } = presets

const configs: Readonly<Record<string, ModelConfig>> = {
  bench,
  nano,
  tiny,
  'tiny without query compression': { ...tiny, queryRank: null },
  'tiny with the V2 gate': { ...tiny, gate: 'softmax', isGateNormalized: false, mtpDepth: 0 },
  'tiny with two MTP modules and no shared expert': { ...tiny, mtpDepth: 2, sharedExpertCount: 0 },
}

let machine: Machine
let folder: string
before(async () => {
  machine = await Machine.start({ threads: 1 })
  folder = mkdtempSync(path.join(tmpdir(), 'strata-weights-'))
})
after(() => {
  machine.close()
  rmSync(folder, { recursive: true, force: true })
})

function makeModel(config: ModelConfig, seed: number): Model {
  const model = createModel(machine, config, { withGradients: true, length: 8 })
  const rng = Random.seeded(seed)
  initialize(model.parameters.set, config.initStd, rng)
  for (const { name, tensor } of model.parameters.biases) {
    const stream = rng.fork(name)
    tensor.data.set(Float32Array.from({ length: tensor.count }, () => stream.normal()))
  }
  return model
}

const describe = (tensors: readonly { name: string; shape: readonly number[] }[]) =>
  tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).sort()

for (const [name, config] of Object.entries(configs)) {
  test(`${name}: names and shapes are those of a released checkpoint`, () => {
    using _scope = machine.scope()
    const model = createModel(machine, config, { withGradients: false, length: 8 })
    assert.deepEqual(describe(weightsToWrite(model)), describe(checkpointTensors(config, { format: 'float32', withMtp: true })))
  })
}

test('what is written is read back bit for bit', () => {
  using _scope = machine.scope()
  const file = path.join(folder, 'round.safetensors')
  const written = makeModel({ ...tiny, mtpDepth: 2 }, 1)
  writeSafetensors(file, weightsToWrite(written))
  const read = makeModel({ ...tiny, mtpDepth: 2 }, 2)
  assert.notDeepEqual(read.parameters.set.weights.data, written.parameters.set.weights.data)
  const source = openSafetensors(file)
  readWeights(read, source)
  source.close()
  assert.deepEqual(read.parameters.set.weights.data, written.parameters.set.weights.data)
  for (const [i, { tensor }] of read.parameters.biases.entries()) {
    assert.deepEqual(tensor.data, written.parameters.biases[i].tensor.data)
  }
})

test('a moving average is written under the same names, the router biases as they are', () => {
  using _scope = machine.scope()
  const model = makeModel(tiny, 1)
  const { set, biases } = model.parameters
  const average = machine.tensorOf(
    set.weights.data.map((value) => value / 2),
    [set.weights.count],
  )
  const biasNames = new Set(biases.map(({ name }) => name))
  const now = new Map(weightsToWrite(model).map(({ name, data }) => [name, data]))
  for (const { name, data } of weightsToWrite(model, average)) {
    const expected = now.get(name) as Float32Array
    assert.deepEqual(data, biasNames.has(name) ? expected : expected.map((value) => value / 2), name)
  }
})

/** The checkpoint of a model, changed and written. */
function writeChanged(name: string, model: Model, change: (tensors: TensorToWrite[]) => TensorToWrite[]): string {
  const file = path.join(folder, `${name}.safetensors`)
  writeSafetensors(file, change(weightsToWrite(model)))
  return file
}

test('the copies of embedding and head that MTP layers carry may be absent', () => {
  using _scope = machine.scope()
  const model = makeModel(tiny, 1)
  const file = writeChanged('copies', model, (tensors) =>
    tensors.filter(({ name }) => !/layers\.3\.(embed_tokens|shared_head\.head)/.test(name)),
  )
  const read = makeModel(tiny, 2)
  const source = openSafetensors(file)
  readWeights(read, source)
  source.close()
  assert.deepEqual(read.parameters.set.weights.data, model.parameters.set.weights.data)
})

test('everything that does not fit is said at once, and nothing is read then', () => {
  using _scope = machine.scope()
  const model = makeModel(tiny, 1)
  const gone = new Set(['model.norm.weight', 'model.layers.1.mlp.experts.7.up_proj.weight', 'lm_head.weight'])
  const file = writeChanged('wrong', model, (tensors) => [
    ...tensors.filter(({ name }) => !gone.has(name)),
    { name: 'lm_head.weight', shape: [32, 512], data: new Float32Array(32 * 512) },
    { name: 'model.layers.9.input_layernorm.weight', shape: [2], data: Float32Array.of(1, 2) },
  ])
  const read = makeModel(tiny, 2)
  const before = read.parameters.set.weights.data.slice()
  const source = openSafetensors(file)
  assert.throws(
    () => readWeights(read, source),
    (error: Error) => {
      assert.ok(error instanceof UsageError)
      for (const line of [
        '4 things are wrong',
        'model.norm.weight: expected a tensor of [32], got none',
        'model.layers.1.mlp.experts.7.up_proj.weight: expected a tensor of [8, 32], got none',
        'lm_head.weight: expected [512, 32], got [32, 512]',
        'model.layers.9.input_layernorm.weight: expected no such tensor',
      ]) {
        assert.ok(error.message.includes(line), `"${line}" is missing in: ${error.message}`)
      }
      return true
    },
  )
  source.close()
  assert.deepEqual(read.parameters.set.weights.data, before)
})

test('gradients have the names of the weights, without biases and copies', () => {
  using _scope = machine.scope()
  const model = makeModel(tiny, 1)
  const names = [...gradientsByName(model).keys()]
  const expected = weightsToWrite(model)
    .map(({ name }) => name)
    .filter((name) => !/e_score_correction_bias$|layers\.3\.(embed_tokens|shared_head\.head)/.test(name))
  assert.deepEqual(names.sort(), expected.sort())
  assert.equal(gradientsByName(createModel(machine, tiny, { withGradients: false, length: 8 })).size, 0)
})
