import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { memoryLog } from '../../base/run-log.ts'
import { Machine } from '../../compute/index.ts'
import { prepareText, type PreparedText } from '../prepare-text.ts'
import { recipes } from '../recipes.ts'
import type { AblationEvent, AblationResultEvent, PrecisionEvent } from './events.ts'
import { precisionMetrics, roundings } from './product-errors.ts'
import { runAblation } from './run-ablation.ts'

const recipe = { ...recipes.tiny(), training: { ...recipes.tiny().training, rowLength: 32 } }

let machine: Machine
let text: PreparedText
let cacheFolder: string
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  text = await prepareText(recipe, {})
  cacheFolder = mkdtempSync(path.join(os.tmpdir(), 'strata-precision-'))
})
after(() => {
  machine.close()
  rmSync(cacheFolder, { recursive: true })
})

async function run(name: string, tokens = 1024) {
  const log = memoryLog<AblationEvent>()
  const level = machine.heap.levelBytes
  const { events } = await runAblation(name, { machine, recipe, text, tokens, cacheFolder, codeVersion: 'test', log })
  assert.equal(machine.heap.levelBytes, level, 'all memory is returned')
  assert.equal(machine.precision, null, 'and the machine is in f32 again')
  return events
}

const arms = (events: readonly AblationEvent[]) =>
  new Map(
    (events as AblationResultEvent[]).flatMap(({ variant, control, details }) => [
      [variant, details.variant],
      [control, details.control],
    ]),
  )

test('each FP8 arm trains to a model of its own near the one in f32, and arms that ablations share are trained once', async () => {
  const parts = arms(await run('fp8-parts'))
  assert.deepEqual([...parts.keys()], ['fp8', 'f32', 'fp8-per-tensor', 'fp8-storage', 'fp8-compute'])
  const losses = [...parts.values()].map(({ lossNats }) => lossNats)
  assert.equal(new Set(losses).size, losses.length)
  const exact = parts.get('f32')!.lossNats
  for (const loss of losses) assert.ok(Math.abs(loss / exact - 1) < 0.02, `${loss} beside ${exact}`)
  const count = () => readdirSync(path.join(cacheFolder, 'ablations')).length
  const before = count()
  const blocks = arms(await run('fp8-blocks'))
  assert.equal(count(), before + 1)
  assert.deepEqual(blocks.get('fp8'), parts.get('fp8'))
  const again = await run('fp8-blocks')
  assert.ok(again.every(({ wasCached }) => wasCached))
})

test('sensitive states in FP8 change a training, one by one and all together', async () => {
  const states = arms(await run('fp8-states'))
  const names = ['fp8', 'f32', 'fp8-blind', 'fp8-router', 'fp8-head', 'fp8-sums']
  assert.deepEqual([...states.keys()].toSorted(), names.toSorted())
  assert.equal(new Set([...states.values()].map(({ lossNats }) => lossNats)).size, names.length)
})

test('errors of products are those of three bits of mantissa, long sums are better promoted, rounding less is better for gradients', async () => {
  const events = (await run('fp8-products')) as PrecisionEvent[]
  const of = (metric: keyof typeof precisionMetrics, variant: keyof typeof roundings) =>
    events.find((event) => event.metric === precisionMetrics[metric] && event.variant === roundings[variant])!
  for (const { details, n, low, high, difference } of events) {
    assert.ok([details.variant, details.control, low, high].every(Number.isFinite) && n > 1)
    assert.ok(details.variant > 0 && details.control > 0)
    assert.ok(Math.abs(details.variant - details.control - difference) < 1e-12)
  }
  // Three bits of mantissa are off by a sixteenth at most and by some 2 to 3 percent in the mean.
  for (const metric of ['forward', 'inputs', 'weights'] as const) {
    const { details } = of(metric, 'tensor')
    assert.ok(details.control > 0.01 && details.control < 0.0625, `${metric} ${details.control}`)
  }
  assert.equal(of('sums', 'neverPromoted').verdict, 'higher')
  assert.ok(of('sums', 'neverPromoted').details.variant > of('sums', 'seldomPromoted').details.variant)
  assert.ok(of('sums', 'neverPromoted').details.control < 0.01)
  assert.equal(of('gradients', 'storageOnly').verdict, 'lower')
  const again = (await run('fp8-products')) as PrecisionEvent[]
  assert.ok(again.every(({ wasCached }) => wasCached))
  assert.deepEqual(
    again.map(({ details }) => details),
    events.map(({ details }) => details),
  )
})
