/**
 * The `wide` build, whose vectors the engine joins, has the bits of the `relaxed` one: every op, products of many shapes,
 * twenty steps of `nano`, decoding.
 *
 * Joining happens in the engine's optimising compiler alone. So here every function is optimised at its first call: what runs
 * is what a long run comes to. The flag holds from the first machine with 256 bits on; those with 128 come before.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { before, suite, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { createModel, presets } from '../src/architecture/index.ts'
import { Random } from '../src/base/index.ts'
import {
  canJoinVectors,
  DecodeSteps,
  linear,
  Machine,
  opCase,
  type OpResult,
  opTable,
  PackedWeights,
  runOp,
  Tape,
  type VectorBits,
} from '../src/compute/index.ts'
import { edgeNumbers } from '../src/compute/machine.ts'
import { initialize } from '../src/foundations/index.ts'
import { Decoder, rollout } from '../src/inference/index.ts'
import { traceLines } from './golden/trace.ts'

const optimised = ['--wasm-tiering-budget=1', '--wasm-sync-tier-up']
for (const flag of optimised) setFlagsFromString(flag)

/** Products: whole tiles, edges of rows, edges of columns, one panel, an odd number of panels, several blocks of K. */
const shapes = [
  [6, 16, 4],
  [7, 24, 33],
  [13, 9, 17],
  [48, 40, 300],
  [97, 61, 1030],
  [1, 1, 1],
  [5, 8, 513],
] as const

/** One product and both its gradients, as bits. */
function product(machine: Machine, [M, N, K]: readonly [number, number, number]) {
  using _scope = machine.scope()
  const rng = Random.seeded(3).fork(`${M}/${N}/${K}`)
  const drawn = (shape: readonly number[]) =>
    machine.tensorOf(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
      shape,
    )
  const [x, w] = [drawn([M, K]), drawn([N, K])]
  const tape = (machine.tape = new Tape(machine, { deferWeights: false }))
  const y = linear(x, w)
  machine.tape = null
  tape.into(y).gradient.data.set(drawn([M, N]).data)
  const kept = y.data.slice()
  tape.backward()
  return [kept, tape.into(x).gradient.data.slice(), tape.into(w).gradient.data.slice()]
}

/** Columns of products with few rows: one and many panels, odd numbers of them, last ones that are not whole. */
const columns = [1, 7, 8, 16, 24, 33, 40, 72, 100, 1064]
const mostRows = 20
const depths = [1, 17, 48]

/** Products as a step of decoding has them, of 1 to 20 rows, between numbers that must stay. */
function fewRows(machine: Machine): number[][] {
  return depths.flatMap((K) =>
    columns.map((N) => {
      using _scope = machine.scope()
      const rng = Random.seeded(4).fork(`${N}/${K}`)
      const numbers = (count: number) => Float32Array.from({ length: count }, () => rng.normal())
      const [x, w, y] = [
        machine.tensorOf(numbers(mostRows * K), [mostRows, K]),
        machine.tensorOf(numbers(N * K), [N, K]),
        machine.tensor([mostRows, N]),
      ]
      const steps = new DecodeSteps(machine, new PackedWeights(machine), mostRows, K, 0)
      steps.linear(y, w, x)
      steps.finish()
      return Array.from({ length: mostRows }, (_, m) => {
        y.data.fill(7)
        steps.run(Array.from({ length: m + 1 }, () => ({ id: 0, position: 0, cacheAddress: 0, layerBytes: 0 })))
        assert.ok(
          y.data.subarray((m + 1) * N).every((value) => value === 7),
          `${m + 1} rows of ${N} columns: rows behind them were written`,
        )
        return [...y.data.subarray(0, (m + 1) * N)]
      }).flat()
    }),
  )
}

/** Rollouts of each number of rows that the kernels tell apart, on the weights of a preset. */
function rollouts(machine: Machine, preset: 'tiny' | 'nano') {
  using _scope = machine.scope()
  const config = { ...presets[preset], mtpDepth: 0 }
  const model = createModel(machine, config, { withGradients: false, length: 40 })
  initialize(model.parameters.set, 0.05, Random.seeded(1))
  const prompts = [Int32Array.from({ length: 9 }, (_, i) => (31 * i) % config.vocabSize), Int32Array.of(5)]
  const options = { samplesPerPrompt: 8, maxTokens: 12, temperature: 1, stopIds: [5, 6, 7, 8], seedOf: (index: number) => index }
  return [1, 2, 3, 4, 5, 6, 16].map((rows) => rollout({ decoder: new Decoder(model, rows), idCount: config.vocabSize }, prompts, options))
}

