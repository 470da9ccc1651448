/**
 * A NaN must reach the loss or the gradient norm, because that is where the training loop looks. Each op gets one NaN in
 * one place (the vector part, the scalar rest, first and last) and must not lose it.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Random } from '../base/random.ts'
import { bits, Machine } from './machine.ts'
import { attention } from './ops/attention.ts'
import { headCrossEntropy } from './ops/head-cross-entropy.ts'
import { linear } from './ops/linear.ts'
import { rmsNorm } from './ops/rms-norm.ts'
import { route } from './ops/route.ts'
import { swigluFfn } from './ops/swiglu-ffn.ts'
import { Tape } from './tape.ts'
import { Tensor } from './tensor.ts'

const numbers = (count: number, name = 'x') => {
  const rng = Random.seeded(5).fork(name)
  return Float32Array.from({ length: count }, () => rng.normal())
}
const withNaN = (count: number, at: number, name?: string) => numbers(count, name).fill(NaN, at, at + 1)
const hasNaN = (values: Iterable<number>) => Array.from(values).some(Number.isNaN)

for (const dialect of ['relaxed', 'plain'] as const) {
  suite(dialect, () => {
    let machine: Machine
    before(async () => {
      machine = await Machine.start({ dialect, threads: 1 })
    })
    after(() => machine.close())

    test('a product carries it into its whole row', () => {
      for (const at of [0, 7, 16]) {
        using _scope = machine.scope()
        const y = linear(machine.tensorOf(withNaN(3 * 17, 17 + at), [3, 17]), machine.tensorOf(numbers(11 * 17), [11, 17])).toArray()
        assert.ok(y.subarray(11, 22).every(Number.isNaN))
        assert.ok(![...y.subarray(0, 11), ...y.subarray(22)].some(Number.isNaN), 'and into no other')
      }
    })

    test('a norm carries it into its whole row, and back into the gain', () => {
      for (const at of [0, 9, 12]) {
        using _scope = machine.scope()
        const x_MD = machine.tensorOf(withNaN(2 * 13, at), [2, 13])
        const gain_D = new Tensor(machine, machine.tensorOf(numbers(13), [13]).address, [13], 'f32', undefined, machine.zeros([13]))
        const tape = new Tape(machine)
        machine.tape = tape
        const y_MD = rmsNorm(x_MD, gain_D)
        machine.tape = null
        assert.ok(y_MD.toArray().subarray(0, 13).every(Number.isNaN))
        tape.into(y_MD).gradient.data.fill(1)
        tape.backward()
        assert.ok(gain_D.gradient!.toArray().every(Number.isNaN))
      }
    })

    test('attention carries it out of queries, keys, rotated keys and values, and back', () => {
      const [T, N, R, W] = [11, 5, 2, 3]
      const counts = [T * (N + R), T * (N + W), T * R]
      const places = [
        [0, 0],
        [0, (T - 1) * (N + R) + N],
        [1, 2 * (N + W)],
        [1, 4 * (N + W) + N + 1],
        [2, 6 * R + 1],
      ] as const
      for (const [operand, at] of places) {
        using _scope = machine.scope()
        const [q, kv, kRope] = counts.map((count, i) =>
          machine.tensorOf(i === operand ? withNaN(count, at, `${i}`) : numbers(count, `${i}`), [T, count / T]),
        )
        const tape = new Tape(machine)
        machine.tape = tape
        const shape = { length: T, headCount: 1, nopeWidth: N, ropeWidth: R, valueWidth: W, scale: 0.5 }
        const out_MZ = attention(q, kv, kRope, shape)
        machine.tape = null
        assert.ok(hasNaN(out_MZ.toArray()), `operand ${operand}, place ${at}`)
        tape.into(out_MZ).gradient.data.fill(1)
        tape.backward()
        assert.ok(hasNaN(tape.gradientOf(q).toArray()) && hasNaN(tape.gradientOf(kv).toArray()))
      }
    })

    test('a gated layer carries it out of the gate and out of the rest', () => {
      const wDown = numbers(3 * 4)
      for (const at of [0, 2, 3 * 4, 8 * 3 - 1]) {
        using _scope = machine.scope()
        const wGateUp_GD = machine.tensorOf(withNaN(8 * 3, at), [8, 3])
        assert.ok(hasNaN(swigluFfn(machine.tensorOf(numbers(3), [1, 3]), wGateUp_GD, machine.tensorOf(wDown, [3, 4])).toArray()))
      }
    })

    test('a router whose logits are all NaN gives NaN for every gate, and still a token for each of its rows', () => {
      for (const gate of ['sigmoid', 'softmax'] as const) {
        using _scope = machine.scope()
        const rule = {
          activeExpertCount: 2,
          groupCount: 4,
          activeGroupCount: 2,
          gate,
          isGateNormalized: gate === 'sigmoid',
          routedScale: 1,
        }
        const { gateOfRow_U, offset_F } = route(machine.tensorOf(new Float32Array(5 * 8).fill(NaN), [5, 8]), null, rule)
        assert.ok(gateOfRow_U.toArray().every(Number.isNaN))
        assert.equal(offset_F.data.at(-1), 10)
      }
    })

    test('a router with one NaN among its logits shows it in their gradient', () => {
      for (const gate of ['sigmoid', 'softmax'] as const) {
        using _scope = machine.scope()
        const rule = { activeExpertCount: 2, groupCount: 1, activeGroupCount: 1, gate, isGateNormalized: true, routedScale: 1 }
        const logits_ME = machine.tensorOf(withNaN(8, 5), [1, 8])
        const tape = new Tape(machine)
        machine.tape = tape
        const { dGateOfRow_U } = route(logits_ME, null, rule)
        machine.tape = null
        dGateOfRow_U!.data.fill(1)
        tape.backward()
        assert.ok(hasNaN(tape.gradientOf(logits_ME).toArray()))
      }
    })

    test('a loss carries it, wherever among the logits it stands', () => {
      for (const at of [0, 6, 8, 12]) {
        using _scope = machine.scope()
        const w_VD = machine.tensorOf(withNaN(13, at), [13, 1])
        const loss_M = headCrossEntropy(
          machine.tensorOf([1, 2], [2, 1]),
          w_VD,
          machine.tensorOf([3, 7], [2], 'i32'),
          machine.tensorOf([1, 1], [2]),
        )
        assert.ok(loss_M.toArray().every(Number.isNaN), `logit ${at}`)
      }
    })

    test('a loss over an infinite logit is not finite', () => {
      using _scope = machine.scope()
      const w_VD = machine.tensorOf(numbers(13).fill(Infinity, 4, 5), [13, 1])
      const target_M = machine.tensorOf([3], [1], 'i32')
      const loss_M = headCrossEntropy(machine.tensorOf([1], [1, 1]), w_VD, target_M, machine.tensorOf([1], [1]))
      assert.ok(!Number.isFinite(loss_M.toArray()[0]))
    })

    test('a sum of squares carries it, and an overflow becomes infinite', () => {
      for (const at of [0, 17, 20_000, 20_004]) {
        using _scope = machine.scope()
        const partials = machine.tensor([2])
        const sum = (values: Float32Array) => {
          machine.run('sumSquares', partials.address, machine.tensorOf(values, [values.length]).address, values.length)
          return partials.toArray().reduce((total, part) => total + part, 0)
        }
        assert.ok(Number.isNaN(sum(withNaN(20_005, at))))
        assert.equal(sum(numbers(20_005).fill(1e30, at, at + 1)), Infinity)
      }
    })

    test('a step of the optimizer carries it into the weight, and into no other', () => {
      using _scope = machine.scope()
      const [w, g, m, v] = [numbers(9), withNaN(9, 8), numbers(9), new Float32Array(9)].map((values) => machine.tensorOf(values, [9]))
      const settings = [1e-3, 0.9, 0.95, 1e-8, 0.1, 1, 1, 1, 0].map(bits)
      machine.run('adamw', w.address, g.address, m.address, v.address, 0, 9, ...settings)
      assert.deepEqual(Array.from(w.toArray(), Number.isNaN), [...Array<boolean>(8).fill(false), true])
    })
  })
}
