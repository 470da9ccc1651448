import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  batchRowsAt,
  biasSpeedAt,
  learningRateAt,
  mtpWeightAt,
  reportRun,
  reportSchedule,
  scheduleViolations,
  stepsLeft,
} from './schedules.ts'

const published = (trillions: number, step = 1e6) => learningRateAt(reportSchedule, { step, tokenShare: trillions / 14.8 })
const near = (actual: number, expected: number, relative = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `expected ${expected}, got ${actual}`)

test('the learning rate of the published run has the published values', () => {
  near(published(0.01, 0), 2.2e-4 / 2000)
  near(published(0.01, 999), 1.1e-4)
  near(published(0.01, 1999), 2.2e-4)
  near(published(5), 2.2e-4)
  near(published(10), 2.2e-4)
  near(published(12.15), 1.21e-4)
  near(published(14.3), 2.2e-5)
  near(published(14.632), 2.2e-5)
  near(published(14.634), 7.3e-6)
  near(published(14.8), 7.3e-6)
})

test('the last two constants share the end of the run two to one', () => {
  const { decayEndShare, lastStartShare } = reportSchedule
  near((lastStartShare - decayEndShare) / (1 - lastStartShare), 2, 0.01)
})

test('the batch of the published run grows from 12,582,912 tokens to 62,914,560 over 469B tokens', () => {
  const tokens = (billions: number) => batchRowsAt(reportSchedule, reportRun.rows, billions / 14_800) * reportRun.rowLength
  assert.equal(tokens(0), 12_582_912)
  assert.equal(tokens(469 / 2), ((12_582_912 + 62_914_560) / 2 / 4096) * 4096)
  assert.equal(tokens(469), 62_914_560)
  assert.equal(tokens(14_000), 62_914_560)
})

test('bias speed and MTP weight change where the report says', () => {
  assert.equal(biasSpeedAt(reportSchedule, 14.29 / 14.8), 0.001)
  assert.equal(biasSpeedAt(reportSchedule, 14.3 / 14.8), 0)
  assert.equal(mtpWeightAt(reportSchedule, 9.99 / 14.8), 0.3)
  assert.equal(mtpWeightAt(reportSchedule, 10 / 14.8), 0.1)
})

test('the learning rate never rises once it is warm, and never jumps down by more than the published last step', () => {
  const values = Array.from({ length: 10_001 }, (_, i) => learningRateAt(reportSchedule, { step: 1e6, tokenShare: i / 10_000 }))
  for (let i = 1; i < values.length; i++) {
    assert.ok(values[i] <= values[i - 1])
    assert.ok(values[i - 1] - values[i] <= 2.2e-5 - 7.3e-6 + 1e-12)
  }
})

test('the steps left are those that a run takes, from the start and from the middle', () => {
  const size = { tokens: 100_000, rows: 10, rowLength: 64 }
  const schedule = { ...reportSchedule, rampEndShare: 0.3 }
  const consumed = [0]
  while (consumed.at(-1)! < size.tokens) {
    consumed.push(consumed.at(-1)! + batchRowsAt(schedule, size.rows, consumed.at(-1)! / size.tokens) * size.rowLength)
  }
  const steps = consumed.length - 1
  for (const [done, tokens] of consumed.entries()) assert.equal(stepsLeft(schedule, size, tokens), steps - done)
})

test('a schedule that contradicts itself is named, all of it', () => {
  assert.deepEqual(scheduleViolations(reportSchedule), [])
  const wrong = { ...reportSchedule, learningRate: Number.NaN, decayEndShare: 0.5, mtpWeight: -1 }
  const names = scheduleViolations(wrong).map((line) => line.split(':')[0])
  assert.deepEqual(names, ['mtpWeight', 'learningRate', 'decayEndShare'])
})
