/** How exact the kernels' exponential is, seen through sigmoid, softmax and cross-entropy, far out as well as near zero. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Machine } from './machine.ts'
import { headCrossEntropy } from './ops/head-cross-entropy.ts'
import { route } from './ops/route.ts'
import { swigluFfn } from './ops/swiglu-ffn.ts'
import { attention } from './ops/attention.ts'

/** Four units in the last place: the exponential's own two, and a division. */
const relative = 4 * 2 ** -23

for (const dialect of ['relaxed', 'plain'] as const) {
  suite(dialect, () => {
    let machine: Machine
    before(async () => {
      machine = await Machine.start({ dialect, threads: 1 })
    })
    after(() => machine.close())

    /** Scores of one token for each row of logits. */
    function scores(logits: readonly number[], E: number, gate: 'sigmoid' | 'softmax'): Float32Array {
      using _scope = machine.scope()
      const logits_ME = machine.tensorOf(logits, [logits.length / E, E])
      const rule = { activeExpertCount: 1, groupCount: 1, activeGroupCount: 1, isGateNormalized: false, routedScale: 1 }
      route(logits_ME, null, { ...rule, gate })
      return logits_ME.toArray()
    }

    test('sigmoid is exact to four units in the last place from -87 to 87', () => {
      const logits = Array.from({ length: 17_401 }, (_, i) => Math.fround((i - 8700) / 100))
      scores(logits, 1, 'sigmoid').forEach((score, i) => {
        const right = 1 / (1 + Math.exp(-logits[i]))
        assert.ok(Math.abs(score - right) <= relative * right, `sigmoid(${logits[i]}) = ${score}, expected ${right}`)
      })
    })

    test('beyond that, sigmoid is 1 or smaller than anything that counts, never negative, never NaN', () => {
      const extremes = [88, 100, 1e4, 3e38, Infinity]
      assert.ok(scores(extremes, 1, 'sigmoid').every((score) => score === 1))
      const tiny = scores(
        extremes.map((x) => -x),
        1,
        'sigmoid',
      )
      assert.ok(tiny.every((score) => score >= 0 && score < 1e-37))
    })

    test('softmax is exact where its shares are numbers at all, and zero or nearly beyond', () => {
      const gaps = Array.from({ length: 8701 }, (_, i) => Math.fround(i / 100))
      const shares = scores(
        gaps.flatMap((gap) => [1000, Math.fround(1000 - gap)]),
        2,
        'softmax',
      )
      gaps.forEach((_, i) => {
        const gap = 1000 - Math.fround(1000 - gaps[i])
        const right = Math.exp(-gap) / (1 + Math.exp(-gap))
        assert.ok(Math.abs(shares[2 * i + 1] - right) <= relative * right, `gap ${gap}`)
      })
      const [sure, never] = scores([0, -Infinity], 2, 'softmax')
      assert.ok(sure === 1 && never < 2e-38)
    })

    test('the loss of an impossible target is its distance, and that of a certain one is zero', () => {
      using _scope = machine.scope()
      for (const V of [3, 8, 13]) {
        const logits = new Float32Array(V).fill(-1e4)
        logits[1] = 1e4
        const w_VD = machine.tensorOf(logits, [V, 1])
        const [h_MD, ones] = [machine.tensorOf([1, 1], [2, 1]), machine.tensorOf([1, 1], [2])]
        const loss_M = headCrossEntropy(h_MD, w_VD, machine.tensorOf([1, V - 1], [2], 'i32'), ones)
        assert.deepEqual(Array.from(loss_M.toArray()), [0, 2e4])
      }
    })

    test('masked positions of attention add nothing, however large their scores are', () => {
      using _scope = machine.scope()
      const T = 60
      const shape = { length: T, headCount: 1, nopeWidth: 1, ropeWidth: 2, valueWidth: 1, scale: 1 }
      // Keys grow with position, so every later key would win; each query sees only its document's first token and itself.
      const start_M = machine.tensorOf(
        Array.from({ length: T }, (_, i) => i),
        [T],
        'i32',
      )
      const kv_MY = machine.tensorOf(Array.from({ length: T }, (_, i) => [1e3 * i, i]).flat(), [T, 2])
      const q_MX = machine.tensorOf(Array.from({ length: T }, () => [1, 0, 0]).flat(), [T, 3])
      const out_MZ = attention(q_MX, kv_MY, machine.zeros([T, 2]), { ...shape, start_M })
      assert.deepEqual(
        Array.from(out_MZ.toArray()),
        Array.from({ length: T }, (_, i) => i),
      )
      const causal_MZ = attention(q_MX, kv_MY, machine.zeros([T, 2]), shape)
      assert.deepEqual(
        Array.from(causal_MZ.toArray()),
        Array.from({ length: T }, (_, i) => i),
      )
    })

    test('a gate far below zero closes, one far above passes', () => {
      using _scope = machine.scope()
      const wGateUp_GD = machine.tensorOf([1, 1], [2, 1])
      const y = swigluFfn(machine.tensorOf([-200, -90, 50, 2000], [4, 1]), wGateUp_GD, machine.tensorOf([1], [1, 1])).toArray()
      assert.ok(Math.abs(y[0]) < 1e-30 && Math.abs(y[1]) < 1e-30)
      assert.deepEqual([y[2], y[3]], [2500, 4e6])
    })
  })
}
