import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countParameters, trainingFlopsPerToken } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { heapLimitBytes } from '../compute/index.ts'
import { deriveRecipe, familyMember, fitTokens, measureTrainingSpeed, sizedRecipe } from './derive.ts'
import { planHeap } from './heap-plan.ts'
import { checkRecipe } from './recipe.ts'
import { recipes } from './recipes.ts'

const base = recipes.nano()
const speed = { flopsPerSecond: 8e10, secondsPerStep: 0.17, tokensPerStep: 512 }
const peak = 1.15e11

const flopsOf = ({ model, training }: ReturnType<typeof recipes.nano>) =>
  training.tokens * trainingFlopsPerToken(model, training.rowLength).totalWithMtp

test('more time gives a model at least as large and more work, all of it used, and a recipe that may run', () => {
  let before = { activated: 0, flops: 0 }
  for (const seconds of [5, 20, 60, 300, 1700, 7000, 28_000, 86_400]) {
    const { recipe, derivation } = deriveRecipe(base, seconds, speed, peak)
    checkRecipe(recipe)
    const { activated } = countParameters(recipe.model)
    const flops = flopsOf(recipe)
    assert.ok(activated >= before.activated, `${seconds} s: ${activated} after ${before.activated}`)
    assert.ok(flops > before.flops)
    assert.ok(Math.abs(flops / (seconds * speed.flopsPerSecond) - 1) < 0.01, `${seconds} s: ${flops}`)
    assert.ok(planHeap(recipe.model, recipe.training).total <= heapLimitBytes)
    assert.ok(derivation.length >= 3)
    before = { activated, flops }
  }
})

test('half an hour gives more than the first run has', () => {
  const first = countParameters(base.model)
  const { recipe } = deriveRecipe(base, 1650, speed, peak)
  assert.ok(countParameters(recipe.model).total > first.total)
})

test('the family keeps to the rules at every width, and has nano in it', () => {
  assert.equal(familyMember(base.model.width), base.model)
  for (let width = 48; width <= 1024; width += 16) checkRecipe(sizedRecipe(base, width, 5e6))
})

test('tokens fit the time at the speed that was measured', () => {
  const { recipe } = fitTokens(base, 100, speed, peak)
  assert.ok(Math.abs(flopsOf(recipe) / (100 * speed.flopsPerSecond) - 1) < 0.001)
  const short = fitTokens(base, 1e-6, speed, peak).recipe
  checkRecipe(short)
  assert.equal(short.training.schedule.warmupSteps, 1)
})

test('a measurement takes real steps and returns their memory', async () => {
  const machine = await Machine.start({ threads: 1 })
  const level = machine.heap.levelBytes
  const measured = await measureTrainingSpeed(machine, recipes.tiny(), 0.05)
  assert.equal(machine.heap.levelBytes, level)
  assert.equal(measured.tokensPerStep, 512)
  assert.ok(measured.flopsPerSecond > 0 && Number.isFinite(measured.flopsPerSecond))
  machine.close()
})
