import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPaint } from './colour.ts'
import { createOutput, type OutputOptions } from './output.ts'
import { progressLine, type Progress } from './progress-line.ts'
import { formatTable } from './table.ts'

function record(options: OutputOptions & { readonly isTTY?: boolean; readonly columns?: number } = {}) {
  const [out, err]: [string[], string[]] = [[], []]
  let now = 0
  const output = createOutput({
    env: {},
    clock: () => now,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text), isTTY: options.isTTY, columns: options.columns ?? 60 },
    ...options,
  })
  return { output, out, err, wait: (milliseconds: number) => (now += milliseconds) }
}

const at = (step: number): Progress => ({ stage: 'pretrain', step, stepCount: 100, lossNats: 3.25 })

test('a result is text, or one JSON document and nothing else', () => {
  const text = record()
  text.output.result({ a: 1 }, () => 'one')
  assert.deepEqual(text.out, ['one\n'])
  const json = record({ json: true })
  json.output.stream('word ')
  json.output.note('fetching')
  json.output.result({ a: 1 }, () => assert.fail('rendered'))
  assert.deepEqual(json.out, ['{"a":1}\n'])
  assert.deepEqual(json.err, ['fetching\n'])
})

test('quiet leaves out notes and progress but not warnings', () => {
  const { output, err } = record({ quiet: true })
  output.note('a')
  output.progress(at(1))
  output.warn('plain kernels')
  assert.deepEqual(err, ['warning: plain kernels\n'])
})

test('without a terminal progress is a line now and then, always the first and the last of a stage', () => {
  const { output, err, wait } = record()
  for (const step of [1, 2, 3]) output.progress(at(step))
  wait(6000)
  for (const step of [4, 5, 100]) output.progress(at(step))
  output.progress({ stage: 'save' })
  assert.deepEqual(
    err.map((line) => /\d+\/|save/.exec(line)?.[0]),
    ['1/', '4/', '100/', 'save'],
  )
  assert.ok(err.every((line) => line.endsWith('\n') && !line.includes('\r')))
})

test('on a terminal progress is one line that is overwritten, and gives way to what else is printed', () => {
  const { output, out, err, wait } = record({ isTTY: true })
  output.progress(at(1))
  output.progress(at(2))
  wait(200)
  output.progress(at(3))
  output.note('checkpoint written')
  output.result({}, () => 'done')
  const clear = '\r\u001B[K'
  assert.match(err[0], /^\rpretrain +step 1\/100/)
  assert.match(err[1], /^\rpretrain +step 3\/100/)
  assert.deepEqual(err.slice(2), [clear, 'checkpoint written\n'])
  assert.doesNotMatch(err.join(''), /step 2/)
  assert.deepEqual(out, ['done\n'])
})

test('a terminal of no known size gets whole words, and what is marked as the last of its stage is shown at once', () => {
  const { output, err } = record({ isTTY: true, columns: 0 })
  output.progress({ stage: 'tokenizer', detail: '64 of 236 merges' })
  output.progress({ stage: 'tokenizer', detail: '236 of 236 merges', isLast: true })
  assert.match(err.join(''), /^\rtokenizer +64 of 236 merges\S*\rtokenizer +236 of 236 merges\S*\n$/)
})

test('a line of progress holds every figure that is known, and as many as fit', () => {
  const full: Progress = {
    stage: 'pretrain',
    step: 120,
    stepCount: 2000,
    lossNats: 3.21456,
    learningRate: 3e-4,
    gradientNorm: 0.8123,
    tokensPerSecond: 12_340,
    peakShare: 0.613,
    maxViolation: 0.318,
    secondsLeft: 185,
  }
  const line = progressLine(full)
  for (const part of [
    'step 120/2000',
    'loss 3.2146',
    'lr 3.00e-4',
    'grad 0.812',
    '12.3K tok/s',
    '61 % of peak',
    'MaxVio 0.32',
    '3m 05s left',
  ]) {
    assert.ok(line.includes(part), `${part} is not in ${line}`)
  }
  for (const columns of [5, 20, 40, 79, 200]) assert.ok(progressLine(full, columns).length <= columns)
  assert.equal(progressLine(full, 40), 'pretrain     step 120/2000   loss 3.2146')
  assert.equal(progressLine({ stage: 'fetch', detail: 'moby.txt' }), 'fetch        moby.txt')
  assert.equal(progressLine({ stage: 'x', secondsLeft: 0.009 }), 'x')
  assert.match(progressLine({ stage: 'x', lossNats: Number.NaN, gradientNorm: Number.NaN }), /loss NaN/)
})

test('lines of progress are aligned with each other', () => {
  const position = (step: number) => progressLine(at(step)).indexOf('loss')
  assert.equal(position(1), position(100))
})

test('a table aligns words left and numbers right, and colours take no room', () => {
  const paint = createPaint({ isTTY: true }, {})
  const table = formatTable(
    [{ title: 'domain' }, { title: 'bytes', align: 'right' }],
    [
      [paint.good('prose'), '9'],
      ['multilingual', '12345'],
    ],
  )
  // oxlint-disable-next-line no-control-regex -- colours are what is removed
  const plain = table.replace(/\u001B\[\d+m/g, '')
  assert.equal(plain, 'domain        bytes\nprose             9\nmultilingual  12345')
  assert.equal(formatTable([{ title: '' }, { title: '' }], [['a', 'b']]), 'a  b')
  assert.equal(formatTable([{ title: 'x' }], []), 'x')
})

test('colours need a terminal that shows them and a person who wants them', () => {
  const isColoured = (isTTY: boolean, env: Record<string, string>) => createPaint({ isTTY }, env).bad('x') !== 'x'
  assert.equal(isColoured(true, {}), true)
  assert.equal(isColoured(false, {}), false)
  assert.equal(isColoured(true, { NO_COLOR: '1' }), false)
  assert.equal(isColoured(true, { NO_COLOR: '' }), true)
  assert.equal(isColoured(true, { TERM: 'dumb' }), false)
})