async function everything(vectorBits: VectorBits) {
  const trace = await traceLines('relaxed', vectorBits)
  const ops = new Map<string, OpResult>()
  const machine = await Machine.start({ threads: 2, vectorBits })
  for (const op of opTable) {
    for (const [i, sizes] of op.checkSizes.entries()) {
      const name = `${op.name} ${JSON.stringify(sizes)}`
      ops.set(name, runOp(machine, opCase(op, sizes, Random.seeded(7).fork(`${op.name}/${i}`))))
    }
  }
  const result = {
    trace,
    ops,
    products: shapes.map((shape) => product(machine, shape)),
    fewRows: fewRows(machine),
    tiny: rollouts(machine, 'tiny'),
    nano: rollouts(machine, 'nano'),
    bits: machine.vectorBits,
    reason: machine.kernels.reason,
  }
  machine.close()
  return result
}

suite('vectors of 256 bits', { skip: !canJoinVectors() && 'this engine cannot join vectors' }, () => {
  let narrow: Awaited<ReturnType<typeof everything>>
  let wide: Awaited<ReturnType<typeof everything>>

  before(async () => {
    narrow = await everything(128)
    wide = await everything(256)
  })

  test('a machine has what it was asked for, and says so', () => {
    assert.deepEqual([narrow.bits, wide.bits], [128, 256])
    assert.match(wide.reason, /joined to 256 bits/)
  })

  test('every op and its gradients', () => {
    for (const [name, result] of narrow.ops) assert.deepEqual(wide.ops.get(name), result, name)
  })

  test('products of all edges and their gradients', () => {
    for (const [i, shape] of shapes.entries()) assert.deepEqual(wide.products[i], narrow.products[i], shape.join(' x '))
  })

  test('products of 1 to 20 rows, whose panels are whole or not, write what is theirs and nothing else', () => {
    assert.deepEqual(wide.fewRows, narrow.fewRows)
  })

  test('twenty steps of nano, digit by digit', () => {
    assert.deepEqual(wide.trace, narrow.trace)
  })

  test('rollouts of every number of rows that the kernels tell apart', () => {
    for (const texts of [...narrow.tiny, ...wide.tiny]) assert.deepEqual(texts, narrow.tiny[0])
    for (const texts of [...narrow.nano, ...wide.nano]) assert.deepEqual(texts, narrow.nano[0])
  })
})

test('the engine does join them', { skip: !canJoinVectors() && 'this engine cannot join vectors' }, () => {
  const work = `
    import { Machine, probeMultiplyAdd } from ${JSON.stringify(new URL('../src/compute/index.ts', import.meta.url))}
    const machine = await Machine.start({ threads: 1, vectorBits: Number(process.argv[1]) })
    probeMultiplyAdd(machine, 0)
    machine.close()`
  const joinedIn = (bits: number) => {
    const args = ['--trace-wasm-revectorize', ...optimised, '--input-type=module', '--eval', work, String(bits)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout.match(/PackNode \S*\[F32x4Qfma\]/g)?.length ?? 0
  }
  assert.ok(joinedIn(256) >= 12, 'expected twelve pairs of multiply-adds to be joined')
  assert.equal(joinedIn(128), 0)
})

test('the host lays out as many numbers for edges as the kernels take', () => {
  const source = readFileSync(new URL('../kernels/micro.ts', import.meta.url), 'utf8')
  assert.equal(Number(/export const EDGE: usize = (\d+)/.exec(source)?.[1]), 4 * edgeNumbers)
})

test('256 bits are refused where the build has none, and every other number', async () => {
  await assert.rejects(Machine.start({ dialect: 'plain', vectorBits: 256 }), /vectorBits: expected 128 for the plain build, got 256/)
  await assert.rejects(Machine.start({ vectorBits: 512 as 256 }), /vectorBits: expected 128 or 256, got 512/)
})
