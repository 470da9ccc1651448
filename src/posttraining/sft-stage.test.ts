import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { createModel } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { createAdamW, initialize, sideOf } from '../foundations/index.ts'
import { createRunFolder, type RunFolder, writeCheckpoint } from '../infrastructure/index.ts'
import {
  checkRecipe,
  configAfter,
  prepareText,
  type PreparedText,
  type Recipe,
  recipes,
  type SftConfig,
  stepTrace,
} from '../pretraining/index.ts'
import { chooseTasks } from './rl-problems.ts'
import { sftConversations, trainSft } from './sft-stage.ts'
import type { PosttrainingLogEvent } from './surroundings.ts'

let text: PreparedText
let folder: string
let from: string
let runCount = 0

function tinyRecipe(sft: Partial<SftConfig> = {}): Recipe {
  const recipe = recipes.tiny()
  return checkRecipe({
    ...recipe,
    sft: { ...recipe.sft!, conversations: 40, problems: 0, replayShare: 0, rows: 2, rowLength: 128, learningRate: 4e-3, ...sft },
  })
}

before(async () => {
  text = await prepareText(recipes.tiny(), {})
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-sft-'))
  // An untrained model stands for the base model.
  const machine = await Machine.start({ threads: 1, dialect: 'plain' })
  const recipe = tinyRecipe()
  const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
  initialize(model.parameters.set, model.config.initStd, Random.seeded(recipe.seed))
  const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
  const state = { stage: 'pretrain', step: 1, tokens: 0, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' }
  from = writeCheckpoint(path.join(folder, 'base'), { model, optimizer, state })
  machine.close()
})
after(() => rmSync(folder, { recursive: true }))

const newRun = (recipe: Recipe) => createRunFolder<PosttrainingLogEvent>(path.join(folder, `run-${++runCount}`), recipe)

async function tuned(recipe: Recipe, run: RunFolder<PosttrainingLogEvent> = newRun(recipe), stopAfter = Infinity) {
  const machine = await Machine.start({ threads: 1, dialect: 'plain' })
  try {
    const events: PosttrainingLogEvent[] = []
    const stopper = new AbortController()
    const onEvent = (event: PosttrainingLogEvent) => {
      events.push(event)
      if (event.type === 'training/step' && event.step === stopAfter) stopper.abort()
    }
    const { model, reason } = await trainSft({ machine, recipe, run, text, from, stop: stopper.signal, onEvent })
    return { events, reason, run, weights: model.parameters.set.weights.toArray(), trace: stepTrace(events, 'sft') }
  } finally {
    machine.close()
  }
}

test('fine-tuning says what it is made of, and the loss on answers falls', async () => {
  const { events, trace } = await tuned(tinyRecipe({ epochs: 3 }))
  const data = events.find((event) => event.type === 'sft/data')!
  assert.equal(data.conversations, 40)
  assert.equal(
    Object.values(data.bySource).reduce((sum, count) => sum + count, 0),
    40,
  )
  assert.ok(data.supervisedTokens > 0 && data.supervisedTokens < data.tokens && data.tokens <= data.rows * (data.rowLength + 1))
  assert.equal(trace.length, Math.ceil((3 * data.rows) / 2))
  assert.ok(trace.at(-1)!.lossNats < trace[0].lossNats - 1, `${trace[0].lossNats} to ${trace.at(-1)!.lossNats}`)
  const rates = trace.map(({ learningRate }) => learningRate)
  assert.deepEqual(
    rates,
    rates.toSorted((a, b) => b - a),
  )
  assert.equal(rates[0], 4e-3)
  assert.ok(trace.every(({ biasSpeed }) => biasSpeed === 0))
})

test('interrupted fine-tuning goes on to the same weights, bit for bit', async () => {
  const recipe = tinyRecipe({ epochs: 2 })
  const whole = await tuned(recipe)
  const first = await tuned(recipe, undefined, 2)
  assert.equal(first.reason, 'interrupted')
  const second = await tuned(recipe, first.run)
  assert.equal(second.reason, 'complete')
  assert.deepEqual(second.weights, whole.weights)
})

test('text is replayed among the conversations, and a fine-tuning that is cut short continues the same rows', async () => {
  const recipe = tinyRecipe({ replayShare: 0.25 })
  const whole = await tuned(recipe)
  const data = whole.events.find((event) => event.type === 'sft/data')!
  assert.equal(data.replayedRows, Math.ceil(data.rows / 0.75) - data.rows)
  assert.equal(whole.trace.length, Math.ceil((data.rows + data.replayedRows) / 2))
  const run = newRun(recipe)
  await tuned(recipe, run, 3)
  const { weights } = await tuned(recipe, run)
  assert.deepEqual(weights, whole.weights)
  const without = await tuned(tinyRecipe({ replayShare: 0 }))
  assert.notDeepEqual(without.weights, whole.weights)
})

test('own conversations are read beside the made ones, and faulty lines are all named', async () => {
  const own = path.join(folder, 'own.jsonl')
  writeFileSync(own, '{"prompt":"Who are you?","answer":"A small model."}\n{"prompt":"Hello.","completion":"Hello!"}\n')
  const conversations = sftConversations(tinyRecipe({ paths: [own], conversations: 12 }), text.corpus)
  assert.equal(conversations.length, 14)
  assert.deepEqual(conversations[0].messages[1], { role: 'assistant', content: 'A small model.' })
  writeFileSync(own, '{"prompt":"Who are you?"}\n{"prompt":"Hello.","completion":"Hello!"}\nnot JSON\n')
  await assert.rejects(tuned(tinyRecipe({ paths: [own] })), /line 1: .*\n.*line 3: /)
})

test('solved problems of the reinforced tasks come from the training side, in turn, some of them as a second question', () => {
  const conversations = sftConversations(tinyRecipe({ conversations: 3, problems: 50 }), text.corpus).slice(3)
  const questions = conversations.map(({ messages }) => messages.filter(({ role }) => role === 'user').length)
  assert.equal(
    questions.reduce((total, count) => total + count, 0),
    50,
  )
  assert.deepEqual([...new Set(questions)].sort(), [1, 2])
  const ids = conversations.flatMap(({ id }) => id.split('/').slice(2).join('/').split(' + '))
  assert.equal(ids.length, 50)
  assert.ok(ids.every((id) => sideOf({ id }) === 'train'))
  assert.equal(new Set(ids.map((id) => id.split('/')[0])).size, chooseTasks(recipes.tiny().rl!.tasks).length)
  const answers = conversations.flatMap(({ messages }) => messages.filter(({ role }) => role === 'assistant'))
  assert.ok(answers.length === 50 && answers.every(({ content }) => content.endsWith('</answer>')))
})

test('rows beyond the window and a recipe that does not fine-tune are refused', async () => {
  await assert.rejects(
    tuned(tinyRecipe({ rowLength: 100_000 })),
    (error) => error instanceof UsageError && /sft\.rowLength/.test(error.message),
  )
  await assert.rejects(tuned({ ...tinyRecipe(), sft: null }), UsageError)
})
