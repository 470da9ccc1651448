import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { memoryLog } from '../../base/run-log.ts'
import { Machine } from '../../compute/index.ts'
import { fp8Policies } from '../../infrastructure/index.ts'
import { prepareText, type PreparedText } from '../prepare-text.ts'
import { recipes } from '../recipes.ts'
import type { AblationEvent, AblationResultEvent, AccumulationEvent } from './events.ts'
import { type AblationOptions, runAblation } from './run-ablation.ts'
import { runHash } from './run-cache.ts'

const recipe = { ...recipes.tiny(), training: { ...recipes.tiny().training, rowLength: 32 } }

let machine: Machine
let text: PreparedText
let cacheFolder: string
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  text = await prepareText(recipe, {})
  cacheFolder = mkdtempSync(path.join(os.tmpdir(), 'strata-ablations-'))
})
after(() => {
  machine.close()
  rmSync(cacheFolder, { recursive: true })
})

async function run(name: string, options: Partial<AblationOptions> = {}) {
  const log = memoryLog<AblationEvent>()
  const level = machine.heap.levelBytes
  const outcome = await runAblation(name, { machine, recipe, text, tokens: 1024, cacheFolder, codeVersion: 'test', log, ...options })
  assert.equal(machine.heap.levelBytes, level, 'all memory is returned')
  return { ...outcome, logged: log.events.map(({ at: _at, ...event }) => event), results: outcome.events as AblationResultEvent[] }
}

const withoutTime = ({ wasCached: _cached, ...event }: AblationResultEvent) => event

test('an ablation is trained once: again it comes from the cache, with the same numbers', async () => {
  const first = await run('mtp')
  assert.deepEqual(first.logged, first.events)
  const again = await run('mtp')
  assert.deepEqual([first.results[0].wasCached, again.results[0].wasCached], [false, true])
  assert.deepEqual(again.results.map(withoutTime), first.results.map(withoutTime))
  const [{ variant, control, metric, unit, n, intervalOver, difference, details, base, tokens }] = first.results
  assert.deepEqual([variant, control, metric, unit, intervalOver], ['mtp', 'no-mtp', 'held-out loss', 'nats/token', 'rows'])
  assert.equal(n, 192)
  assert.ok(Math.abs(details.variant.lossNats - details.control.lossNats - difference) < 1e-12)
  assert.ok(details.variant.parameters > details.control.parameters)
  assert.equal(details.variant.activated, details.control.activated)
  assert.ok(Object.values(details.byDomain).reduce((sum, domain) => sum + domain.n, 0) === n)
  assert.ok(Object.values(details.variant.bitsPerByteByDomain).every((bits) => bits > 1 && bits < 9))
  assert.deepEqual([base.width, base.rowLength, tokens], [32, 32, 1024])
})

test('arms that two ablations share are trained once, and the same seed gives the same numbers without a cache', async () => {
  const before = readdirSync(path.join(cacheFolder, 'ablations')).length
  const { results } = await run('latent-cache')
  assert.equal(readdirSync(path.join(cacheFolder, 'ablations')).length, before + 2, 'the latent arm is the one with MTP')
  const fresh = await run('latent-cache', { cacheFolder: undefined })
  const measured = ({ details, difference, low, high }: AblationResultEvent) => [
    difference,
    low,
    high,
    details.variant.lossNats,
    details.control.lossNats,
  ]
  assert.deepEqual(fresh.results.map(measured), results.map(measured))
  assert.ok(results[0].details.control.cacheBytesPerToken > 2 * results[0].details.variant.cacheBytesPerToken)
})

test('what a bias, a loss and nothing do to the load is measured beside the loss', async () => {
  const { results } = await run('balance', { tokens: 4096 })
  assert.deepEqual(
    results.map(({ variant, control, metric }) => `${variant} ${control} ${metric}`),
    ['sequence-loss', 'batch-loss', 'none'].flatMap((control) => [
      `bias ${control} held-out loss`,
      `bias ${control} overload of the busiest expert`,
    ]),
  )
  const none = results.at(-1)!
  assert.equal(none.verdict, 'lower')
  assert.ok(none.details.variant.maxViolation! < none.details.control.maxViolation!)
})

test('training that breaks is a result: an infinite loss, and the step at which it ended', async () => {
  // A step takes away rate times decay of every weight: most of it as it is, six times all of it at eight times the rate.
  const { training } = recipe
  const wild = {
    ...recipe,
    training: {
      ...training,
      optimizer: { ...training.optimizer, weightDecay: 10 },
      schedule: { ...training.schedule, learningRate: 0.08, warmupSteps: 1 },
    },
  }
  const { results } = await run('learning-rate', { recipe: wild, tokens: 8192 })
  assert.deepEqual(
    results.map(({ variant }) => variant),
    ['x0.125', 'x0.5', 'x2', 'x8'],
  )
  const { details, difference, verdict } = results.at(-1)!
  assert.ok(details.variant.brokeAtStep! > 3 && details.control.brokeAtStep === null, JSON.stringify(details))
  assert.equal(details.variant.lossNats, Number.POSITIVE_INFINITY)
  assert.deepEqual([difference, verdict], [Number.POSITIVE_INFINITY, 'higher'])
  assert.deepEqual((await run('learning-rate', { recipe: wild, tokens: 8192 })).results.map(withoutTime), results.map(withoutTime))
})

