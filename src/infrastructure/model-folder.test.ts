import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { createModel, type Model, type ModelConfig, presets, weightsToWrite } from '../architecture/index.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize, openSafetensors, trainTokenizer } from '../foundations/index.ts'
import { locateModel } from './locate-model.ts'
import { loadModelFolder, writeModelFolder } from './model-folder.ts'

const machine = await Machine.start({ threads: 1 })
after(() => machine.close())
const tokenizer = trainTokenizer(['the quick brown fox jumps over the lazy dog '.repeat(4)], { vocabSize: 300 })

let folder: string
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'strata-model-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const inFolder = (...names: string[]) => path.join(folder, ...names)

function newModel(config: ModelConfig = presets.tiny, seed = 1): Model {
  const model = createModel(machine, config, { withGradients: false })
  initialize(model.parameters.set, config.initStd, Random.seeded(seed))
  for (const { tensor } of model.parameters.biases) tensor.data.forEach((_, e, bias) => void (bias[e] = 0.001 * e))
  return model
}

const weightsOf = (model: Model) => Object.fromEntries(weightsToWrite(model).map(({ name, data }) => [name, [...data].map(Number)]))

test('a model that is written is loaded bit for bit, router biases, sizes and tokenizer included', () => {
  const model = newModel()
  writeModelFolder(inFolder('model'), model, tokenizer, { generation: { temperature: 0.7, topP: 0.9 } })
  const files = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
  assert.deepEqual(readdirSync(inFolder('model')), files)
  const loaded = loadModelFolder(machine, inFolder('model'), { withGradients: false, length: 32 })
  assert.deepEqual(loaded.config, presets.tiny)
  assert.deepEqual(weightsOf(loaded.model), weightsOf(model))
  assert.equal(loaded.model.cosine_TP.shape[0], 32)
  assert.equal(loaded.tokenizer!.decode(loaded.tokenizer!.encode('the lazy fox')), 'the lazy fox')
  const generation: unknown = JSON.parse(readFileSync(inFolder('model', 'generation_config.json'), 'utf8'))
  assert.deepEqual(generation, { bos_token_id: 0, eos_token_id: 1, pad_token_id: 2, do_sample: true, temperature: 0.7, top_p: 0.9 })
})

test('whole temperatures are written as the floats that transformers wants, zero as greedy', () => {
  const generationOf = (temperature: number) => {
    writeModelFolder(inFolder('model'), newModel(), tokenizer, { generation: { temperature, topP: 1 } })
    return readFileSync(inFolder('model', 'generation_config.json'), 'utf8')
  }
  assert.match(generationOf(2), /"do_sample": true,\n {2}"temperature": 2\.0,\n {2}"top_p": 1\.0\n/)
  assert.match(generationOf(0), /"do_sample": false\n/)
})

test('config.json carries the ids of the tokenizer', () => {
  writeModelFolder(inFolder('model'), newModel(), tokenizer)
  const config = JSON.parse(readFileSync(inFolder('model', 'config.json'), 'utf8')) as Record<string, unknown>
  assert.deepEqual([config['bos_token_id'], config['eos_token_id'], config['pad_token_id']], [0, 1, 2])
  writeFileSync(inFolder('model', 'config.json'), JSON.stringify({ ...config, eos_token_id: 7 }))
  assert.throws(() => loadModelFolder(machine, inFolder('model'), { withGradients: false }), /eos_token_id: expected 1 .* got 7/)
})

test('the moving average is written in place of the weights when it is given', () => {
  const model = newModel()
  const average = machine.zeros(model.parameters.set.weights.shape)
  writeModelFolder(inFolder('model'), model, tokenizer, { weights: average })
  const file = openSafetensors(inFolder('model', 'model.safetensors'))
  assert.ok(file.readFloat32('lm_head.weight').every((value) => value === 0))
  file.close()
})

test('a run folder stands for its model, a file for its sizes', () => {
  writeModelFolder(inFolder('run', 'model'), newModel(), tokenizer)
  assert.equal(locateModel(inFolder('run')).kind, 'run')
  assert.equal(locateModel(inFolder('run', 'model', 'config.json')).kind, 'config')
  assert.deepEqual(loadModelFolder(machine, inFolder('run'), { withGradients: false }).config, presets.tiny)
  rmSync(inFolder('run', 'model'), { recursive: true })
  writeFileSync(inFolder('run', 'recipe.json'), '{}')
  assert.throws(() => locateModel(inFolder('run')), /a run that has written its model/)
})

