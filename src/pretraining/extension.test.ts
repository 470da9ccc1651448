import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { mean } from '../base/statistics.ts'
import { createModel, type ModelConfig, modelConfigViolations, tokenLosses, trainingFlopsPerToken } from '../architecture/index.ts'
import { heapLimitBytes, Machine } from '../compute/index.ts'
import { createRunFolder, isRunFolder, latestCheckpoint, openRunFolder, readStageWeights } from '../infrastructure/index.ts'
import { Mixture } from './data/index.ts'
import { stepTrace, type TrainingEvent } from './events.ts'
import { baseStage, configAfter, costByWindow, extensionStages, trainExtension } from './extension.ts'
import { planHeap } from './heap-plan.ts'
import { prepareText, type PreparedText } from './prepare-text.ts'
import { checkRecipe, type Recipe } from './recipe.ts'
import { recipes } from './recipes.ts'
import { trainInFolder } from './run-in-folder.ts'

/** The smallest model, trained at 64 positions without stretched rotations, then extended to 128 and 256. */
function smallRecipe(): Recipe {
  const recipe = recipes.tiny()
  return checkRecipe({
    ...recipe,
    model: { ...recipe.model, yarn: null, maxLength: 64 },
    training: { ...recipe.training, tokens: 40_960 },
    extension: { ...recipe.extension!, lastRows: 2, steps: 5, learningRate: 1e-3 },
  })
}

const recipe = smallRecipe()
const stages = extensionStages(recipe)

let machine: Machine
let text: PreparedText
let folder: string
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  text = await prepareText(recipe, {})
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-extension-'))
  using _scope = machine.scope()
  using run = createRunFolder<TrainingEvent>(path.join(folder, 'run'), recipe)
  await trainInFolder({ machine, recipe, text, run })
})
after(() => {
  machine.close()
  rmSync(folder, { recursive: true })
})

const endOf = (name: string, stage: string) => latestCheckpoint(path.join(folder, name), stage).found!.folder

test('every stage stretches the pre-training window by the same factor, and only the window grows', () => {
  assert.deepEqual(
    stages.map(({ stage, from, model: { maxLength }, training: { rowLength, rows } }) => [stage, from, maxLength, rowLength, rows]),
    [
      ['extend-1', 'pretrain', 128, 128, 4],
      ['extend-2', 'extend-1', 256, 256, 2],
      ['extend-jump', 'pretrain', 256, 256, 2],
    ],
  )
  for (const { model } of stages) {
    assert.deepEqual(model.yarn, { factor: 40, betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 1, originalLength: 64 })
    assert.deepEqual(modelConfigViolations(model), [])
    const sizes = ({ yarn: _yarn, maxLength: _maxLength, ...rest }: ModelConfig) => rest
    assert.deepEqual(sizes(model), sizes(recipe.model))
  }
})

test('a step has the same tokens in every stage, and the control reads as many as all of them', () => {
  for (const { training } of stages) assert.equal(training.rows * training.rowLength, 512)
  const tokens = stages.map(({ training }) => training.tokens)
  assert.deepEqual(tokens, [2560, 2560, 5120])
})

test('no stage needs more heap than there is, and short rows go through together', () => {
  const nano = extensionStages(recipes.nano())
  assert.deepEqual(
    nano.map(({ training: { rowLength, microRows } }) => rowLength * microRows),
    nano.map(() => 4096),
  )
  const large = { ...recipes.bench(), extension: { ...recipes.nano().extension!, factors: [8, 4], lastRows: 64 } }
  for (const { model, training } of extensionStages(large)) assert.ok(planHeap(model, training).total <= heapLimitBytes)
})

