import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../base/random.ts'
import { headCrossEntropy, linear, Machine, recompute, residual, rmsNorm, swigluFfn, Tape, Tensor } from './index.ts'

const [M, D, F, V] = [256, 24, 64, 40]

async function gradients(isRecomputed: boolean, deferWeights: boolean) {
  const machine = await Machine.start({ threads: 2 })
  try {
    const rng = Random.seeded(3)
    const fill = (tensor: Tensor) => {
      const { data } = tensor
      for (let i = 0; i < data.length; i++) data[i] = rng.uniform() - 0.5
      return tensor
    }
    const parameter = (shape: readonly number[]) => {
      const gradient = machine.zeros(shape)
      const { address } = fill(machine.tensor(shape))
      return new Tensor(machine, address, shape, 'f32', undefined, gradient)
    }
    const wIn_DD = parameter([D, D])
    const gain_D = parameter([D])
    const wGateUp_GD = parameter([2 * F, D])
    const wDown_DF = parameter([D, F])
    const head_VD = parameter([V, D])
    const input_MD = fill(machine.tensor([M, D]))
    const target_M = machine.tensorOf(
      Int32Array.from({ length: M }, () => rng.below(V)),
      [M],
      'i32',
    )
    const weight_M = machine.tensorOf(new Float32Array(M).fill(1 / M), [M])
    const level = machine.heap.levelBytes
    const before = machine.heap.peakBytes
    {
      using _scope = machine.scope()
      const tape = new Tape(machine, { deferWeights })
      machine.tape = tape
      let x_MD = linear(input_MD, wIn_DD)
      for (let layer = 0; layer < 6; layer++) {
        const from_MD = x_MD
        const part = () => residual(from_MD, swigluFfn(rmsNorm(from_MD, gain_D), wGateUp_GD, wDown_DF))
        x_MD = isRecomputed ? recompute(from_MD, part) : part()
      }
      headCrossEntropy(x_MD, head_VD, target_M, weight_M)
      tape.backward()
      tape.flushWeights()
      machine.tape = null
    }
    assert.equal(machine.heap.levelBytes, level)
    const all = [wIn_DD, gain_D, wGateUp_GD, wDown_DF, head_VD].flatMap(({ gradient }) => Array.from(gradient!.data))
    return { all, growth: machine.heap.peakBytes - before }
  } finally {
    machine.close()
  }
}

test('a recomputed part gives the same gradients, bit for bit, in less memory', async () => {
  const kept = await gradients(false, false)
  const again = await gradients(true, false)
  assert.ok(kept.all.some((value) => value !== 0))
  assert.deepEqual(again.all, kept.all)
  assert.ok(again.growth < 0.6 * kept.growth, `${again.growth} against ${kept.growth}`)
})

test('weight gradients of a recomputed part can wait', async () => {
  assert.deepEqual((await gradients(true, true)).all, (await gradients(false, false)).all)
})
