import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import type { Scaling } from './e4m3.ts'
import { Machine } from './machine.ts'
import { expertFfn } from './ops/expert-ffn.ts'
import { headCrossEntropy } from './ops/head-cross-entropy.ts'
import { forwardProduct, inputsProduct, weightsProduct } from './ops/linear-products.ts'
import { linear } from './ops/linear.ts'
import { route } from './ops/route.ts'
import { swigluFfn } from './ops/swiglu-ffn.ts'
import type { LinearOperand, LinearPrecision } from './precision.ts'
import { linear as linearReference, matmul, roundedE4m3 } from './reference/index.ts'
import { Tape } from './tape.ts'
import { Tensor } from './tensor.ts'
import { tolerance } from './tolerance.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

const scaling = { rows: 16, columns: 24 }
const always = (block: Scaling): LinearPrecision => ({ scalingOf: () => block })

function drawn(count: number, name: string): Float32Array {
  const rng = Random.seeded(1).fork(name)
  return Float32Array.from({ length: count }, () => rng.normal())
}

/** A parameter of its own gradient. */
function parameter(shape: readonly number[], name: string): Tensor {
  const count = shape.reduce((product, size) => product * size, 1)
  const { address } = machine.tensorOf(drawn(count, name), shape)
  return new Tensor(machine, address, shape, 'f32', undefined, machine.zeros(shape))
}

function withPrecision<T>(precision: LinearPrecision | null, work: () => T): T {
  machine.precision = precision
  try {
    return work()
  } finally {
    machine.precision = null
  }
}

function assertClose(got: Float32Array, right: Float64Array, terms: number): void {
  const top = right.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  right.forEach((value, i) => assert.ok(Math.abs(got[i] - value) <= tolerance('f32', terms) * top, `${i}: ${got[i]}, expected ${value}`))
}

test('each product multiplies what E4M3 keeps of its two operands', () => {
  using _scope = machine.scope()
  const [M, N, K] = [37, 29, 50]
  const [x, w, dy] = [drawn(M * K, 'x'), drawn(N * K, 'w'), drawn(M * N, 'dy')]
  const [xq, wq, dyq] = [roundedE4m3(x, M, scaling), roundedE4m3(w, N, scaling), roundedE4m3(dy, M, scaling)]
  const [x_MK, w_NK, dy_MN] = [machine.tensorOf(x, [M, K]), machine.tensorOf(w, [N, K]), machine.tensorOf(dy, [M, N])]
  const [y_MN, dx_MK, dw_NK] = [machine.tensor([M, N]), machine.tensor([M, K]), machine.zeros([N, K])]
  const level = machine.heap.levelBytes
  withPrecision(always(scaling), () => {
    forwardProduct(y_MN, x_MK, w_NK)
    inputsProduct(dx_MK, dy_MN, w_NK)
    weightsProduct(w_NK, dw_NK, dy_MN, x_MK)
  })
  assert.equal(machine.heap.levelBytes, level)
  assertClose(y_MN.toArray(), linearReference(xq, wq, { M, N, K }), K)
  assertClose(dx_MK.toArray(), matmul(dyq, wq, { M, N: K, K: N }), N)
  const dyTransposed = Float64Array.from({ length: N * M }, (_, i) => dyq[(i % M) * N + Math.floor(i / M)])
  assertClose(dw_NK.toArray(), matmul(dyTransposed, xq, { M: N, N: K, K: M }), M)
})

