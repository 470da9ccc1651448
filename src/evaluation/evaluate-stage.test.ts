import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { memoryLog } from '../base/run-log.ts'
import { Random } from '../base/random.ts'
import { createModel, type Model, presets } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { type Corpus, makeDocument, prepareCorpus } from '../pretraining/data/index.ts'
import { evaluateStage, type EvaluationConfig } from './evaluate-stage.ts'
import type { EvaluationEvent } from './events.ts'
import { taskNames } from './tasks/catalogue.ts'

let machine: Machine
let model: Model
let tokenizer: Tokenizer
let corpus: Corpus
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, presets.tiny.initStd, Random.seeded(1))
  corpus = await prepareCorpus({ set: 'vendored', seed: 1 })
  const texts = corpus.domains.flatMap(({ train }) => train.slice(0, 3).map(({ text }) => text))
  tokenizer = trainTokenizer(texts, { vocabSize: presets.tiny.vocabSize })
})
after(() => machine.close())

const config: EvaluationConfig = {
  rowLength: 96,
  bytesPerDomain: 500,
  ngramBytes: 20_000,
  tasks: taskNames,
  itemsPerTask: 6,
  contamination: true,
  positions: { windowLengths: [64, 256], tokens: 1200 },
  needle: { lengths: [64, 256], depths: [0, 0.5], perCell: 2 },
}

/** Events as a log keeps them, their time left out. */
async function evaluate(over: Partial<EvaluationConfig> = {}, text: Corpus = corpus) {
  const log = memoryLog<EvaluationEvent>(() => 0)
  const seen = new Set<string>()
  const onProgress = (what: string) => void seen.add(what)
  const options = { model, tokenizer, corpus: text, stage: 'pretrain', seed: 1, config: { ...config, ...over }, log, onProgress }
  const returned = await evaluateStage(options)
  return { events: log.events, returned, seen }
}

test('a stage gets everything that was asked for, in order, and the same again', async () => {
  const level = machine.heap.levelBytes
  const { events, returned, seen } = await evaluate()
  assert.equal(machine.heap.levelBytes, level)
  assert.equal(events.length, returned.length)
  assert.deepEqual((await evaluate()).events, events)

  const of = <T extends EvaluationEvent['type']>(type: T) =>
    events.filter((event): event is Extract<EvaluationEvent, { type: T }> & { at: number } => event.type === type)
  assert.deepEqual(
    of('evaluation/domain').map(({ domain }) => domain),
    corpus.domains.map(({ name }) => name),
  )
  for (const { ngram, compressors } of of('evaluation/domain')) assert.ok(ngram!.bitsPerByte > 0 && compressors.gzip > 0)
  const leftOut = of('evaluation/task-left-out')
  assert.deepEqual(
    leftOut.map(({ task }) => task),
    ['country-facts'],
  )
  assert.match(leftOut[0].reason, /gives no item: it needs pages of countries/)
  assert.equal(of('evaluation/task').length, taskNames.length - 1)
  for (const { n, chance, interval } of of('evaluation/task')) assert.ok(n > 0 && n <= 6 && chance > 0 && interval[0] <= interval[1])
  assert.deepEqual(
    of('evaluation/position').map(({ windowLength, rows }) => [windowLength, rows]),
    [
      [64, 18],
      [256, 4],
    ],
  )
  assert.deepEqual(
    of('evaluation/needle').flatMap(({ cells }) => cells.map(({ length, depth, n }) => [length, depth, n])),
    [
      [256, 0, 2],
      [256, 0.5, 2],
    ],
  )
  assert.match(of('evaluation/long-context-left-out')[0].reason, /^Needles at 2 depths and their questions take \d+ tokens\.$/)
  const contamination = of('evaluation/contamination')
  assert.deepEqual(
    contamination.map(({ task, n, unchecked }) => [task, n + unchecked]),
    of('evaluation/task').map(({ task, n, tooLong }) => [task, n + tooLong]),
  )
  assert.ok(events.every((event) => event.type === 'evaluation/contamination' || event.stage === 'pretrain'))
  assert.ok(seen.has('prose') && seen.has('grammar') && seen.has('needles') && seen.has('positions to 64'))
})

test('little held-out text leaves out what it is too little for, with the reason', async () => {
  const little = {
    ...corpus,
    domains: [{ name: 'own', weight: 1, train: [], heldOut: [makeDocument('own', { id: 'a', text: 'a few words' })] }],
  }
  const { events } = await evaluate({ ngramBytes: 0, contamination: false }, little)
  const types = new Map<string, number>()
  for (const { type } of events) types.set(type, (types.get(type) ?? 0) + 1)
  assert.deepEqual(Object.fromEntries(types), {
    'evaluation/domain': 1,
    'evaluation/task-left-out': taskNames.length,
    'evaluation/long-context-left-out': 4,
  })
})

test('nothing is asked for: nothing is done', async () => {
  const nothing = { bytesPerDomain: 0, tasks: [], contamination: false, positions: null, needle: null }
  assert.deepEqual((await evaluate(nothing)).events, [])
})

test('everything that is wrong with a configuration is said before anything is measured', async () => {
  const wrong: Partial<EvaluationConfig> = {
    rowLength: 1000,
    tasks: ['mmlu'],
    itemsPerTask: 0,
    positions: { windowLengths: [512], tokens: 5000 },
    needle: { lengths: [64], depths: [2], perCell: 0 },
  }
  await assert.rejects(evaluate(wrong), (error: Error) => {
    for (const line of [
      'rowLength: expected 2 to 256, got 1000',
      'itemsPerTask: expected 1 to',
      'positions.windowLengths: expected 2 to 256, got 512',
      'tasks: expected names among last-word,',
      'needle.perCell: expected 1 to 10000, got 0',
      'needle.depths: expected 0 to 1, got 2',
    ])
      assert.ok(error.message.includes(line), `${line}\n${error.message}`)
    return true
  })
})