test('seeds are paired, and three of them carry the interval', async () => {
  const { results } = await run('group-limit', { tokens: 256, seeds: 3 })
  assert.deepEqual([results[0].intervalOver, results[0].n, results[0].seeds], ['seeds', 3, 3])
})

test('an ablation that is stopped says nothing, and keeps what it finished', async () => {
  const abort = new AbortController()
  const stopped = await run('dense', {
    stop: abort.signal,
    onProgress: ({ doneCount, tokens }) => doneCount === 1 && tokens > 0 && abort.abort(),
  })
  assert.deepEqual([stopped.reason, stopped.logged.length], ['interrupted', 0])
  const done: number[] = []
  const whole = await run('dense', { onProgress: ({ doneCount, tokens }) => tokens > 0 && tokens < 1024 && done.push(doneCount) })
  assert.equal(whole.reason, 'complete')
  assert.ok(
    done.every((count) => count === 1),
    'the first arm was there',
  )
})

test('the progress of an ablation names each run by its own arm and number, from no tokens to all of them', async () => {
  const said: string[] = []
  await run('mtp', {
    tokens: 1024,
    cacheFolder: undefined,
    onProgress: ({ arm, doneCount, runCount, tokens }) => said.push(`${arm} ${doneCount + 1} of ${runCount}: ${tokens}`),
  })
  const ends = said.filter((line) => /: (?:0|1024)$/.test(line))
  assert.deepEqual([...new Set(ends)], ['mtp 1 of 2: 0', 'mtp 1 of 2: 1024', 'no-mtp 2 of 2: 0', 'no-mtp 2 of 2: 1024'])
})

test('a damaged file of the cache counts as not there', async () => {
  await run('mtp')
  const folder = path.join(cacheFolder, 'ablations')
  const kept = new Map(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]))
  for (const [name, content] of kept) writeFileSync(path.join(folder, name), content.slice(0, content.length / 2))
  const { results } = await run('mtp')
  assert.equal(results[0].wasCached, false)
  for (const [name, content] of kept) writeFileSync(path.join(folder, name), content)
})

test('whatever decides a run is in its name, and what does not is not', () => {
  const identity = {
    recipe,
    seed: 1,
    attentionStart: 1,
    fingerprint: 'a',
    heldOut: { rows: 8, seed: 1 },
    dialect: 'plain',
    codeVersion: '1',
    beside: 'nothing',
  }
  const name = runHash(identity)
  const others = [
    { ...identity, seed: 2 },
    { ...identity, fingerprint: 'b' },
    { ...identity, attentionStart: 0.5 },
    { ...identity, precision: fp8Policies.policy },
    { ...identity, precision: fp8Policies.blind },
    { ...identity, dialect: 'relaxed' },
    { ...identity, codeVersion: '2' },
    { ...identity, recipe: { ...recipe, training: { ...recipe.training, tokens: 1 } } },
    { ...identity, recipe: { ...recipe, model: { ...recipe.model, mtpDepth: 0 } } },
    { ...identity, recipe: { ...recipe, data: { ...recipe.data, weights: { prose: 1 } } } },
  ]
  assert.equal(new Set([name, ...others.map(runHash)]).size, others.length + 1)
  assert.equal(runHash({ ...identity, precision: undefined }), name)
  assert.equal(
    runHash({ ...identity, recipe: { ...recipe, name: 'another', training: { ...recipe.training, checkpointSeconds: 1 } } }),
    name,
  )
})

test('sums in f32 are the whole batch’s to rounding, and sums kept in bf16 are not', async () => {
  const { events } = await run('accumulation', { tokens: 6144 })
  const [{ details, verdict, intervalOver, parts, steps }] = events as AccumulationEvent[]
  assert.deepEqual([verdict, intervalOver, parts], ['higher', 'tensors', 8])
  assert.equal(steps, 8)
  // Eight rounding errors of half a unit in the last place each: 2^-24 in f32, 2^-9 in bf16.
  assert.ok(details.control.gradientError < 8 * 2 ** -24 * 8, `${details.control.gradientError}`)
  assert.ok(details.variant.gradientError > 2 ** -10 && details.variant.gradientError < 8 * 2 ** -9, `${details.variant.gradientError}`)
  assert.ok(details.control.medianUlps < 64)
  assert.ok(details.variant.weightDriftShare > 100 * details.control.weightDriftShare)
  assert.ok(details.variant.lossDriftNats > details.control.lossDriftNats)
})
