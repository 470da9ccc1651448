import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { memoryLog } from '../../base/run-log.ts'
import { createModel } from '../../architecture/index.ts'
import { differentiate, keepAll, type Keeping, Machine } from '../../compute/index.ts'
import { createAdamW, initialize, openSafetensors, type Tokenizer } from '../../foundations/index.ts'
import { writeCheckpoint } from '../../infrastructure/index.ts'
import { configAfter, prepareText, type Recipe, recipes } from '../../pretraining/index.ts'
import type { RewardEvent } from './events.ts'
import { rewardFile } from './reward-file.ts'
import { createRewardHead, rewardBatches, rowRewards } from './reward-model.ts'
import { measureReward, rewardSettings, type RewardSettings } from './reward-stage.ts'

const settings: RewardSettings = {
  ...rewardSettings(recipes.tiny()),
  trainProblems: 200,
  trainSamples: 6,
  trunkRate: 3e-3,
  headRate: 1e-2,
  epochs: 3,
  heldOutProblems: 240,
  heldOutSamples: 8,
  policySteps: 2,
  policyEverySteps: 1,
}

let tokenizer: Tokenizer
let folder: string
let from: string
let recipe: Recipe

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-reward-'))
  const verifier = path.join(folder, 'verifier.mjs')
  writeFileSync(verifier, `export const verify = (problem, reply) => reply.includes('e')`)
  const base = recipes.tiny()
  recipe = { ...base, rl: { ...base.rl!, maxTokens: 5, problemsPerStep: 3, samplesPerProblem: 4, verifier } }
  tokenizer = (await prepareText(recipe, {})).tokenizer
  // An untrained model stands for the fine-tuned one.
  from = await onMachine(async (machine) => {
    const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
    initialize(model.parameters.set, model.config.initStd, Random.seeded(recipe.seed))
    const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
    const state = { stage: 'sft', step: 1, tokens: 0, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' }
    return writeCheckpoint(folder, { model, optimizer, state })
  })
})
after(() => rmSync(folder, { recursive: true }))

async function onMachine<T>(work: (machine: Machine) => Promise<T>, threads = 1): Promise<T> {
  const machine = await Machine.start({ threads, dialect: 'plain' })
  try {
    return await work(machine)
  } finally {
    machine.close()
  }
}

let folders = 0
const newFolder = () => mkdtempSync(path.join(folder, `run-${++folders}-`))

const measured = (runFolder: string, own: Partial<RewardSettings> = {}, threads = 1, onProgress?: (what: string) => void) =>
  onMachine(async (machine) => {
    const log = memoryLog<RewardEvent>()
    const level = machine.heap.levelBytes
    const events = await measureReward({
      machine,
      recipe,
      tokenizer,
      folder: runFolder,
      from,
      log,
      settings: { ...settings, ...own },
      onProgress: async (what) => onProgress?.(what),
    })
    assert.equal(machine.heap.levelBytes, level, 'all memory is returned')
    assert.equal(log.events.length, events.length)
    return events
  }, threads)

const withoutTime = (events: readonly RewardEvent[]) => events.map((event) => ('seconds' in event ? { ...event, seconds: 0 } : event))
const measurements = (events: readonly RewardEvent[]) => events.filter(({ type }) => type !== 'reward/training')

test('the gradient of the rewards is that of finite differences, for head and trunk', () =>
  onMachine(async (machine) => {
    const trunk = createModel(machine, recipe.model, { withGradients: true })
    initialize(trunk.parameters.set, 0.1, Random.seeded(5))
    const head = createRewardHead(machine, trunk.config.width, true)
    const draw = Random.seeded(6)
    head.score_VD.data.forEach((_, index) => (head.score_VD.data[index] = 0.3 * draw.normal()))
    const model = { trunk, head }
    const sequences = [
      [4, 9, 30],
      [8, 7],
      [5, 6, 7, 8, 9],
    ].map((ids) => ({ ids: Int32Array.from(ids), promptLength: 1 }))
    const slopes = [0.5, -1, 2]
    const [batch] = rewardBatches(sequences, Infinity)
    const sum = () => {
      using _scope = machine.scope()
      return rowRewards(model, batch, sequences).reduce((total, reward, row) => total + slopes[batch.sequenceOfRow[row]] * reward, 0)
    }
    const sets = [head.set, trunk.parameters.set]
    const gradientsWith = (keeping: Keeping) => {
      for (const { gradients } of sets) gradients!.data.fill(0)
      differentiate(
        machine,
        () => {
          rowRewards(model, batch, sequences, () => Float64Array.from(batch.sequenceOfRow, (index) => slopes[index]))
        },
        keeping,
      )
      return sets.map(({ gradients }) => gradients!.toArray())
    }
    const kept = gradientsWith(keepAll)
    assert.deepEqual(gradientsWith({ ...keepAll, recompute: true }), kept, 'what is made again is the same')
    for (const { weights, gradients } of [head.set, trunk.parameters.set]) {
      const largest = gradients!.toArray().reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      assert.ok(largest > 0)
      // The largest gradients of each set; smaller ones drown in the rounding of f32.
      const indices = [...gradients!.data.keys()].sort((a, b) => Math.abs(gradients!.data[b]) - Math.abs(gradients!.data[a])).slice(0, 8)
      for (const index of indices) {
        const before = weights.data[index]
        const at = (value: number) => {
          weights.data[index] = value
          return sum()
        }
        const numeric = (at(before + 2e-4) - at(before - 2e-4)) / 4e-4
        weights.data[index] = before
        assert.ok(Math.abs(numeric - gradients!.data[index]) < 0.05 * largest, `${index}: ${numeric} and ${gradients!.data[index]}`)
      }
    }
  }))

