/**
 * All ops together: a small model with one layer of latent attention and one of routed experts. Its gradients against
 * finite differences of the references put together the same way, its bits over threads and deferral, its heap.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { Machine } from './machine.ts'
import { attention } from './ops/attention.ts'
import { embed } from './ops/embed.ts'
import { expertFfn } from './ops/expert-ffn.ts'
import { headCrossEntropy } from './ops/head-cross-entropy.ts'
import { linear } from './ops/linear.ts'
import { residual } from './ops/residual.ts'
import { rmsNorm } from './ops/rms-norm.ts'
import { rope } from './ops/rope.ts'
import { route } from './ops/route.ts'
import { swigluFfn } from './ops/swiglu-ffn.ts'
import { countOf, shapeOf } from './op-spec.ts'
import * as reference from './reference/index.ts'
import { Tape } from './tape.ts'
import { columns, Tensor } from './tensor.ts'
import { tolerance } from './tolerance.ts'

const [B, T, V, D, H, N, R, W, C] = [2, 19, 37, 24, 2, 5, 4, 6, 9]
const [E, A, I, F] = [6, 2, 7, 10]
const M = B * T
const sizes = { M, V, D, E, I, C, T, P: R / 2, X: H * (N + R), L: C + R, Y: H * (N + W), Z: H * W, G: 2 * I, F: F, O: 2 * F }
const scale = Math.fround((N + R) ** -0.5)
const alpha = 0.25
const rule = {
  activeExpertCount: A,
  groupCount: 3,
  activeGroupCount: 2,
  gate: 'sigmoid',
  isGateNormalized: true,
  routedScale: 2.5,
} as const
const queryRotation = { heads: H, offset: N, stride: N + R }
const keyRotation = { heads: 1, offset: C, stride: R }
const epsilon = 1e-6

const names = [
  ['embedding_VD', 'norm_D', 'query_XD', 'latent_LD', 'latentNorm_C', 'expand_YC', 'output_DZ', 'ffnNorm_D', 'router_ED'],
  ['gateUp_EGD', 'down_EDI', 'sharedGateUp_OD', 'sharedDown_DF', 'lastNorm_D', 'head_VD'],
].flat()

type Numbers = Record<string, Float64Array>

const weights: Numbers = Object.fromEntries(
  names.map((name) => {
    const rng = Random.seeded(11).fork(name)
    const isNorm = /norm_/i.test(name)
    const spread = isNorm ? 0.2 : shapeOf(name, sizes).at(-1)! ** -0.5
    return [name, Float64Array.from({ length: countOf(name, sizes) }, () => Math.fround((isNorm ? 1 : 0) + spread * rng.normal()))]
  }),
)

const rng = Random.seeded(12)
const whole = (count: number, bound: number) => Float64Array.from({ length: count }, () => rng.below(bound))
const real = (count: number, draw: (i: number) => number) => Float64Array.from({ length: count }, (_, i) => Math.fround(draw(i)))
const batch = {
  id_M: whole(M, V),
  target_M: whole(M, V),
  weight_M: real(M, () => rng.uniform() / M),
  position_M: Float64Array.from({ length: M }, (_, m) => m % T),
  start_M: Float64Array.from({ length: M }, (_, m) => (m % T < 7 ? 0 : 7)),
  cosine_TP: real((T * R) / 2, (i) => Math.cos(Math.floor(i / 2) / 10 ** (i % 2))),
  sine_TP: real((T * R) / 2, (i) => Math.sin(Math.floor(i / 2) / 10 ** (i % 2))),
  bias_E: real(E, () => 0.1 * rng.normal()),
}

/** The objective in float64. */
function referenceObjective(w: Numbers): number {
  const b = batch
  const norm = (x: Float64Array, gain: Float64Array, width = D) => reference.rmsNorm(x, gain, { M, D: width }, epsilon)
  const map = (x: Float64Array, weight: Float64Array, K: number) => reference.linear(x, weight, { M, N: weight.length / K, K })
  const turn = (x: Float64Array, slices: typeof queryRotation) =>
    reference.rope(x, b.cosine_TP, b.sine_TP, b.position_M, { M, X: x.length / M, P: R / 2 }, slices)
  const slice = (x: Float64Array, width: number, from: number, to: number) => x.filter((_, i) => i % width >= from && i % width < to)

  const x_MD = reference.embed(b.id_M, w.embedding_VD, { M, D })
  const normed_MD = norm(x_MD, w.norm_D)
  const query_MX = turn(map(normed_MD, w.query_XD, D), queryRotation)
  const latent_ML = turn(map(normed_MD, w.latent_LD, D), keyRotation)
  const keyValue_MY = map(norm(slice(latent_ML, C + R, 0, C), w.latentNorm_C, C), w.expand_YC, C)
  const key_MR = slice(latent_ML, C + R, C, C + R)
  const head_MZ = reference.attention(query_MX, keyValue_MY, key_MR, b.start_M, { B, T, H, N, R, W }, scale)
  const h_MD = reference.residual(x_MD, map(head_MZ, w.output_DZ, H * W))
  const ffnInput_MD = norm(h_MD, w.ffnNorm_D)
  const routing = reference.route(map(ffnInput_MD, w.router_ED, D), b.bias_E, { M, E }, rule)
  const { expert_MA, gate_MA, score_ME } = routing
  const routed_MD = reference.expertFfn(ffnInput_MD, expert_MA, gate_MA, w.gateUp_EGD, w.down_EDI, { M, D, I, A })
  const shared_MD = reference.swigluFfn(ffnInput_MD, w.sharedGateUp_OD, w.sharedDown_DF, { M, D, F })
  const last_MD = norm(reference.residual(h_MD, shared_MD, routed_MD), w.lastNorm_D)
  const loss_M = reference.headCrossEntropy(last_MD, w.head_VD, b.target_M, { M, D, V })
  const balance_B = reference.balance(score_ME, { B, T, E, A })
  return loss_M.reduce((sum, loss, m) => sum + loss * b.weight_M[m], 0) + balance_B.reduce((sum, value) => sum + (alpha * value) / B, 0)
}

