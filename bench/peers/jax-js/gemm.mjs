/**
 * jax-js's f32 matrix multiplication on its WebAssembly backend, for the shapes that `strata bench gemm` times.
 *
 *     node gemm.mjs --threads 1 --seconds 0.3 [--shapes 2048x512x256,...]
 *
 * One thread is what jax-js does in Node by itself. It spreads kernels over Web Workers where the global `Worker` exists,
 * which Node lacks; for more threads this file supplies one (`web-worker.mjs`) before loading the library.
 * Each result is checked against float64 before it is timed. Prints one JSON document.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { installWebWorker } from './web-worker.mjs'

const { values: given } = parseArgs({
  options: { threads: { type: 'string', default: '1' }, seconds: { type: 'string', default: '0.3' }, shapes: { type: 'string' } },
})
const threads = Number(given.threads)
const seconds = Number(given.seconds)
const defaultShapes = [256, 512, 1024].flatMap((n) => [256, 512, 1024].map((k) => [2048, n, k])).concat([[512, 128, 256]])
const shapes = given.shapes ? given.shapes.split(',').map((shape) => shape.split('x').map(Number)) : defaultShapes
const isCount = (value) => Number.isInteger(value) && value > 0
if (!isCount(threads) || !(seconds > 0) || !shapes.every((shape) => shape.length === 3 && shape.every(isCount))) {
  process.stderr.write('gemm: expected --threads of at least 1, --seconds above 0 and --shapes like 2048x512x256 (MxNxK).\n')
  process.exit(2)
}

const stopWorkers = threads > 1 ? installWebWorker(threads) : () => {}
const { defaultDevice, init, jit, numpy: np } = await import('@jax-js/jax')
await init('wasm')
defaultDevice('wasm')

/** How each layout stores its operands: [A, B], and the function that multiplies them. */
const layouts = {
  NN: {
    stored: (m, n, k) => [
      [m, k],
      [k, n],
    ],
    multiply: (a, b) => np.matmul(a, b),
  },
  NT: {
    stored: (m, n, k) => [
      [m, k],
      [n, k],
    ],
    multiply: (a, b) => np.matmul(a, np.transpose(b)),
  },
  TN: {
    stored: (m, n, k) => [
      [k, m],
      [k, n],
    ],
    multiply: (a, b) => np.matmul(np.transpose(a), b),
  },
}

/** Uniform in [-1, 1), from a small generator of its own so that every run multiplies the same numbers. */
function randomMatrix(rows, columns, seed) {
  let state = seed
  return Float32Array.from({ length: rows * columns }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** Largest error of 64 elements spread over the result, in units of eps * sqrt(K); some units are rounding, many are a defect. */
function errorUnits(result, a, b, [m, n, k], layout) {
  let worst = 0
  for (let sample = 0; sample < 64; sample++) {
    const i = (sample * 31) % m
    const j = (sample * 17) % n
    let exact = 0
    for (let p = 0; p < k; p++) exact += a[layout === 'TN' ? p * m + i : i * k + p] * b[layout === 'NT' ? j * k + p : p * n + j]
    worst = Math.max(worst, Math.abs(result[i * n + j] - exact))
  }
  return worst / (2 ** -24 * Math.sqrt(k))
}

/** Median and quartiles of at least ten timed calls that together last `seconds`. */
async function time(call) {
  for (let i = 0; i < 2; i++) await call()
  const samples = []
  for (let total = 0; total < seconds || samples.length < 10;) {
    const started = performance.now()
    await call()
    samples.push((performance.now() - started) / 1000)
    total += samples.at(-1)
  }
  samples.sort((x, y) => x - y)
  const at = (share) => samples[Math.floor(share * (samples.length - 1))]
  return { medianSeconds: at(0.5), lowerQuartileSeconds: at(0.25), upperQuartileSeconds: at(0.75), samples: samples.length }
}

const results = []
for (const [m, n, k] of shapes) {
  for (const [layout, { stored, multiply }] of Object.entries(layouts)) {
    const [shapeA, shapeB] = stored(m, n, k)
    const a = randomMatrix(...shapeA, 1)
    const b = randomMatrix(...shapeB, 2)
    const arrayA = np.array(a, { shape: shapeA })
    const arrayB = np.array(b, { shape: shapeB })
    const compiled = jit(multiply)
    const run = async () => {
      const out = compiled(arrayA.ref, arrayB.ref)
      await out.blockUntilReady()
      return out
    }
    const units = errorUnits(await (await run()).data(), a, b, [m, n, k], layout)
    if (!(units < 64)) {
      process.stderr.write(`gemm: jax-js ${layout} ${m}x${n}x${k}: expected an error below 64 eps sqrt(K), got ${units.toFixed(1)}.\n`)
      process.exit(1)
    }
    const timing = await time(async () => (await run()).dispose())
    arrayA.dispose()
    arrayB.dispose()
    const gflops = (2 * m * n * k) / timing.medianSeconds / 1e9
    results.push({ name: `gemm ${layout}`, shape: { m, n, k }, layout, threads, gflops, errorUnits: units, ...timing })
  }
}
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
process.stdout.write(
  `${JSON.stringify({ peer: 'jax-js', version: dependencies['@jax-js/jax'], threads, node: process.version, results })}\n`,
)
stopWorkers()
