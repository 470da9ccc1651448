import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { memoryLog } from '../base/run-log.ts'
import { Random } from '../base/random.ts'
import { createModel } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { createAdamW, initialize } from '../foundations/index.ts'
import { createRunFolder, latestCheckpoint, openRunFolder } from '../infrastructure/index.ts'
import { readRunLog } from '../base/run-log.ts'
import { Mixture } from './data/index.ts'
import { trainingEventSchemas } from './event-schemas.ts'
import { type StepEvent, stepTrace, type TrainingEvent } from './events.ts'
import { train, type TrainingProbe } from './loop.ts'
import { prepareText, type PreparedText } from './prepare-text.ts'
import { checkRecipe, type Recipe } from './recipe.ts'
import { recipes } from './recipes.ts'
import { trainInFolder } from './run-in-folder.ts'

/** Ten steps or so of the smallest model. */
function tinyRecipe(training: Partial<Recipe['training']> = {}): Recipe {
  const recipe = recipes.tiny()
  return checkRecipe({ ...recipe, training: { ...recipe.training, tokens: 5120, ...training } })
}

let text: PreparedText
let folder: string
before(async () => {
  text = await prepareText(recipes.tiny(), {})
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-loop-'))
})
after(() => rmSync(folder, { recursive: true }))

async function trainFresh(recipe: Recipe, options: { threads?: number; probes?: readonly TrainingProbe[]; stop?: AbortSignal } = {}) {
  const machine = await Machine.start({ threads: options.threads ?? 1, dialect: 'plain' })
  try {
    const model = createModel(machine, recipe.model, { withGradients: true })
    initialize(model.parameters.set, recipe.model.initStd, Random.seeded(recipe.seed))
    const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
    const mixture = new Mixture(text.tokenized, { seed: recipe.seed, extra: recipe.model.mtpDepth })
    const log = memoryLog<TrainingEvent>()
    const levelBytes = machine.heap.levelBytes
    const run = {
      stage: 'pretrain' as const,
      model,
      optimizer,
      source: mixture,
      config: recipe.training,
      maskDocuments: recipe.data.maskDocuments,
      log,
      ...options,
    }
    const outcome = await train(run).catch((error: unknown) => error as Error)
    assert.equal(machine.heap.levelBytes, levelBytes, 'what a step allocates is returned')
    return {
      outcome,
      events: log.events,
      weights: model.parameters.set.weights.toArray(),
      biases: model.parameters.biases.map(({ tensor }) => tensor.toArray()),
    }
  } finally {
    machine.close()
  }
}

/** What must be the same whenever and wherever a step is taken. */
const numbersOf = (events: readonly { type: string }[]) =>
  stepTrace(events).map(({ step, tokens, lossNats, mtpNats, balance, gradientNorm, learningRate, maxViolation }) => {
    const numbers = { step, tokens, lossNats, mtpNats, balance, gradientNorm, learningRate, maxViolation }
    return numbers
  })

const steps = (events: readonly { type: string }[]) => events.filter(({ type }) => type === 'training/step') as StepEvent[]

test('the loss falls, and every step says what it did', async () => {
  const { events, outcome } = await trainFresh(tinyRecipe({ tokens: 10_240 }))
  const [first, ...rest] = steps(events)
  const last = rest.at(-1)!
  assert.ok(Math.abs(first.lossNats - Math.log(512)) < 0.3, `an untrained model knows nothing, got ${first.lossNats}`)
  assert.ok(last.lossNats < first.lossNats - 0.3, `${last.lossNats}`)
  assert.ok(last.mtpNats[0] < first.mtpNats[0] - 0.3)
  assert.equal(last.tokens, last.batchTokens + rest.at(-2)!.tokens)
  assert.ok(last.tokens >= 10_240)
  assert.equal((outcome as { reason: string }).reason, 'complete')
  for (const { tokensPerSecond, modelFlops, heapBytes, balance } of [first, last]) {
    for (const value of [tokensPerSecond, modelFlops, heapBytes, balance]) assert.ok(value! > 0)
  }
})

test('micro-batches and threads do not change what is learned', async () => {
  const whole = await trainFresh(tinyRecipe({ microRows: 8 }))
  const parts = await trainFresh(tinyRecipe({ microRows: 3 }))
  const threads = await trainFresh(tinyRecipe({ microRows: 8 }), { threads: 2 })
  assert.deepEqual(numbersOf(threads.events), numbersOf(whole.events))
  assert.deepEqual(threads.weights, whole.weights)
  for (const [index, { lossNats }] of steps(parts.events).entries()) {
    const expected = steps(whole.events)[index].lossNats
    // Sums in another order: 64 rounding errors of f32 on a loss of 6, grown over ten steps.
    assert.ok(Math.abs(lossNats - expected) < 1e-4, `step ${index + 1}: ${lossNats} and ${expected}`)
  }
})