test('an earlier model is replaced, and nothing hidden stays', () => {
  writeModelFolder(inFolder('model'), newModel(presets.tiny, 1), tokenizer)
  const second = newModel(presets.tiny, 2)
  writeModelFolder(inFolder('model'), second, tokenizer)
  assert.deepEqual(weightsOf(loadModelFolder(machine, inFolder('model'), { withGradients: false }).model), weightsOf(second))
  assert.deepEqual(readdirSync(folder), ['model'])
})

test('a folder that holds something else is not replaced', () => {
  writeFileSync(inFolder('thesis.txt'), 'years of work')
  assert.throws(() => writeModelFolder(folder, newModel(), tokenizer), /a model folder or nothing, got a folder with thesis.txt/)
  assert.throws(() => writeModelFolder(inFolder('thesis.txt'), newModel(), tokenizer), /a model folder or nothing, got a file/)
  assert.deepEqual(readdirSync(folder), ['thesis.txt'])
})

test('what a dead process moved aside is put back, what it left half written goes', () => {
  writeModelFolder(inFolder('model'), newModel(), tokenizer)
  // A process that has ended: its id belongs to nobody now.
  const { pid } = spawnSync(process.execPath, ['--version'])
  const machineDigits = createHash('sha256').update(hostname()).digest('hex').slice(0, 4)
  const hidden = (owner: number, kind: string) => `.model.${owner}-${machineDigits}0123abcd.${kind}`
  renameSync(inFolder('model'), inFolder(hidden(pid, 'old')))
  mkdirSync(inFolder(hidden(pid, 'partial')))
  mkdirSync(inFolder(hidden(process.ppid, 'partial')))
  assert.deepEqual(loadModelFolder(machine, inFolder('model'), { withGradients: false }).config, presets.tiny)
  writeModelFolder(inFolder('other'), newModel(), tokenizer)
  assert.deepEqual(readdirSync(folder), [hidden(process.ppid, 'partial'), 'model', 'other'], 'a living process is left alone')
})

test('everything that does not fit is said at once, before anything is allocated', () => {
  writeModelFolder(inFolder('model'), newModel(), tokenizer)
  const config = JSON.parse(readFileSync(inFolder('model', 'config.json'), 'utf8')) as Record<string, unknown>
  const levelBytes = machine.heap.levelBytes
  const load = (changed: object) => {
    writeFileSync(inFolder('model', 'config.json'), JSON.stringify({ ...config, ...changed }))
    return () => loadModelFolder(machine, inFolder('model'), { withGradients: false })
  }
  assert.throws(load({ hidden_size: 64 }), /model.embed_tokens.weight: expected \[512, 64\], got \[512, 32\][^]*and \d+ more/)
  assert.throws(load({ num_nextn_predict_layers: 0 }), /model.layers.3.eh_proj.weight: expected no such tensor/)
  assert.throws(load({ vocab_size: 256 }), /tokenizer: expected at most 256 ids, as the embedding has rows, got 300/)
  assert.throws(load({ vocab_size: 2 ** 24, hidden_size: 1024 }), /a model that fits 4.00 GiB, got .*B parameters/)
  assert.equal(machine.heap.levelBytes, levelBytes)
})

test('what is missing is named', () => {
  const load = () => loadModelFolder(machine, inFolder('model'), { withGradients: false })
  assert.throws(load, /model: expected a model folder, a run folder or a config.json, got nothing there/)
  mkdirSync(inFolder('model'))
  assert.throws(load, /got a folder without config.json/)
  rmSync(inFolder('model'), { recursive: true })
  writeModelFolder(inFolder('model'), newModel(), tokenizer)
  rmSync(inFolder('model', 'tokenizer.json'))
  assert.equal(load().tokenizer, null)
  rmSync(inFolder('model', 'model.safetensors'))
  assert.throws(load, /expected model.safetensors or model.safetensors.index.json, got neither/)
})

test('a model with a weight that is not a number is not written', () => {
  const model = newModel()
  model.parameters.norm_D.data[3] = Number.NaN
  assert.throws(() => writeModelFolder(inFolder('model'), model, tokenizer), /model.norm.weight: expected finite numbers, got NaN at 3/)
  assert.deepEqual(readdirSync(folder), [])
})