test('a reward model learns what the verifier prefers, and says so with counts and intervals', async () => {
  const runFolder = newFolder()
  const events = await measured(runFolder)
  const training = events.find((event) => event.type === 'reward/training')!
  assert.ok(training.lastLossNats < training.firstLossNats && Math.abs(training.firstLossNats - Math.log(2)) < 0.2)
  const { agreement, problems, pairs } = events.find((event) => event.type === 'reward/agreement')!
  assert.ok(agreement.low > 0.5 && agreement.count === problems && pairs >= problems, JSON.stringify(agreement))
  const best = events.filter((event) => event.type === 'reward/best-of')
  assert.deepEqual(
    best.map(({ n }) => n),
    [1, 2, 4, 8],
  )
  assert.equal(best[0].gain.value, 0)
  assert.ok(best.at(-1)!.gain.low > 0, JSON.stringify(best.at(-1)))
  for (const { accuracy, oracleAccuracy, randomAccuracy } of best) {
    assert.equal(randomAccuracy, best[0].accuracy.value)
    assert.ok(accuracy.value <= oracleAccuracy + 1e-12)
  }
  const looks = events.filter((event) => event.type === 'reward/policy')
  assert.deepEqual(
    looks.map(({ step }) => step),
    [0, 1, 2],
  )
  assert.ok(looks[0].klNats === 0 && looks[0].gain.value === 0 && looks[2].klNats !== 0)
  const file = openSafetensors(rewardFile(runFolder))
  assert.deepEqual(file.entry('score.weight').shape, [1, recipe.model.width])
  file.close()
})

test('the head alone is trained where the trunk has no rate, and its trunk stays the fine-tuned one', async () => {
  const runFolder = newFolder()
  const [training] = await measured(runFolder, { trunkRate: 0, policySteps: 0 })
  assert.equal((training as { parts?: string }).parts, 'head')
  const [reward, before] = [openSafetensors(rewardFile(runFolder)), openSafetensors(path.join(from, 'model.safetensors'))]
  for (const name of before.tensors.keys()) assert.deepEqual(reward.readFloat32(name), before.readFloat32(name))
  for (const file of [reward, before]) file.close()
})

test('the same numbers on one thread and on two', async () => {
  assert.deepEqual(withoutTime(await measured(newFolder(), {}, 2)), withoutTime(await measured(newFolder())))
})

test('cut short after its training it goes on with what was saved, to the same numbers', async () => {
  const whole = await measured(newFolder())
  const runFolder = newFolder()
  const cut = (what: string) => {
    if (what === 'replies, held-out') throw new Error('power cut')
  }
  await assert.rejects(measured(runFolder, {}, 1, cut), /power cut/)
  const { mtimeMs } = statSync(rewardFile(runFolder))
  assert.deepEqual(await measured(runFolder), measurements(whole))
  assert.equal(statSync(rewardFile(runFolder)).mtimeMs, mtimeMs, 'it was not trained again')
  assert.equal((await measured(runFolder, { epochs: 1, policySteps: 0 }))[0].type, 'reward/training', 'other settings make another model')
})

test('a model whose replies never differ in their verdict teaches no preference', async () => {
  const own = { ...recipe, rl: { ...recipe.rl!, verifier: null } }
  const work = onMachine((machine) =>
    measureReward({ machine, recipe: own, tokenizer, folder: newFolder(), from, log: memoryLog<RewardEvent>(), settings }),
  )
  await assert.rejects(
    work,
    (error) =>
      error instanceof UsageError &&
      /some replies are right and others wrong, got \d+ replies to \d+ training problems, none of them right\. It takes/.test(
        error.message,
      ),
  )
})
