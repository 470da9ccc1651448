import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/index.ts'
import { Machine, type Tensor } from '../compute/index.ts'
import type { ModelConfig } from './config.ts'
import { maxViolation, moe, updateBias } from './moe.ts'
import type { MoeParameters } from './parameters.ts'
import { presets } from './presets.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

const config: ModelConfig = {
  ...presets.tiny,
  width: 14,
  expertFfnWidth: 6,
  expertCount: 12,
  activeExpertCount: 4,
  groupCount: 4,
  activeGroupCount: 2,
  sharedExpertCount: 2,
}

function randomTensor(shape: readonly number[], name: string, std: number, mean = 0): Tensor {
  const rng = Random.seeded(1).fork(name)
  const tensor = machine.tensor(shape)
  tensor.data.set(Float32Array.from({ length: tensor.count }, () => mean + std * rng.normal()))
  return tensor
}

function makeParameters({ width: D, expertFfnWidth: I, expertCount: E, sharedExpertCount, gate }: ModelConfig): MoeParameters {
  const S = sharedExpertCount * I
  return {
    router_ED: randomTensor([E, D], 'router', 0.4),
    bias_E: gate === 'sigmoid' ? randomTensor([E], 'bias', 0.2) : null,
    shared: S === 0 ? null : { gateUp_GD: randomTensor([2 * S, D], 'shared', 0.3), down_DF: randomTensor([D, S], 'shared/down', 0.3) },
    gateUp_EGD: randomTensor([E, 2 * I, D], 'experts', 0.3),
    down_EDI: randomTensor([E, D, I], 'experts/down', 0.3),
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => range(a.length).reduce((sum, i) => sum + a[i] * b[i], 0)

/** W_down (silu(W_gate x) * W_up x) in float64. gateUp: 2 F rows of D, down: D rows of F. */
function twinFfn(x: Float32Array, gateUp: Float32Array, down: Float32Array): number[] {
  const D = x.length
  const F = gateUp.length / (2 * D)
  const rows = range(2 * F).map((g) => dot(gateUp.subarray(g * D, (g + 1) * D), x))
  const hidden = range(F).map((f) => (rows[f] / (1 + Math.exp(-rows[f]))) * rows[F + f])
  return range(D).map((d) => dot(down.subarray(d * F, (d + 1) * F), hidden))
}

/** The layer for one token, straight from equations 12 to 16 of the report, in float64. */
function twinMoe(p: MoeParameters, c: ModelConfig, x: Float32Array): { out: number[]; chosen: number[] } {
  const { width: D, expertFfnWidth: I, expertCount: E } = c
  const logits = range(E).map((e) => dot(p.router_ED.data.subarray(e * D, (e + 1) * D), x))
  const exponentials = logits.map(Math.exp)
  const sum = exponentials.reduce((a, b) => a + b, 0)
  const score = logits.map((logit, e) => (c.gate === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : exponentials[e] / sum))
  const biased = score.map((value, e) => value + (p.bias_E?.data[e] ?? 0))
  const size = E / c.groupCount
  const groupScore = range(c.groupCount).map((g) => {
    const [best, second] = biased.slice(g * size, (g + 1) * size).sort((a, b) => b - a)
    return c.gate === 'sigmoid' ? best + second : best
  })
  const groups = new Set(
    range(c.groupCount)
      .sort((a, b) => groupScore[b] - groupScore[a])
      .slice(0, c.activeGroupCount),
  )
  const chosen = range(E)
    .filter((e) => groups.has(Math.floor(e / size)))
    .sort((a, b) => biased[b] - biased[a])
    .slice(0, c.activeExpertCount)
  const chosenSum = c.isGateNormalized ? chosen.reduce((total, e) => total + score[e], 0) : 1
  const out = p.shared
    ? twinFfn(x, p.shared.gateUp_GD.data as Float32Array, p.shared.down_DF.data as Float32Array)
    : Array.from({ length: D }, () => 0)
  for (const e of chosen) {
    const gate = (c.routedScale * score[e]) / chosenSum
    const gateUp = p.gateUp_EGD.data.subarray(e * 2 * I * D, (e + 1) * 2 * I * D) as Float32Array
    const down = p.down_EDI.data.subarray(e * D * I, (e + 1) * D * I) as Float32Array
    twinFfn(x, gateUp, down).forEach((value, d) => (out[d] += gate * value))
  }
  return { out, chosen: chosen.sort((a, b) => a - b) }
}

const variants: Readonly<Record<string, Partial<ModelConfig>>> = {
  'V3: sigmoid, bias, groups by their two best': {},
  'no shared expert, gates as they are': { sharedExpertCount: 0, isGateNormalized: false },
  'V2: softmax, groups by their best': { gate: 'softmax', isGateNormalized: false, routedScale: 16 },
  'one group, one expert': { groupCount: 1, activeGroupCount: 1, activeExpertCount: 1 },
}

for (const [name, change] of Object.entries(variants)) {
  test(`the layer equals its float64 twin (${name})`, () => {
    using _scope = machine.scope()
    const c = { ...config, ...change }
    const p = makeParameters(c)
    const x_MD = randomTensor([29, c.width], 'x', 1)
    const { branches, report } = moe(p, c, x_MD)
    const parts = branches.map((branch) => branch.toArray())
    const load = range(c.expertCount).map(() => 0)
    for (let m = 0; m < 29; m++) {
      const { out, chosen } = twinMoe(p, c, x_MD.data.subarray(m * c.width, (m + 1) * c.width) as Float32Array)
      const A = c.activeExpertCount
      assert.deepEqual(
        [...report.expert_MA.data.subarray(m * A, (m + 1) * A)].sort((a, b) => a - b),
        chosen,
        `token ${m}`,
      )
      for (const e of chosen) load[e]++
      const largest = Math.max(...out.map(Math.abs))
      for (let d = 0; d < c.width; d++) {
        const ours = parts.reduce((sum, part) => sum + part[m * c.width + d], 0)
        assert.ok(Math.abs(ours - out[d]) <= 1e-5 * largest, `token ${m}, ${d}: expected ${out[d]}, got ${ours}`)
      }
    }
    assert.deepEqual([...report.load], load)
    assert.equal(
      load.reduce((a, b) => a + b, 0),
      29 * c.activeExpertCount,
    )
    assert.equal(report.balance, undefined)
  })
}

test('the bias decides who is chosen and never how much they weigh', () => {
  using _scope = machine.scope()
  const p = makeParameters(config)
  const x_MD = randomTensor([40, config.width], 'x', 1)
  const sums = (q: MoeParameters) => moe(q, config, x_MD).branches.map((branch) => branch.toArray())
  // The same for all: nobody's rank changes, so nothing may change.
  const raised = machine.tensorOf(
    p.bias_E!.data.map((bias) => bias + 2),
    [config.expertCount],
  )
  assert.deepEqual(sums({ ...p, bias_E: raised }), sums(p))
  // Lifted over all others, the three experts of the first group are chosen by every token.
  const lifted = machine.tensorOf(
    p.bias_E!.data.map((bias, e) => bias + (e < 3 ? 10 : 0)),
    [config.expertCount],
  )
  const { load } = moe({ ...p, bias_E: lifted }, config, x_MD).report
  assert.deepEqual([...load.subarray(0, 3)], [40, 40, 40])
})

test('the balance value is 1 when all experts share evenly and grows with concentration', () => {
  using _scope = machine.scope()
  const p = makeParameters(config)
  const x_MD = randomTensor([64, config.width], 'x', 1)
  const balance = { alpha: 0.1, length: 32 }
  // Without an input every affinity is one half: P is exactly even, and sum f = E whatever f is.
  const even = moe(p, config, machine.zeros([64, config.width]), balance).report.balance!
  assert.ok(Math.abs(even - 1) < 1e-6)
  const ordinary = moe(p, config, x_MD, balance).report.balance!
  // Every token the same: all of them choose the same experts.
  const same_MD = machine.tensorOf(
    Float32Array.from({ length: 64 * config.width }, (_, i) => x_MD.data[i % config.width]),
    [64, config.width],
  )
  const concentrated = moe(p, config, same_MD, balance).report.balance!
  assert.ok(ordinary > 1 && concentrated > ordinary, `expected 1 < ${ordinary} < ${concentrated}`)
})

test('maxViolation is the overload of the fullest expert as a share of the mean', () => {
  assert.equal(maxViolation([5, 5, 5, 5]), 0)
  assert.equal(maxViolation([8, 4, 4, 0]), 1)
  assert.equal(maxViolation(Int32Array.of(0, 12, 0)), 2)
  assert.equal(maxViolation([0, 0]), 0)
  assert.equal(maxViolation([7]), 0)
})

test('updateBias moves every expert by the speed towards the mean load, whatever the distance', () => {
  using _scope = machine.scope()
  const bias_E = machine.tensorOf([0, 0.5, -0.5, 1], [4])
  updateBias(bias_E, [100, 4, 0, 4], 0.125)
  assert.deepEqual([...bias_E.data], [-0.125, 0.625, -0.375, 1.125])
  updateBias(bias_E, [3, 3, 3, 3], 0.125)
  assert.deepEqual([...bias_E.data], [-0.125, 0.625, -0.375, 1.125])
  updateBias(bias_E, [100, 4, 0, 4], 0)
  assert.deepEqual([...bias_E.data], [-0.125, 0.625, -0.375, 1.125])
})

test('the update evens out a lopsided router', () => {
  using _scope = machine.scope()
  const p = { ...makeParameters(config), bias_E: machine.zeros([config.expertCount]) }
  // All tokens have a part in common, so that some experts please everyone.
  const x_MD = randomTensor([256, config.width], 'x', 0.5, 0.8)
  const step = () => {
    using _step = machine.scope()
    return moe(p, config, x_MD).report.load
  }
  const first = maxViolation(step())
  for (let i = 0; i < 300; i++) updateBias(p.bias_E, step(), 0.005)
  const last = maxViolation(step())
  assert.ok(first > 1, `expected a lopsided start, got ${first}`)
  assert.ok(last < 0.25, `expected at most a quarter over the mean, got ${last}`)
})
