import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recipes, type StepEvent } from '../pretraining/index.ts'
import { createPaint } from './colour.ts'
import type { RunDocument, RunRecordEvent } from '../report/index.ts'
import { checkRunDocument, runFormat } from '../report/index.ts'
import { summarize } from './summary.ts'
import { summaryText } from './summary-text.ts'

const recipe = recipes.tiny()
const runDocument: RunDocument = {
  format: runFormat,
  recipe,
  asked: { recipe: 'tiny', settings: [], data: [], conversations: [], seed: null, budget: null },
  derivation: [],
  versions: { strata: '0.0.0', node: '24.0.0' },
  machine: { platform: 'linux-x64', processor: 'a processor', memoryBytes: 2 ** 33, kernels: { dialect: 'plain', reason: 'asked for' } },
  ceilings: { gflopsOneThread: 50, gflopsAllThreads: 100, streamGBs: 20, threads: 2 },
}

const step = (number: number, lossNats: number): StepEvent => ({
  type: 'training/step',
  stage: 'pretrain',
  step: number,
  tokens: number * 512,
  batchTokens: 512,
  lossNats,
  mtpNats: [lossNats + 1],
  balance: 1,
  learningRate: 1e-3,
  gradientNorm: 1,
  biasSpeed: 1e-3,
  mtpWeight: 0.3,
  maxViolation: { mean: 2 / number, max: 3 / number },
  stepSeconds: 0.01,
  tokensPerSecond: 51_200,
  modelFlops: 4e8,
  peakShare: 0.4,
  heapBytes: 5_000_000,
})

const start = (from: number): RunRecordEvent => ({
  type: 'training/start',
  stage: 'pretrain',
  step: from,
  tokens: from * 512,
  stepCount: 4,
})
const score = (domain: string, bitsPerByte: number): RunRecordEvent => ({
  type: 'evaluation/domain',
  stage: 'pretrain',
  domain,
  bitsPerByte,
  plusMinus: 0.02,
  lossNats: 4,
  tokens: 900,
  documents: 3,
  utf8Bytes: 3000,
  compressors: { gzip: 2.9, xz: null },
  ngram: null,
})
const sample: RunRecordEvent = {
  type: 'samples/text',
  domain: 'prose',
  prompt: 'It was',
  text: ' the best\nof times',
  temperature: 0.7,
  topP: 0.9,
}
const stage = (name: 'pretrain' | 'evaluate-pretrain'): RunRecordEvent => ({ type: 'run/stage', stage: name, seconds: 1 })

const interrupted = [start(0), step(1, 6), step(2, 5), step(3, 9)]
const whole = [
  ...interrupted,
  start(2),
  step(3, 4),
  step(4, 3),
  stage('pretrain'),
  score('prose', 1.5),
  score('code', 4),
  stage('evaluate-pretrain'),
  sample,
]

test('steps that were lost and done again count once', () => {
  const { training, status } = summarize('runs/tiny', runDocument, whole)
  assert.equal(status, 'complete')
  assert.equal(training!.steps, 4)
  assert.equal(training!.tokens, 2048)
  assert.deepEqual(training!.lossNats, { first: 6, last: 3 })
  assert.deepEqual(training!.mtpNats, { first: 7, last: 4 })
  assert.deepEqual(training!.maxViolation, { first: 2, last: 0.5 })
  assert.equal(training!.gflops, 40)
  assert.equal(training!.peakShare, 0.4)
  assert.equal(training!.peakHeapBytes, 5_000_000)
})

test('a run that stopped says how to go on, and claims no model', () => {
  const summary = summarize('runs/tiny', runDocument, interrupted)
  assert.equal(summary.status, 'interrupted')
  assert.equal(summary.paths.model, null)
  assert.match(summaryText(summary, createPaint({})), /pretrain runs\/tiny --resume/)
})

test('of scores that were taken twice the later ones count', () => {
  const { scores } = summarize('runs/tiny', runDocument, [...whole, score('prose', 1.25)])
  assert.deepEqual(
    scores.map(({ domain, bitsPerByte }) => [domain, bitsPerByte]),
    [
      ['prose', 1.25],
      ['code', 4],
    ],
  )
})

test('the text has every figure, marks a win, and says what is absent', () => {
  const summary = summarize('runs/tiny', runDocument, whole)
  const text = summaryText(summary, createPaint({ isTTY: true }, {}))
  for (const part of [
    '1.500',
    '±0.020',
    '2.900',
    '40 GFLOP/s',
    '40.0 %',
    '6.00 → 3.00',
    '7.00 → 4.00',
    '2.00 → 0.50',
    '4.77 MiB',
    'no xz',
    'runs/tiny/model',
  ]) {
    assert.ok(text.includes(part), `${part} in\n${text}`)
  }
  assert.ok(text.includes('\u001B[32m1.500'), 'fewer bits than gzip')
  assert.ok(!text.includes('\u001B[32m4.000'), 'more bits than gzip')
  assert.ok(text.includes('\u001B[2mIt was\u001B[22m the best\n'))
  const plain = summaryText(summary, createPaint({}))
  assert.ok(!plain.includes('\u001B'))
})

test('a record that was changed by hand is refused with the place', () => {
  assert.deepEqual(checkRunDocument(JSON.parse(JSON.stringify(runDocument)), 'recipe.json'), runDocument)
  assert.throws(
    () => checkRunDocument({ ...runDocument, ceilings: { ...runDocument.ceilings, threads: 0 } }, 'recipe.json'),
    /recipe\.json: [^]*ceilings\.threads: expected more than 0, got 0/,
  )
  assert.throws(() => checkRunDocument({ ...runDocument, recipe: { ...recipe, seed: -1 } }, 'recipe.json'), /seed/)
  assert.throws(() => checkRunDocument(null, 'recipe.json'), /recipe\.json/)
})