type Parameters = Record<string, Tensor>

function placeParameters(machine: Machine): Parameters {
  return Object.fromEntries(
    names.map((name) => {
      const shape = shapeOf(name, sizes)
      const { address } = machine.tensorOf(weights[name], shape)
      return [name, new Tensor(machine, address, shape, 'f32', undefined, machine.zeros(shape))]
    }),
  )
}

/** The batch on a machine. */
function placeBatch(machine: Machine) {
  const wholes = (values: Float64Array) => machine.tensorOf(values, [M], 'i32')
  const table = (values: Float64Array) => machine.tensorOf(values, [T, R / 2])
  return {
    id_M: wholes(batch.id_M),
    target_M: wholes(batch.target_M),
    start_M: wholes(batch.start_M),
    rotation: { cosine_TP: table(batch.cosine_TP), sine_TP: table(batch.sine_TP), position_M: wholes(batch.position_M) },
    weight_M: machine.tensorOf(batch.weight_M, [M]),
    bias_E: machine.tensorOf(batch.bias_E, [E]),
  }
}

/** The same objective on a machine; with a tape on it, ready to go back. */
function objective(p: Parameters, b: ReturnType<typeof placeBatch>): number {
  const { rotation } = b
  const x_MD = embed(b.id_M, p.embedding_VD)
  const normed_MD = rmsNorm(x_MD, p.norm_D)
  const query_MX = rope(linear(normed_MD, p.query_XD), rotation, queryRotation)
  const latent_ML = rope(linear(normed_MD, p.latent_LD), rotation, keyRotation)
  const keyValue_MY = linear(rmsNorm(columns(latent_ML, 0, C), p.latentNorm_C), p.expand_YC)
  const shape = { length: T, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W, scale, start_M: b.start_M }
  const head_MZ = attention(query_MX, keyValue_MY, columns(latent_ML, C, C + R), shape)
  const h_MD = residual(x_MD, linear(head_MZ, p.output_DZ))
  const ffnInput_MD = rmsNorm(h_MD, p.ffnNorm_D)
  const options = { ...rule, balance: { alpha, length: T } }
  const routing = route(linear(ffnInput_MD, p.router_ED), b.bias_E, options)
  const routed_MD = expertFfn(ffnInput_MD, routing, p.gateUp_EGD, p.down_EDI)
  const shared_MD = swigluFfn(ffnInput_MD, p.sharedGateUp_OD, p.sharedDown_DF)
  const last_MD = rmsNorm(residual(h_MD, shared_MD, routed_MD), p.lastNorm_D)
  const loss_M = headCrossEntropy(last_MD, p.head_VD, b.target_M, b.weight_M).toArray()
  const balance = routing.balance_B!.toArray().reduce((sum, value) => sum + (alpha * value) / B, 0)
  return loss_M.reduce((sum, loss, m) => sum + loss * batch.weight_M[m], balance)
}