test('router biases move by the speed where the load is uneven, and rest at speed zero', async () => {
  const schedule = { ...tinyRecipe().training.schedule, biasSpeed: 0.25 }
  const moved = await trainFresh(tinyRecipe({ tokens: 128, schedule }))
  const [first] = steps(moved.events)
  assert.equal(first.step, 1)
  for (const value of moved.biases.flatMap((bias) => Array.from(bias))) assert.ok(value % 0.25 === 0 && Math.abs(value) <= 0.25)
  assert.ok(moved.biases.every((bias) => bias.some((value) => value !== 0)))
  const rested = await trainFresh(tinyRecipe({ tokens: 128, schedule: { ...schedule, biasSpeed: 0 } }))
  assert.ok(rested.biases.flatMap((bias) => Array.from(bias)).every((value) => value === 0))
})

describe('numbers that are not finite', () => {
  const poison = (at: number): TrainingProbe => ({
    everySteps: at,
    look: ({ model, step }) => {
      if (step === at) model.parameters.head_VD.data[0] = Number.NaN
    },
  })

  test('the step is skipped, the batch is named, and the run stops after the limit', async () => {
    const { events, outcome, weights } = await trainFresh(tinyRecipe({ nonFiniteLimit: 2 }), { probes: [poison(3)] })
    const skipped = events.filter(({ type }) => type === 'training/skipped')
    assert.deepEqual(
      skipped.map((event) => (event as unknown as { step: number; inARow: number }).step),
      [4, 5],
    )
    const { batch, lossNats } = skipped[0] as unknown as {
      batch: { data: { cursors: object }; rows: { domain: string; text: string }[] }
      lossNats: number
    }
    assert.ok(Number.isNaN(lossNats))
    assert.ok(Object.keys(batch.data.cursors).length > 0)
    assert.ok(batch.rows.every(({ domain, text: shown }) => domain !== '' && shown !== ''))
    assert.match((outcome as Error).message, /step 5: expected a finite loss and gradient, got loss NaN and gradient norm NaN, 2 in a row/)
    assert.equal((outcome as Error).name, 'UsageError')
    assert.equal(weights.filter(Number.isNaN).length, 1, 'a skipped step spreads nothing')
  })

  test('a checkpoint of them is never written, and the ones before stay', async () => {
    const recipe = tinyRecipe({ nonFiniteLimit: 2, checkpointSeconds: 1e-9 })
    const machine = await Machine.start({ threads: 1 })
    using run = createRunFolder<TrainingEvent>(path.join(folder, 'poisoned'), recipe)
    await assert.rejects(trainInFolder({ machine, recipe, text, run, probes: [poison(3)] }), /finite/)
    machine.close()
    const { found, broken } = latestCheckpoint(run.folder)
    assert.deepEqual(broken, [])
    assert.ok(found!.state.step <= 3)
  })
})

describe('resume', () => {
  /** Trains in a folder until done or until `stopAt` steps; like a new process each time. */
  async function session(name: string, recipe: Recipe, stopAt?: number) {
    const at = path.join(folder, name)
    const machine = await Machine.start({ threads: 1, dialect: 'plain' })
    using run = readdirSync(folder).includes(name) ? openRunFolder<TrainingEvent>(at) : createRunFolder<TrainingEvent>(at, recipe)
    const abort = new AbortController()
    const onEvent = (event: TrainingEvent) => {
      if (event.type === 'training/step' && event.step === stopAt) abort.abort()
    }
    const outcome = await trainInFolder({ machine, recipe, text, run, onEvent, stop: abort.signal })
    const result = {
      reason: outcome.reason,
      weights: outcome.model.parameters.set.weights.toArray(),
      moments: outcome.optimizer.square.toArray(),
    }
    machine.close()
    return { ...result, events: readRunLog(path.join(at, 'events.jsonl'), trainingEventSchemas) }
  }

  test('k steps, a checkpoint and the rest are all steps, bit for bit, wherever it stopped', async () => {
    const optimizer = { ...tinyRecipe().training.optimizer, emaDecay: 0.9 }
    const recipe = tinyRecipe({ optimizer })
    const whole = await session('whole', recipe)
    for (const stopAt of [1, 4]) {
      const name = `stopped-${stopAt}`
      const first = await session(name, recipe, stopAt)
      assert.equal(first.reason, 'interrupted')
      const second = await session(name, recipe, stopAt + 2)
      assert.equal(second.reason, 'interrupted')
      const last = await session(name, recipe)
      assert.equal(last.reason, 'complete')
      assert.deepEqual(numbersOf(last.events), numbersOf(whole.events))
      assert.deepEqual(last.weights, whole.weights)
      assert.deepEqual(last.moments, whole.moments)
    }
  })

  test('another recipe or another text is refused', async () => {
    const recipe = tinyRecipe()
    await session('other', recipe, 2)
    const changed = tinyRecipe({ tokens: 6000 })
    await assert.rejects(session('other', changed), /recipe: expected what the checkpoint was made with/)
  })
})
