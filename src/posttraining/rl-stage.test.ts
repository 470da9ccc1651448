import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { createModel } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { createAdamW, initialize } from '../foundations/index.ts'
import { createRunFolder, openRunFolder, type RunFolder, writeCheckpoint } from '../infrastructure/index.ts'
import { Engine } from '../inference/index.ts'
import { checkRecipe, configAfter, prepareText, type PreparedText, type Recipe, recipes, type RlConfig } from '../pretraining/index.ts'
import { measureAccuracy } from './accuracy.ts'
import { type PosttrainingEvent, type RlStepEvent, rlTrace } from './events.ts'
import { tryVerifier } from './judge.ts'
import { trainRl } from './rl-stage.ts'
import type { PosttrainingLogEvent } from './surroundings.ts'

/** Rewards replies that contain the letter e; throws at those with a z. */
const verifierText = `
export function verify(problem, reply) {
  if (reply.includes('z')) throw new Error('a z in ' + problem.task)
  return reply.includes('e')
}`

let text: PreparedText
let folder: string
let verifier: string
let from: string
let runCount = 0

function tinyRecipe(rl: Partial<RlConfig> = {}, training: Partial<Recipe['training']> = {}): Recipe {
  const recipe = recipes.tiny()
  const own = {
    steps: 4,
    problemsPerStep: 3,
    samplesPerProblem: 4,
    maxTokens: 5,
    learningRate: 5e-3,
    lastFactor: 1,
    shuffledSteps: 4,
    verifier,
    ...rl,
  }
  return checkRecipe({ ...recipe, training: { ...recipe.training, ...training }, rl: { ...recipe.rl!, ...own } })
}