/** Objective and all gradients of one step. */
function step(machine: Machine, options: { deferWeights?: boolean } = {}) {
  using _scope = machine.scope()
  const parameters = placeParameters(machine)
  const placed = placeBatch(machine)
  const tape = new Tape(machine, options)
  machine.tape = tape
  const value = objective(parameters, placed)
  machine.tape = null
  tape.backward()
  tape.flushWeights()
  return { value, gradients: Object.fromEntries(names.map((name) => [name, parameters[name].gradient!.toArray()])) }
}

const machines: Machine[] = []
before(async () => {
  for (const dialect of ['relaxed', 'plain'] as const) {
    for (const threads of [1, 2, 3]) machines.push(await Machine.start({ dialect, threads }))
  }
})
after(() => {
  for (const machine of machines) machine.close()
})

/** The longest chain of sums on the way: an expert's, attention's, the head's and the norms between them. */
const allowed = tolerance('f32', M * D)

test('the objective and the gradient of every parameter agree with the references put together', () => {
  const by = 1e-5
  const steps = [machines[0], machines[4]].map((machine) => step(machine))
  for (const { value } of steps) assert.ok(Math.abs(value - referenceObjective(weights)) <= allowed * value)
  for (const name of names) {
    const stream = Random.seeded(13).fork(name)
    const count = weights[name].length
    const directions = [
      Float64Array.from({ length: count }, () => (stream.below(2) * 2 - 1) / Math.sqrt(count)),
      ...Array.from({ length: 4 }, () => {
        const place = stream.below(count)
        return Float64Array.from({ length: count }, (_, i) => (i === place ? 1 : 0))
      }),
    ]
    for (const direction of directions) {
      const moved = (distance: number) =>
        referenceObjective({ ...weights, [name]: weights[name].map((weight, i) => weight + distance * direction[i]) })
      const right = (moved(by) - moved(-by)) / (2 * by)
      for (const { gradients } of steps) {
        const gradient = gradients[name]
        const found = gradient.reduce((sum, slope, i) => sum + slope * direction[i], 0)
        const largest = gradient.reduce((top, slope) => Math.max(top, Math.abs(slope)), 0)
        assert.ok(Math.abs(found - right) <= allowed * largest, `${name}: expected ${right}, got ${found}`)
      }
    }
  }
})

test('one, two and three threads give the same bits', () => {
  for (const [single, ...more] of [machines.slice(0, 3), machines.slice(3)]) {
    const alone = step(single)
    for (const machine of more) assert.deepEqual(step(machine), alone)
  }
})

test('weight gradients that wait give the same bits', () => {
  for (const machine of [machines[0], machines[5]]) assert.deepEqual(step(machine, { deferWeights: true }), step(machine))
})

test('after a step the heap stands where it stood before, with and without waiting weights', () => {
  for (const machine of [machines[0], machines[1]]) {
    for (const deferWeights of [false, true]) {
      using _scope = machine.scope()
      const parameters = placeParameters(machine)
      const placed = placeBatch(machine)
      const level = machine.heap.levelBytes
      // No scope around the steps: every op has to give back what it took.
      for (let i = 0; i < 3; i++) {
        const tape = new Tape(machine, { deferWeights })
        machine.tape = tape
        objective(parameters, placed)
        machine.tape = null
        assert.ok(machine.heap.levelBytes > level)
        tape.backward()
        tape.flushWeights()
        assert.equal(machine.heap.levelBytes, level)
      }
    }
  }
})