test('a recipe without extension has no stages and passes its sizes on; others pass on the last window', () => {
  const without = { ...recipe, extension: null }
  assert.deepEqual(extensionStages(without), [])
  assert.equal(configAfter(without, 'sft'), without.model)
  assert.equal(baseStage(without), 'pretrain')
  assert.equal(baseStage(recipe), 'extend-2')
  assert.deepEqual(configAfter(recipe, 'rl'), stages[1].model)
  assert.deepEqual(configAfter(recipe, 'extend-1'), stages[0].model)
  const single = { ...recipe, extension: { ...recipe.extension!, factors: [2] } }
  assert.deepEqual(
    extensionStages(single).map(({ stage }) => stage),
    ['extend-1'],
  )
})

test('a token costs what it did at an empty window, and attention in proportion to the window', () => {
  const costs = costByWindow(recipe.model, [64, 128, 256])
  const fixed = trainingFlopsPerToken(recipe.model, 0).totalWithMtp
  const attention = costs.map(({ flopsPerToken }) => flopsPerToken - fixed)
  assert.ok(Math.abs(attention[2] / attention[0] - 4) < 1e-9)
  assert.equal(costs[0].costRatio, 1)
  assert.ok(costs[2].attentionShare > costs[1].attentionShare && costs[2].costRatio > costs[1].costRatio)
})

/** Mean loss of held-out rows of 256 in positions that pre-training never had. */
function lossBeyond(checkpoint: string, config: ModelConfig): number {
  using _scope = machine.scope()
  const model = createModel(machine, config, { withGradients: false, length: 256 })
  readStageWeights(checkpoint, model)
  const heldOut = { ...text.tokenized, domains: text.tokenized.domains.map((domain) => ({ ...domain, train: domain.heldOut })) }
  const batch = new Mixture(heldOut, { seed: 1 }).nextBatch(8, 256)
  const losses = tokenLosses(model, batch).toArray()
  return mean(losses.filter((_, m) => m % 256 >= 64))
}

/** Trains a stage until done or until it has taken `stopAt` steps; like a new process each time. */
async function session(name: string, index: number, from: string, stopAt?: number) {
  const at = path.join(folder, name)
  using _scope = machine.scope()
  using run = isRunFolder(at) ? openRunFolder<TrainingEvent>(at) : createRunFolder<TrainingEvent>(at, recipe)
  const abort = new AbortController()
  const events: TrainingEvent[] = []
  const onEvent = (event: TrainingEvent) => {
    events.push(event)
    if (event.type === 'training/step' && event.step === stopAt) abort.abort()
  }
  const { reason, model, optimizer } = await trainExtension(
    { machine, recipe, run, onEvent, stop: abort.signal },
    text,
    stages[index],
    from,
  )
  const { set } = model.parameters
  return { reason, events, weights: set.weights.toArray(), moments: optimizer.square.toArray() }
}

test('a stage that was stopped goes on to the same weights, bit for bit, and reads other rows than pre-training', async () => {
  const base = endOf('run', 'pretrain')
  const whole = await session('run', 0, base)
  assert.equal(whole.reason, 'complete')
  const steps = stepTrace(whole.events, 'extend-1')
  assert.equal(steps.length, 5)
  assert.ok(steps.every(({ learningRate, batchTokens }) => learningRate === 1e-3 && batchTokens === 512))
  assert.equal((await session('stopped', 0, base, 2)).reason, 'interrupted')
  const rest = await session('stopped', 0, base)
  assert.deepEqual(rest.weights, whole.weights)
  assert.deepEqual(rest.moments, whole.moments)

  const rows = (stream?: string) => [...new Mixture(text.tokenized, { seed: recipe.seed, stream }).nextBatch(4, 128).tokens_BS]
  assert.notDeepEqual(rows('extend-1'), rows())
  assert.deepEqual(rows('extend-1'), rows('extend-1'))
})

test('beyond the trained window the loss is lower after two stages than before the first', async () => {
  const before = lossBeyond(endOf('run', 'pretrain'), { ...recipe.model, maxLength: 256 })
  await session('run', 1, endOf('run', 'extend-1'))
  const after = lossBeyond(endOf('run', 'extend-2'), stages[1].model)
  assert.ok(after < before - 0.02, `${before} nats before, ${after} after`)
})
