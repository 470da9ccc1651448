/** What the router promises whatever the logits are: nothing is dropped, groups are kept to, the bias never weighs. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { Machine } from '../machine.ts'
import { type RouteOptions, route } from './route.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

interface Trial {
  readonly M: number
  readonly E: number
  readonly logits: Float32Array
  readonly bias: Float32Array | null
  readonly options: RouteOptions
}

/** Any sizes that fit each other; logits from calm to extreme, in a third of the trials with many ties. */
function draw(seed: number): Trial {
  const rng = Random.seeded(seed).fork('route')
  const groupCount = 1 + rng.below(6)
  const groupSize = 1 + rng.below(7)
  const activeGroupCount = 1 + rng.below(groupCount)
  const activeExpertCount = 1 + rng.below(Math.min(8, activeGroupCount * groupSize))
  const [M, E] = [rng.below(150), groupCount * groupSize]
  const spread = [0.1, 1, 30, 300][rng.below(4)]
  const hasTies = rng.below(3) === 0
  const logits = Float32Array.from({ length: M * E }, () => (hasTies ? rng.below(3) - 1 : spread * rng.normal()))
  const bias = rng.below(3) === 0 ? null : Float32Array.from({ length: E }, () => 2 * rng.normal())
  const gate = rng.below(2) === 0 ? 'sigmoid' : 'softmax'
  const rule = { gate, isGateNormalized: rng.below(2) === 0, routedScale: 0.5 + rng.uniform() } as const
  return { M, E, logits, bias, options: { activeExpertCount, groupCount, activeGroupCount, ...rule } }
}

function run({ M, E, logits, bias, options }: Trial) {
  using _scope = machine.scope()
  const logits_ME = machine.tensorOf(logits, [M, E])
  const routing = route(logits_ME, bias && machine.tensorOf(bias, [E]), options)
  const { expert_MA, gate_MA, offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U } = routing
  const copies = { expert_MA, gate_MA, offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U, score_ME: logits_ME }
  return Object.fromEntries(Object.entries(copies).map(([name, tensor]) => [name, Array.from(tensor.toArray())])) as Record<
    keyof typeof copies,
    number[]
  >
}

const trials = Array.from({ length: 300 }, (_, seed) => ({ seed, trial: draw(seed) }))

