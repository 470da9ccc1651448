import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { headCrossEntropy, linear, Machine, residual, rmsNorm, roundToE4m3, swigluFfn, Tape, Tensor } from './index.ts'
import { keepAll, type Keeping, release, remakable } from './keeping.ts'

const [M, D, F, V] = [256, 24, 16, 40]
const layers = 6

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

let rng = Random.seeded(3)
const filled = (shape: readonly number[]) => {
  const tensor = machine.tensor(shape)
  const { data } = tensor
  for (let i = 0; i < data.length; i++) data[i] = rng.uniform() - 0.5
  return tensor
}
const parameter = (shape: readonly number[]) => {
  const gradient = machine.zeros(shape)
  return new Tensor(machine, filled(shape).address, shape, 'f32', undefined, gradient)
}

/** Gradients of norms, up-projections and FFNs one upon the other, what the heap reached, and what it reached forward. */
function gradients(keeping: Keeping, deferWeights = false) {
  using _outer = machine.scope()
  const wUp_DD = parameter([D, D])
  const gain_D = parameter([D])
  const wGateUp_GD = parameter([2 * F, D])
  const wDown_DF = parameter([D, F])
  const head_VD = parameter([V, D])
  const input_MD = filled([M, D])
  const target_M = machine.tensorOf(
    Int32Array.from({ length: M }, (_, m) => (7 * m) % V),
    [M],
    'i32',
  )
  const weight_M = machine.tensorOf(new Float32Array(M).fill(1 / M), [M])
  const level = machine.heap.levelBytes
  const watch = machine.heap.watchPeak()
  {
    using _scope = machine.scope()
    const tape = new Tape(machine, { deferWeights, keeping })
    machine.tape = tape
    let x_MD = linear(input_MD, wUp_DD)
    for (let layer = 0; layer < layers; layer++) {
      const from_MD = x_MD
      const normed_MD = remakable(() => rmsNorm(from_MD, gain_D))
      const up_MD = remakable(() => linear(normed_MD, wUp_DD))
      const out_MD = swigluFfn(up_MD, wGateUp_GD, wDown_DF)
      release(up_MD, 'input')
      release(normed_MD, 'input')
      x_MD = residual(from_MD, out_MD)
    }
    headCrossEntropy(x_MD, head_VD, target_M, weight_M)
    machine.tape = null
    tape.backward()
    tape.flushWeights()
  }
  assert.equal(machine.heap.levelBytes, level)
  const all = [wUp_DD, gain_D, wGateUp_GD, wDown_DF, head_VD].flatMap(({ gradient }) => Array.from(gradient!.data))
  return { all, peakBytes: watch.end() }
}

/** Runs with the same numbers. */
const each = (...runs: readonly [Keeping, boolean?][]) =>
  runs.map(([keeping, deferWeights]) => {
    rng = Random.seeded(3)
    return gradients(keeping, deferWeights)
  })

test('what is made again gives the same gradients, bit for bit, in less memory', () => {
  const [kept, again] = each([keepAll], [{ ...keepAll, recompute: true }])
  assert.ok(kept.all.some((value) => value !== 0))
  assert.deepEqual(again.all, kept.all)
  assert.ok(again.peakBytes < 0.7 * kept.peakBytes, `${again.peakBytes} against ${kept.peakBytes}`)
})

test('weight gradients of what is made again can wait', () => {
  const [kept, again] = each([keepAll], [{ ...keepAll, recompute: true }, true])
  assert.deepEqual(again.all, kept.all)
})

test('inputs in eight bits take less memory and leave gradients near; what is made again is not rounded', () => {
  const [kept, rounded, both] = each([keepAll], [{ ...keepAll, activations: 'fp8' }], [{ recompute: true, activations: 'fp8' }])
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  const error = ({ all }: typeof kept) => norm(all.map((value, i) => value - kept.all[i])) / norm(kept.all)
  assert.ok(rounded.peakBytes < 0.7 * kept.peakBytes && both.peakBytes < rounded.peakBytes)
  assert.ok(error(rounded) > 1e-4 && error(rounded) < 0.05, String(error(rounded)))
  // SwiGLU's input is rounded in both.
  assert.ok(error(both) > 1e-4 && error(both) < error(rounded), `${error(both)} against ${error(rounded)}`)
})

test('an input in eight bits is what E4M3 keeps of it by tiles of 128: the weight’s gradient is that product, bit for bit', () => {
  const dWeight = (asKept: (x: Tensor) => Tensor, activations: Keeping['activations']) => {
    using _scope = machine.scope()
    rng = Random.seeded(4)
    const [w, x] = [parameter([D, 200]), filled([M, 200])]
    const [target_M, head] = [machine.tensorOf(new Int32Array(M), [M], 'i32'), parameter([V, D])]
    const tape = new Tape(machine, { keeping: { ...keepAll, activations } })
    machine.tape = tape
    const input = linear(x, parameter([200, 200]))
    const y = linear(input, w)
    release(input, 'input')
    headCrossEntropy(y, head, target_M, machine.tensorOf(new Float32Array(M).fill(1 / M), [M]))
    if (activations === 'f32') input.moveTo(asKept(input).address)
    machine.tape = null
    tape.backward()
    return Array.from(w.gradient!.data)
  }
  const tiles = { rows: 1, columns: 128 }
  assert.deepEqual(
    dWeight((x) => x, 'fp8'),
    dWeight((x) => roundToE4m3(x, tiles), 'f32'),
  )
})

test('without a tape nothing goes', () => {
  using _scope = machine.scope()
  const x_MD = filled([M, D])
  const gain_D = parameter([D])
  const level = machine.heap.levelBytes
  const y_MD = remakable(() => rmsNorm(x_MD, gain_D))
  const before = y_MD.toArray()
  const grown = machine.heap.levelBytes
  release(y_MD, 'input')
  assert.ok(machine.heap.levelBytes === grown && grown > level)
  assert.deepEqual(y_MD.toArray(), before)
})
