import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Machine } from '../../compute/index.ts'
import { memoryLog } from '../../base/run-log.ts'
import { prepareText, type PreparedText } from '../prepare-text.ts'
import { checkRecipe } from '../recipe.ts'
import { recipes } from '../recipes.ts'
import type { AblationEvent, MemoryEvent } from './events.ts'
import { memorySettings, plainTraining } from './memory-settings.ts'
import { type AblationProgress, runAblation } from './run-ablation.ts'

const recipe = recipes.tiny()
const cacheFolder = mkdtempSync(path.join(tmpdir(), 'strata-memory-'))

let machine: Machine
let text: PreparedText
before(async () => {
  machine = await Machine.start({ threads: 1 })
  text = await prepareText(recipe, {})
})
after(() => {
  machine.close()
  rmSync(cacheFolder, { recursive: true })
})

async function run(stop?: AbortSignal) {
  const log = memoryLog<AblationEvent>()
  const seen = new Set<string>()
  const onProgress = ({ arm, tokens, totalTokens }: AblationProgress) => {
    seen.add(arm)
    assert.ok(tokens <= totalTokens)
  }
  const options = { machine, recipe, text, tokens: 512, seeds: 1, cacheFolder, codeVersion: 'test', log, stop, onProgress }
  const { reason, events } = await runAblation('memory', options)
  return { reason, events, logged: log.events, seen: [...seen] }
}

test('every setting is a recipe that may run, and undoes what the recipe itself asked for', () => {
  for (const { change } of memorySettings) checkRecipe({ ...recipe, training: change(plainTraining(recipe.training)) })
  const asked = memorySettings.at(-1)!.change(plainTraining(recipe.training))
  const { recompute, activations, optimizer } = plainTraining(asked)
  assert.deepEqual([recompute, activations, optimizer.moments, optimizer.averageIn], [false, 'f32', 'f32', 'heap'])
  assert.ok(optimizer.emaDecay !== null)
})

test('stopped before it is done, it says nothing and leaves the heap as it was', async () => {
  const { levelBytes } = machine.heap
  const { reason, events, logged } = await run(AbortSignal.abort())
  assert.deepEqual([reason, events.length, logged.length], ['interrupted', 0, 0])
  assert.equal(machine.heap.levelBytes, levelBytes)
})

test('each saving lowers the peak, all together by about what was planned, and what is made again is the same number', async () => {
  const { levelBytes } = machine.heap
  const { events, logged, seen } = await run()
  assert.deepEqual(
    seen.slice(0, 5),
    memorySettings.map(({ name }) => `steps with ${name}`),
  )
  assert.equal(machine.heap.levelBytes, levelBytes)
  assert.deepEqual(
    logged.map(({ type }) => type),
    ['ablation/memory', 'ablation/result', 'ablation/result', 'ablation/result'],
  )
  const [event] = events as readonly MemoryEvent[]
  const { plain, savings } = event
  assert.deepEqual(
    savings.map(({ name, hasSameNumbers }) => [name, hasSameNumbers]),
    [
      ['recompute', true],
      ['fp8-cache', false],
      ['bf16-moments', false],
      ['host-average', true],
      ['all', false],
    ],
  )
  const together = savings.at(-1)!
  const alone = savings.slice(0, -1)
  for (const { name, measuredBytes, predictedBytes } of alone)
    assert.ok(measuredBytes < plain.measuredBytes && predictedBytes < plain.predictedBytes && measuredBytes > together.measuredBytes, name)
  const ratio = (plain.measuredBytes - together.measuredBytes) / (plain.predictedBytes - together.predictedBytes)
  assert.ok(ratio > 0.8 && ratio < 1.25, String(ratio))
  assert.deepEqual(
    savings.map(({ outsideBytes }) => outsideBytes > 0),
    [false, false, false, true, true],
  )
  for (const { stepRatio } of savings) assert.ok(stepRatio.pairs > 1 && stepRatio.median > 0)

  // A moment of bf16 and an average are exactly so many bytes.
  const bytesOf = (name: string) => plain.measuredBytes - savings.find((saving) => saving.name === name)!.measuredBytes
  assert.ok(Math.abs(bytesOf('bf16-moments') - 4 * event.parameters) < 1024)
  assert.ok(Math.abs(bytesOf('host-average') - 4 * event.parameters) < 1024)

  const again = await run()
  assert.deepEqual(
    again.events.map(({ wasCached }) => wasCached),
    [true, true, true, true],
  )
  assert.deepEqual({ ...again.events[0], wasCached: false }, event)
})