before(async () => {
  text = await prepareText(recipes.tiny(), {})
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-rl-'))
  verifier = path.join(folder, 'verifier.mjs')
  writeFileSync(verifier, verifierText)
  // An untrained model stands for the fine-tuned one.
  await onMachine(async (machine) => {
    const recipe = tinyRecipe()
    const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
    initialize(model.parameters.set, model.config.initStd, Random.seeded(recipe.seed))
    const optimizer = createAdamW(model.parameters.set, recipe.training.optimizer)
    const state = { stage: 'sft', step: 1, tokens: 0, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' }
    from = writeCheckpoint(path.join(folder, 'sft'), { model, optimizer, state })
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

interface TrainOptions {
  readonly run?: RunFolder<PosttrainingLogEvent>
  readonly stage?: 'rl' | 'rl-shuffled'
  readonly threads?: number
  readonly stop?: AbortSignal
  readonly onEvent?: (event: PosttrainingLogEvent) => void
}

const newRun = (recipe: Recipe) => createRunFolder<PosttrainingLogEvent>(path.join(folder, `run-${++runCount}`), recipe)

async function reinforced(recipe: Recipe, { run = newRun(recipe), stage, threads, ...options }: TrainOptions = {}) {
  return onMachine(async (machine) => {
    const events: PosttrainingLogEvent[] = []
    const onEvent = (event: PosttrainingLogEvent) => {
      events.push(event)
      options.onEvent?.(event)
    }
    const outcome = await trainRl({ machine, recipe, run, text, from, ...options, onEvent }, stage)
    const { weights } = outcome.model.parameters.set
    return { reason: outcome.reason, events, weights: weights.toArray(), steps: rlTrace(events, stage), run }
  }, threads)
}

/** What must be the same whenever and wherever a step is taken. */
const numbersOf = (steps: readonly RlStepEvent[]) =>
  steps.map((step) => Object.fromEntries(Object.entries(step).filter(([key]) => !/Seconds$|PerSecond$|^heapBytes$/.test(key))))

describe('reinforcement', () => {
  test('with values made again and the average outside the heap it comes to the same weights in less of it; with fewer bits, to others', async () => {
    const { optimizer } = recipes.tiny().training
    const kept = await reinforced(tinyRecipe({}, { optimizer: { ...optimizer, emaDecay: 0.9 } }))
    const saving = { recompute: true, optimizer: { ...optimizer, emaDecay: 0.9, averageIn: 'host' } } as const
    const same = await reinforced(tinyRecipe({}, saving))
    assert.deepEqual(same.weights, kept.weights)
    assert.ok(Math.max(...same.steps.map(({ heapBytes }) => heapBytes)) < Math.max(...kept.steps.map(({ heapBytes }) => heapBytes)))
    const rounded = await reinforced(tinyRecipe({}, { activations: 'fp8', optimizer: { ...optimizer, moments: 'bf16' } }))
    assert.notDeepEqual(rounded.weights, kept.weights)
    assert.ok(rounded.weights.every(Number.isFinite))
  })

  test('raises the reward of what can be learned, and the control does not', async () => {
    const recipe = tinyRecipe({ steps: 20, shuffledSteps: 20, problemsPerStep: 4, samplesPerProblem: 8, learningRate: 1e-2 })
    const learned = await reinforced(recipe)
    const control = await reinforced(recipe, { stage: 'rl-shuffled' })
    const ends = (steps: readonly RlStepEvent[]) => {
      const mean = (part: readonly RlStepEvent[]) => part.reduce((sum, { accuracy }) => sum + accuracy, 0) / part.length
      return { first: mean(steps.slice(0, 4)), last: mean(steps.slice(-4)) }
    }
    const [own, shuffled] = [ends(learned.steps), ends(control.steps)]
    assert.ok(own.last > own.first + 0.3, `${own.first} to ${own.last}`)
    assert.ok(shuffled.last < own.last - 0.2, `${shuffled.first} to ${shuffled.last}, against ${own.last}`)
    assert.ok(learned.steps.at(-1)!.klNats > 0)
    assert.notDeepEqual(control.weights, learned.weights)
    const examples = learned.events.filter((event) => event.type === 'rl/example')
    assert.ok(examples.length > 0 && examples.every(({ best, worst }) => best.reward > worst.reward && best.advantage > 0))
  })

  test('the first ratio is 1, and sampler and trainer agree to rounding', async () => {
    const { steps } = await reinforced(tinyRecipe({ updatesPerStep: 2, samplesPerProblem: 2, problemsPerStep: 6 }))
    assert.equal(steps.length, 4)
    for (const { ratioFirst, ratioLast, logProbabilityGap, updates, groups, skippedGroups } of steps) {
      assert.ok(logProbabilityGap.max < 1e-4 && logProbabilityGap.mean <= logProbabilityGap.max, `${logProbabilityGap.max}`)
      if (skippedGroups === groups) continue
      assert.ok(Math.abs(ratioFirst.min - 1) < 1e-6 && Math.abs(ratioFirst.max - 1) < 1e-6)
      assert.equal(updates, 2)
      assert.ok(ratioLast.max > 1 + 1e-4, 'the second update is off-policy')
    }
    assert.ok(
      steps.some(({ skippedGroups, updates }) => skippedGroups > 0 && updates > 0),
      'some groups are left out of an update',
    )
  })

  test('a group whose replies all earn the same teaches nothing', async () => {
    const { steps, weights } = await reinforced(tinyRecipe({ tasks: ['copy'], verifier: null }))
    for (const step of steps) assert.deepEqual([step.skippedGroups, step.updates, step.gradientNorm], [3, 0, 0])
    for (const { klNats, logProbabilityGap } of steps) assert.ok(klNats === 0 && logProbabilityGap.max > 0 && logProbabilityGap.max < 1e-4)
    assert.deepEqual(weights, (await reinforced(tinyRecipe({ steps: 1, tasks: ['copy'], verifier: null }))).weights)
  })

  test('the same numbers on one thread and on two', async () => {
    const [one, two] = [await reinforced(tinyRecipe()), await reinforced(tinyRecipe(), { threads: 2 })]
    assert.deepEqual(numbersOf(one.steps), numbersOf(two.steps))
    assert.deepEqual(one.weights, two.weights)
  })
})

describe('a reinforcement that is cut short', () => {
  test('by a signal goes on to the same weights, bit for bit', async () => {
    const recipe = tinyRecipe()
    const whole = await reinforced(recipe)
    const stopper = new AbortController()
    const onEvent = ({ type }: PosttrainingLogEvent) => void (type === 'rl/step' && stopper.abort())
    const first = await reinforced(recipe, { stop: stopper.signal, onEvent })
    assert.deepEqual([first.reason, first.steps.length], ['interrupted', 1])
    const second = await reinforced(recipe, { run: first.run })
    assert.equal(second.reason, 'complete')
    assert.deepEqual(numbersOf([...first.steps, ...second.steps]), numbersOf(whole.steps))
    assert.deepEqual(second.weights, whole.weights)
  })

  test('without warning goes on from its last checkpoint to the same weights', async () => {
    const recipe = tinyRecipe({}, { checkpointSeconds: 1e-6 })
    const whole = await reinforced(recipe)
    const run = newRun(recipe)
    const onEvent = (event: PosttrainingLogEvent) => {
      if (event.type === 'rl/step' && event.step === 3) throw new Error('power cut')
    }
    await assert.rejects(reinforced(recipe, { run, onEvent }), /power cut/)
    run.close()
    const again = await reinforced(recipe, { run: openRunFolder<PosttrainingLogEvent>(run.folder) })
    assert.deepEqual(
      again.steps.map(({ step }) => step),
      [3, 4],
    )
    assert.deepEqual(again.weights, whole.weights)
  })
})

test('a verifier that throws counts as wrong and is told', async () => {
  const failing = path.join(folder, 'failing.mjs')
  writeFileSync(failing, `let asked = 0; export const verify = () => { if (++asked === 12) return false; throw new Error('no idea') }`)
  const { events, steps } = await reinforced(tinyRecipe({ verifier: failing, steps: 1 }))
  assert.deepEqual([steps[0].accuracy, steps[0].rewardMean], [0, 0])
  const fault = events.find((event) => event.type === 'rl/verifier-fault')!
  assert.deepEqual([fault.count, fault.replies], [11, 12])
  assert.match(fault.fault, /no idea/)
})

test('a verifier that gives no verdict on any reply of the first step stops the run, with file, failure and an example', async () => {
  const broken = path.join(folder, 'broken.mjs')
  writeFileSync(broken, `export const verify = () => { throw new Error('no idea') }`)
  await assert.rejects(reinforced(tinyRecipe({ verifier: broken })), (error: Error) => {
    assert.ok(error instanceof UsageError)
    assert.match(
      error.message,
      /broken\.mjs: expected a verifier that gives verdicts, got none on 12 replies in a row; first, it threw Error: no idea at the problem ".+" and the reply ".*"\. Mend verify/,
    )
    return true
  })
})

test('a verifier that fails on the way stops the run after sixteen replies; mended, the run goes on where it stopped', async () => {
  const moody = path.join(folder, 'moody.mjs')
  const write = (lastAsked: number) =>
    writeFileSync(
      moody,
      `let asked = 0; export const verify = (_, reply) => { if (++asked > ${lastAsked}) throw new Error('no'); return reply.includes('e') }`,
    )
  const recipe = tinyRecipe({ verifier: moody })
  const run = newRun(recipe)
  // Two steps of twelve replies, and two replies of the third: the fault in the middle of a step is counted on in the next.
  write(26)
  await assert.rejects(reinforced(recipe, { run }), /got none on 16 replies in a row/)
  run.close()
  write(1e9)
  using again = openRunFolder<PosttrainingLogEvent>(run.folder)
  const rest = await reinforced(recipe, { run: again })
  assert.deepEqual([rest.reason, rest.steps.map(({ step }) => step)], ['complete', [4]])
})

test('a verifier is tried on right answers before a run begins, one that hangs too', async () => {
  const rl = { tasks: ['copy', 'add'], level: 0 }
  await tryVerifier({ ...rl, verifier })
  const hanging = path.join(folder, 'hanging.mjs')
  writeFileSync(hanging, `export const verify = () => new Promise(() => {})`)
  await assert.rejects(tryVerifier({ ...rl, verifier: hanging }), {
    name: 'UsageError',
    message: /hanging\.mjs: .* got none on 3 replies in a row; first, it did not end within 1 s at the problem .* and the reply "<answer>/,
  })
})

test('prompts that leave no room, unknown tasks and missing verifiers are refused', async () => {
  await assert.rejects(
    reinforced(tinyRecipe({ maxTokens: 4096 })),
    (error) => error instanceof UsageError && /rl\.maxTokens/.test(error.message),
  )
  await assert.rejects(reinforced(tinyRecipe({ tasks: ['juggling', 'copy'] })), /juggling.*\n.*letters, copy/)
  await assert.rejects(reinforced(tinyRecipe({ verifier: path.join(folder, 'none.mjs') })), UsageError)
})

test('accuracy is counted over held-out problems, the same in batches of any kind, with chance and interval', async () => {
  const recipe = tinyRecipe({ heldOutProblems: 70, tasks: ['copy', 'comparison'] })
  const score = (threads: number, maxRows: number) =>
    onMachine(async (machine) => {
      const model = createModel(machine, configAfter(recipe, 'sft'), { withGradients: false })
      initialize(model.parameters.set, model.config.initStd, Random.seeded(5))
      const events: PosttrainingEvent[] = []
      const log = { append: (event: PosttrainingEvent) => void events.push(event) }
      const engine = new Engine(model, text.tokenizer, maxRows)
      const scores = await measureAccuracy({ engine, stage: 'sft', config: recipe.rl!, seed: 7, log })
      return { scores, events }
    }, threads)
  const { scores, events } = await score(1, 16)
  assert.deepEqual(
    scores.map(({ task, family, n }) => [task, family, n]),
    [
      ['copy', 'letters', 35],
      ['compare', 'comparison', 35],
      ['all', 'all', 70],
    ],
  )
  const all = scores.at(-1)!
  assert.equal(all.correct, scores[0].correct + scores[1].correct)
  assert.ok(all.interval.low <= all.accuracy && all.accuracy <= all.interval.high)
  assert.equal(scores[1].chance, 0.5)
  assert.ok(scores[0].meanTokens <= recipe.rl!.maxTokens)
  assert.equal(events.filter(({ type }) => type === 'posttraining/sample').length, 2)
  assert.deepEqual(await score(2, 3), { scores, events })
})
