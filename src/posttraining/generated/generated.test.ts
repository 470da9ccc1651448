import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { createModel } from '../../architecture/index.ts'
import { Machine } from '../../compute/index.ts'
import { createAdamW, drawProblems, initialize, tasksNamed, type Tokenizer } from '../../foundations/index.ts'
import { writeCheckpoint } from '../../infrastructure/index.ts'
import { configAfter, prepareText, type Recipe, recipes } from '../../pretraining/index.ts'
import type { Reply } from '../replies.ts'
import type { Answered } from '../reward/answers.ts'
import { compareGenerated } from './compare-generated.ts'
import { generatedSets } from './generated-sets.ts'

const reply = (isCorrect: boolean, text: string): Reply => ({
  isCorrect,
  isWellFormed: true,
  reward: 0,
  problemIndex: 0,
  promptIds: Int32Array.of(1),
  ids: Int32Array.of(2),
  logProbabilities: new Float32Array(1),
  isStopped: true,
  text,
  fault: null,
})

/** Problems with four replies each, the given numbers of them right and all right ones alike. */
const answeredWith = (rightCounts: readonly number[]): Answered[] =>
  drawProblems(tasksNamed(['copy']), Random.seeded(1), { side: 'train', count: rightCounts.length }).map((problem, index) => ({
    problem,
    replies: Array.from({ length: 4 }, (_, place) => reply(place < rightCounts[index], place < rightCounts[index] ? 'right' : `${place}`)),
  }))

test('sets have one size; filtered ones hold each right text of a problem once, and nothing wrong', () => {
  const { raw, filtered, reweighted, rightCount, duplicateCount } = generatedSets(answeredWith([4, 2, 0, 1]), Random.seeded(2))
  assert.deepEqual([raw.length, filtered.length, reweighted.length, rightCount, duplicateCount], [3, 3, 3, 7, 4])
  assert.ok([...filtered, ...reweighted].every((sample) => sample.reply.isCorrect))
  assert.equal(new Set(filtered.map(({ problem }) => problem.id)).size, 3)
  assert.equal(new Set(raw.map(({ problem }) => problem.id)).size, 3, 'raw samples are of many problems before they are many of one')
})

test('a problem that is solved once in four stands four times as often as one that is always solved', () => {
  const counts = Array.from({ length: 60 }, (_, index) => (index % 8 < 4 ? 4 : 1))
  const answered = answeredWith(counts)
  const { reweighted } = generatedSets(answered, Random.seeded(3))
  const hard = new Set(answered.filter((_, index) => counts[index] === 1).map(({ problem }) => problem.id))
  assert.equal(hard.size, 28)
  const share = reweighted.filter(({ problem }) => hard.has(problem.id)).length / reweighted.length
  assert.ok(Math.abs(share - (4 * 28) / (4 * 28 + 32)) < 0.05, `${share}`)
})

let tokenizer: Tokenizer
let folder: string
let from: string
let recipe: Recipe

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-generated-'))
  const verifier = path.join(folder, 'verifier.mjs')
  writeFileSync(verifier, `export const verify = (problem, reply) => reply.includes('e')`)
  const base = recipes.tiny()
  const sft = { ...base.sft!, rowLength: 64, learningRate: 4e-2 }
  recipe = { ...base, sft, rl: { ...base.rl!, maxTokens: 6, heldOutProblems: 500, verifier } }
  tokenizer = (await prepareText(recipe, {})).tokenizer
  const machine = await Machine.start({ threads: 1, dialect: 'plain' })
  // An untrained model stands for the fine-tuned one.
  const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
  initialize(model.parameters.set, model.config.initStd, Random.seeded(recipe.seed))
  const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
  const state = { stage: 'sft', step: 1, tokens: 0, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' }
  from = writeCheckpoint(folder, { model, optimizer, state })
  machine.close()
})
after(() => rmSync(folder, { recursive: true }))

async function compared(own: Recipe, threads = 1, onProgress?: (what: string) => void) {
  const machine = await Machine.start({ threads, dialect: 'plain' })
  const settings = { problems: 160, samplesPerProblem: 4, epochs: 2, rateShare: 0.25 }
  const level = machine.heap.levelBytes
  try {
    const event = await compareGenerated({
      machine,
      recipe: own,
      tokenizer,
      from,
      settings,
      onProgress: async (what) => onProgress?.(what),
    })
    assert.equal(machine.heap.levelBytes, level, 'all memory is returned')
    return { ...event, seconds: 0 }
  } finally {
    assert.equal(machine.heap.levelBytes, level, 'all memory is returned, whatever happens')
    machine.close()
  }
}

test('filtered samples teach what the verifier wants, and raw ones what was said before; the same on one thread and on two', async () => {
  const event = await compared(recipe)
  assert.deepEqual(
    event.arms.map(({ arm }) => arm),
    ['start', 'raw', 'filtered', 're-weighted'],
  )
  const [start, raw, filtered, reweighted] = event.arms
  assert.deepEqual([start.rightShare, start.overRaw, raw.overRaw, filtered.rightShare, reweighted.rightShare], [null, null, null, 1, 1])
  assert.ok(raw.rightShare! > 0 && raw.rightShare! < 1)
  assert.ok(filtered.overRaw!.low > 0, JSON.stringify(event.arms))
  assert.equal(filtered.overRaw!.count, event.heldOutProblems)
  assert.ok(Math.abs(filtered.accuracy.value - raw.accuracy.value - filtered.overRaw!.value) < 1e-12)
  assert.deepEqual(await compared(recipe, 2), event)
})

test('without one right reply there is nothing to filter; interrupted, it leaves nothing behind', async () => {
  await assert.rejects(compared({ ...recipe, rl: { ...recipe.rl!, verifier: null } }), (error) => {
    assert.ok(error instanceof UsageError)
    assert.match(
      error.message,
      /^filtered-data: expected samples .*, got \d+ replies to \d+ training problems, none of them right\. It takes /,
    )
    return true
  })
  const cut = (what: string) => {
    if (what === 'filtered, fine-tuning') throw new Error('enough')
  }
  await assert.rejects(compared(recipe, 1, cut), /enough/)
})
