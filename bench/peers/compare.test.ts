/**
 * Reading and pairing benchmark documents. The peers' documents were printed by them on a 2-core machine and shortened;
 * ours is an example in the form that `strata bench … --json` promises, its numbers are made up.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../src/base/errors.ts'
import { compareGemm, compareStep, formatTable, gemmKey, geometricMean, parseBench, parseTorch } from './compare.ts'

const probe = { gflopsOneThread: 58, gflopsAllThreads: 110, streamGBs: 20 }
const result = (fields: object) => ({ name: 'gemm', threads: 1, gflops: 50, gbs: 1.5, share: 0.9, ...fields })

const ours = JSON.stringify({
  probe,
  results: [
    result({ name: 'gemm NN', shape: { M: 512, N: 128, K: 256 }, gflops: 48 }),
    result({ name: 'gemm', shape: { m: 512, n: 128, k: 256, layout: 'TN' }, gflops: 44 }),
    result({ name: 'gemm NN', shape: { M: 2048, N: 256, K: 256 }, gflops: 54 }),
  ],
})

const jaxJs = `{"peer":"jax-js","version":"0.1.25","threads":1,"node":"v24.21.0","results":[
{"name":"gemm NN","shape":{"m":512,"n":128,"k":256},"layout":"NN","threads":1,"gflops":32.975449065311,"errorUnits":5.805634104646742,"medianSeconds":0.0010175580000000082,"samples":81},
{"name":"gemm NT","shape":{"m":512,"n":128,"k":256},"layout":"NT","threads":1,"gflops":31.833149917655536,"errorUnits":1.7234876565635204,"medianSeconds":0.0010540719999999055,"samples":89},
{"name":"gemm TN","shape":{"m":512,"n":128,"k":256},"layout":"TN","threads":1,"gflops":34.321237078822186,"errorUnits":4.461512706242502,"medianSeconds":0.000977657999999792,"samples":71}]}`

const torch = `{"tokensPerSecond": 1866.5291333631976, "secondsPerStep": [3.049025120999886, 2.084607247999884, 2.3042875480000475,
2.017395571999714], "loss": 9.017420768737793, "parameters": 17368688, "torchVersion": "2.15.0+cu132", "threads": 2}`

test('equal work is paired whatever the case of its letters and wherever its layout is said', () => {
  const { pairs, unpaired } = compareGemm([parseBench(ours, 'ours')], [parseBench(jaxJs, 'jax-js')])
  assert.deepEqual(
    pairs.map(({ work, ratio }) => [work, Number(ratio.toFixed(3))]),
    [
      ['NN 512x128x256 on 1', 1.456],
      ['TN 512x128x256 on 1', 1.282],
    ],
  )
  assert.deepEqual(unpaired, ['NN 2048x256x256 on 1', 'NT 512x128x256 on 1'])
})

test('another number of threads is other work', () => {
  const onTwo = parseBench(
    JSON.stringify({ results: [result({ name: 'gemm NN', shape: { M: 512, N: 128, K: 256 }, threads: 2 })] }),
    'ours',
  )
  assert.equal(compareGemm([onTwo], [parseBench(jaxJs, 'jax-js')]).pairs.length, 0)
})

test('rounds are joined by their median', () => {
  const round = (gflops: number) =>
    parseBench(JSON.stringify({ results: [result({ name: 'gemm NN', shape: { M: 8, N: 8, K: 8 }, gflops })] }), 'a round')
  const { pairs } = compareGemm([round(10), round(50), round(40)], [round(20), round(10)])
  assert.deepEqual(pairs, [{ work: 'NN 8x8x8 on 1', ours: 40, theirs: 15, ratio: 40 / 15 }])
})

test('results that are no multiplication have no key', () => {
  const [step, op] = parseBench(
    JSON.stringify({
      results: [result({ name: 'step', tokensPerSecond: 3000 }), result({ name: 'rmsNorm NN', shape: { M: 64, D: 256 } })],
    }),
    'ours',
  ).results
  assert.equal(gemmKey(step), null)
  assert.equal(gemmKey(op), null)
})

test('the training step is compared in tokens a second on the same number of threads', () => {
  const step = { name: 'step', shape: { rows: 8, tokens: 512 }, tokensPerSecond: 2800, gflops: 66, share: 0.6 }
  const document = parseBench(
    JSON.stringify({ probe, results: [result({ ...step, threads: 1 }), result({ ...step, threads: 2 })] }),
    'ours',
  )
  const { ratio, work } = compareStep([document], [parseTorch(torch, 'torch')])
  assert.equal(work, 'training step on 2')
  assert.ok(Math.abs(ratio - 1.5001) < 1e-4)
  assert.throws(() => compareStep([parseBench(jaxJs, 'jax-js')], [parseTorch(torch, 'torch')]), {
    name: 'UsageError',
    message: /a result named "step" on 2 threads with tokensPerSecond, got gemm NN on 1/,
  })
})

test('a document names everything that is wrong with it', () => {
  assert.throws(() => parseBench('', 'strata bench gemm'), /strata bench gemm: expected one JSON document on standard output, got nothing/)
  assert.throws(() => parseBench('Segmentation fault', 'x'), /got "Segmentation fault"/)
  const broken = JSON.stringify({ probe: { ...probe, streamGBs: -1 }, results: [{ name: 'gemm', threads: 0 }] })
  assert.throws(() => parseBench(broken, 'x'), /2 things are wrong[^]*probe\.streamGBs[^]*results\.0\.threads/)
  assert.throws(() => parseTorch('{"tokensPerSecond": 1}', 'torch'), /secondsPerStep[^]*torchVersion/)
})

test('whatever a program prints is a document or a UsageError', () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constant(jaxJs).map((whole) => whole.slice(0, whole.length >> 1)),
  )
  fc.assert(
    fc.property(text, (printed) => {
      for (const parse of [parseBench, parseTorch]) {
        try {
          parse(printed, 'a program')
        } catch (error) {
          assert.ok(error instanceof UsageError)
        }
      }
    }),
  )
})

test('the table is aligned and shows the ratio', () => {
  const pairs = [
    { work: 'NN 2048x256x256 on 1', ours: 55.25, theirs: 34, ratio: 1.625 },
    { work: 'step', ours: 2800, theirs: 1866.5, ratio: 1.5001 },
  ]
  assert.equal(
    formatTable('work', 'units', pairs, ['Strata', 'jax-js']),
    [
      'work                  Strata units  jax-js units     ratio',
      'NN 2048x256x256 on 1          55.3            34     1.63x',
      'step                         2,800         1,867     1.50x',
    ].join('\n'),
  )
  assert.ok(Math.abs(geometricMean([1, 4]) - 2) < 1e-12)
})