suite('over 300 random routers', () => {
  test('loads sum to tokens times active experts, and no token is dropped', () => {
    for (const { seed, trial } of trials) {
      const { M, E, options } = trial
      const A = options.activeExpertCount
      const { expert_MA, offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U, gate_MA } = run(trial)
      assert.deepEqual([offset_F[0], offset_F[E]], [0, M * A], `seed ${seed}`)
      const load = Array.from({ length: E }, (_, e) => expert_MA.filter((expert) => expert === e).length)
      assert.deepEqual(
        load,
        load.map((_, e) => offset_F[e + 1] - offset_F[e]),
        `seed ${seed}`,
      )
      for (let m = 0; m < M; m++) {
        assert.equal(new Set(expert_MA.slice(m * A, (m + 1) * A)).size, A, `seed ${seed}: token ${m} visits ${A} different experts`)
      }
      assert.deepEqual(
        rowOfChoice_MA.toSorted((a, b) => a - b),
        Array.from(rowOfChoice_MA.keys()),
        `seed ${seed}: one row a choice`,
      )
      rowOfChoice_MA.forEach((row, choice) => {
        const expert = expert_MA[choice]
        assert.ok(offset_F[expert] <= row && row < offset_F[expert + 1], `seed ${seed}`)
        assert.equal(tokenOfRow_U[row], Math.floor(choice / A), `seed ${seed}`)
        assert.equal(gateOfRow_U[row], gate_MA[choice], `seed ${seed}`)
      })
      for (let e = 0; e < E; e++) {
        const tokens = tokenOfRow_U.slice(offset_F[e], offset_F[e + 1])
        assert.deepEqual(
          tokens,
          tokens.toSorted((a, b) => a - b),
          `seed ${seed}: tokens in order within an expert`,
        )
      }
    }
  })

  test('a token visits at most the allowed groups', () => {
    for (const { seed, trial } of trials) {
      const { activeExpertCount: A, groupCount, activeGroupCount } = trial.options
      const { expert_MA } = run(trial)
      for (let m = 0; m < trial.M; m++) {
        const groups = new Set(expert_MA.slice(m * A, (m + 1) * A).map((expert) => Math.floor((expert * groupCount) / trial.E)))
        assert.ok(groups.size <= activeGroupCount, `seed ${seed}, token ${m}`)
      }
    }
  })

  test('the bias never enters a gate: gates follow from the scores of the chosen alone', () => {
    for (const { seed, trial } of trials) {
      const { activeExpertCount: A, isGateNormalized, routedScale } = trial.options
      const { expert_MA, gate_MA, score_ME } = run(trial)
      assert.deepEqual(score_ME, run({ ...trial, bias: null }).score_ME, `seed ${seed}: scores do not know the bias`)
      for (let m = 0; m < trial.M; m++) {
        const scores = expert_MA.slice(m * A, (m + 1) * A).map((expert) => score_ME[m * trial.E + expert])
        const divisor = isGateNormalized ? scores.reduce((sum, score) => sum + score, 1e-20) : 1
        scores.forEach((score, a) => {
          const [gate, right] = [gate_MA[m * A + a], (routedScale * score) / divisor]
          assert.ok(Math.abs(gate - right) <= 1e-6 * right + 1e-30, `seed ${seed}, token ${m}: gate ${gate}, expected ${right}`)
        })
      }
    }
  })

  test('a bias of zeros chooses as none does', () => {
    for (const { seed, trial } of trials) {
      const zeros = new Float32Array(trial.E)
      assert.deepEqual(run({ ...trial, bias: zeros }), run({ ...trial, bias: null }), `seed ${seed}`)
    }
  })

  test('the same logits give the same choice, again and again', () => {
    for (const { seed, trial } of trials) assert.deepEqual(run(trial), run(trial), `seed ${seed}`)
  })
})

test('of equal scores the first expert is chosen, and of equal groups the first', () => {
  const options = {
    activeExpertCount: 3,
    groupCount: 4,
    activeGroupCount: 2,
    gate: 'sigmoid',
    isGateNormalized: true,
    routedScale: 1,
  } as const
  const { expert_MA } = run({ M: 1, E: 8, logits: new Float32Array(8).fill(0.5), bias: null, options })
  assert.deepEqual(expert_MA, [0, 1, 2])
})

test('a bias brings an expert in without changing how much it counts', () => {
  const logits = Float32Array.of(2, 1, 0, -1)
  const options = {
    activeExpertCount: 2,
    groupCount: 1,
    activeGroupCount: 1,
    gate: 'sigmoid',
    isGateNormalized: false,
    routedScale: 1,
  } as const
  const { expert_MA, gate_MA } = run({ M: 1, E: 4, logits, bias: Float32Array.of(0, 0, 0, 5), options })
  assert.deepEqual(expert_MA, [3, 0])
  assert.ok(Math.abs(gate_MA[0] - 1 / (1 + Math.exp(1))) < 1e-7)
})

test('V3 values a group by its two best experts, V2 by its best one', () => {
  const logits = Float32Array.of(3, -9, 2, 2)
  const options = { activeExpertCount: 1, groupCount: 2, activeGroupCount: 1, isGateNormalized: false, routedScale: 1 } as const
  assert.deepEqual(run({ M: 1, E: 4, logits, bias: null, options: { ...options, gate: 'sigmoid' } }).expert_MA, [2])
  assert.deepEqual(run({ M: 1, E: 4, logits, bias: null, options: { ...options, gate: 'softmax' } }).expert_MA, [0])
})

test('a balance loss over rows that are no whole sequences is refused', () => {
  using _scope = machine.scope()
  const rule = {
    activeExpertCount: 1,
    groupCount: 1,
    activeGroupCount: 1,
    gate: 'sigmoid',
    isGateNormalized: true,
    routedScale: 1,
  } as const
  assert.throws(() => route(machine.zeros([5, 2]), null, { ...rule, balance: { alpha: 1, length: 3 } }), /whole sequences of 3, got 5/)
})
