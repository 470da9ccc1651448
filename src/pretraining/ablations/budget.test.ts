import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trainingFlopsPerToken } from '../../architecture/index.ts'
import { recipes } from '../recipes.ts'
import { ablationBase } from './ablation.ts'
import { ablationRuns, tokensWithin } from './budget.ts'

const base = ablationBase(recipes.nano())
const speed = { flopsPerSecond: 5e10, secondsPerStep: 0.025, tokensPerStep: 256 }

test('runs are counted over arms and seeds; the sums are one', () => {
  assert.equal(ablationRuns(['mtp'], base, 3), 6)
  assert.equal(ablationRuns(['mtp', 'balance', 'accumulation'], base, 2), 13)
})

test('all runs fit the time, at 1, 2 or 5 times a power of ten tokens, and more time never gives fewer', () => {
  const flopsPerToken = trainingFlopsPerToken(base.model, base.training.rowLength).totalWithMtp
  let before = 0
  for (const seconds of [1, 30, 60, 600, 3600]) {
    const tokens = tokensWithin(seconds, 8, base, speed)
    assert.ok(tokens >= before)
    assert.ok(tokens === base.training.rowLength || /^[125]0*$/.test(String(tokens)), String(tokens))
    if (tokens > base.training.rowLength) assert.ok(8 * tokens * flopsPerToken <= seconds * speed.flopsPerSecond)
    before = tokens
  }
  assert.equal(tokensWithin(600, 8, base, { ...speed, flopsPerSecond: speed.flopsPerSecond * 1.001 }), tokensWithin(600, 8, base, speed))
})