test('scales that rows share follow the rows that an expert reads, and do not reach into the next expert', () => {
  using _scope = machine.scope()
  const [M, K, N, E] = [20, 24, 8, 3]
  const [x, w] = [drawn(M * K, 'x'), drawn(E * N * K, 'w')]
  x.subarray(0, K).fill(1000)
  const rng = Random.seeded(2).fork('rows')
  const offsets = [0, 9, 9, 31]
  const rows = Array.from({ length: 31 }, () => rng.below(M))
  const y_UN = machine.tensor([31, N])
  const groups = { offsets: machine.tensorOf(offsets, [E + 1], 'i32'), rowCount: 31 }
  const leftRows = machine.tensorOf(rows, [31], 'i32')
  withPrecision(always({ rows: 16, columns: 24 }), () =>
    forwardProduct(y_UN, machine.tensorOf(x, [M, K]), machine.tensorOf(w, [E, N, K]), { groups, leftRows }),
  )
  const right = [0, 1, 2].flatMap((e) => {
    const own = Float32Array.from(rows.slice(offsets[e], offsets[e + 1]).flatMap((row) => Array.from(x.subarray(row * K, (row + 1) * K))))
    const count = offsets[e + 1] - offsets[e]
    const matrix = roundedE4m3(w.subarray(e * N * K, (e + 1) * N * K), N, scaling)
    return Array.from(linearReference(roundedE4m3(own, count, scaling), matrix, { M: count, N, K }))
  })
  assertClose(y_UN.toArray(), Float64Array.from(right), K)
})

/** What a precision is asked while some ops run forward and back, and the gradients of the parameters. */
function run(precision: LinearPrecision | null) {
  using _scope = machine.scope()
  const [M, D, F, E, A, V] = [12, 8, 16, 4, 2, 11]
  const [w_DD, head_VD] = [parameter([D, D], 'w'), parameter([V, D], 'head')]
  const [gateUp_GD, down_DF] = [parameter([2 * F, D], 'gateUp'), parameter([D, F], 'down')]
  const [gateUps_EGD, downs_EDF] = [parameter([E, 2 * F, D], 'gateUps'), parameter([E, D, F], 'downs')]
  const router_ED = parameter([E, D], 'router')
  const names = new Map([w_DD, head_VD, gateUp_GD, down_DF, gateUps_EGD, downs_EDF, router_ED].map((w, i) => [w, i]))
  const asked: string[] = []
  const told: LinearPrecision | null = precision && {
    scalingOf: (operand: LinearOperand) => {
      asked.push(`${names.get(operand.weight)} ${operand.product} ${operand.operand}`)
      return precision.scalingOf(operand)
    },
  }
  const rule = {
    activeExpertCount: A,
    groupCount: 1,
    activeGroupCount: 1,
    gate: 'sigmoid',
    isGateNormalized: true,
    routedScale: 1,
  } as const
  const tape = new Tape(machine)
  machine.tape = tape
  withPrecision(told, () => {
    const x_MD = linear(machine.tensorOf(drawn(M * D, 'x'), [M, D]), w_DD)
    const h_MD = swigluFfn(x_MD, gateUp_GD, down_DF)
    const y_MD = expertFfn(h_MD, route(linear(h_MD, router_ED), null, rule), gateUps_EGD, downs_EDF)
    const target_M = machine.tensorOf(
      Array.from({ length: M }, (_, m) => m % V),
      [M],
      'i32',
    )
    headCrossEntropy(y_MD, head_VD, target_M, machine.tensorOf(new Float32Array(M).fill(1 / M), [M]))
    machine.tape = null
    tape.backward()
  })
  return { asked, gradients: [...names.keys()].map((w) => w.gradient!.toArray()) }
}

test('every linear product of every op asks for both of its operands', () => {
  const { asked } = run(always('none'))
  const products = ['forward activation', 'forward weight', 'inputs gradient', 'inputs weight', 'weights gradient', 'weights activation']
  const expected = [0, 1, 2, 3, 4, 5, 6].flatMap((w) => products.map((product) => `${w} ${product}`))
  assert.deepEqual(asked.toSorted(), expected.toSorted())
})

test('a precision that leaves everything as it is changes no bit, one that rounds does', () => {
  const { gradients } = run(null)
  assert.deepEqual(run({ scalingOf: () => null }).gradients, gradients)
  const rounded = run(always({ rows: 1, columns: 128 })).gradients
  rounded.forEach((gradient, i) => assert.notDeepEqual(gradient, gradients[i]))
})
