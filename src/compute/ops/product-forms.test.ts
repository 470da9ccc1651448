/** Products in all their forms against three nested loops: plain, grouped, gathered, added, over odd and large sizes. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { Machine } from '../machine.ts'
import { matmul } from '../reference/index.ts'
import { columns, type Tensor } from '../tensor.ts'
import { tolerance } from '../tolerance.ts'
import { type ProductOptions, productNN, productNT, productTN } from './product.ts'

const machines: Machine[] = []
before(async () => {
  for (const dialect of ['relaxed', 'plain'] as const) {
    for (const threads of [1, 2]) machines.push(await Machine.start({ dialect, threads }))
  }
})
after(() => {
  for (const machine of machines) machine.close()
})

const draw = (rng: Random, count: number) => Float64Array.from({ length: count }, () => Math.fround(rng.normal()))

function transposed(x: Float64Array, rows: number, width: number): Float64Array {
  return x.map((_, i) => x[(i % rows) * width + Math.floor(i / rows)])
}

function assertClose(got: ArrayLike<number>, expected: Float64Array, terms: number, what: string) {
  assert.equal(got.length, expected.length, what)
  const scale = expected.reduce((top, value) => Math.max(top, Math.abs(value)), 0)
  const error = expected.reduce((worst, value, i) => Math.max(worst, Math.abs(got[i] - value)), 0)
  // Numbers past the end, or NaN, make the error NaN.
  assert.ok(error <= tolerance('f32', terms) * scale, `${what}: error ${error} of ${scale}`)
}

interface Sizes {
  readonly M: number
  readonly N: number
  readonly K: number
}

const layouts = {
  NN: { multiply: productNN, left: ({ M, K }: Sizes) => [M, K], right: ({ K, N }: Sizes) => [K, N] },
  NT: { multiply: productNT, left: ({ M, K }: Sizes) => [M, K], right: ({ K, N }: Sizes) => [N, K] },
  TN: { multiply: productTN, left: ({ M, K }: Sizes) => [K, M], right: ({ K, N }: Sizes) => [K, N] },
} as const

const sizesToTry: Sizes[] = [
  { M: 1, N: 1, K: 1 },
  { M: 3, N: 17, K: 129 },
  { M: 6, N: 8, K: 512 },
  { M: 7, N: 9, K: 513 },
  { M: 97, N: 127, K: 3 },
  { M: 193, N: 16, K: 17 },
  { M: 0, N: 3, K: 2 },
  { M: 3, N: 0, K: 2 },
  { M: 2, N: 3, K: 0 },
  // Deep and wide enough that packed operands are taken in slices and spans.
  { M: 7, N: 527, K: 1027 },
  { M: 527, N: 7, K: 1541 },
]

for (const [layout, { multiply, left, right }] of Object.entries(layouts)) {
  test(`${layout}: any size, written and added, into and out of views of columns`, () => {
    for (const sizes of sizesToTry) {
      const { M, N, K } = sizes
      const what = `${layout} ${JSON.stringify(sizes)}`
      const rng = Random.seeded(2).fork(what)
      const [a, b, before] = [draw(rng, M * K), draw(rng, K * N), draw(rng, M * N)]
      const [a_MK, b_KN] = [layout === 'TN' ? transposed(a, K, M) : a, layout === 'NT' ? transposed(b, N, K) : b]
      const product_MN = matmul(a_MK, b_KN, sizes)
      const added_MN = product_MN.map((value, i) => value + before[i])
      for (const machine of machines) {
        using _scope = machine.scope()
        const [aTensor, bTensor] = [machine.tensorOf(a, left(sizes)), machine.tensorOf(b, right(sizes))]
        const out_MN = machine.tensorOf(new Float32Array(M * N).fill(NaN), [M, N])
        multiply(out_MN, aTensor, bTensor)
        const written = out_MN.toArray()
        assertClose(written, product_MN, K, what)
        out_MN.data.set(before)
        multiply(out_MN, aTensor, bTensor, { accumulate: true })
        assertClose(out_MN.toArray(), added_MN, K + 1, `${what}, added`)

        const outView = widened(machine, new Float64Array(M * N), [M, N])
        multiply(outView, widened(machine, a, left(sizes)), widened(machine, b, right(sizes)))
        assert.deepEqual(outView.toArray(), written, `${what}, views`)
        const margins = outView.base.toArray().filter((_, i) => i % (N + 2) === 0 || i % (N + 2) === N + 1)
        assert.ok(margins.every(Number.isNaN), `${what}: columns beside the view are left alone`)
      }
    }
  })
}

/** The matrix as the middle columns of a wider one, with NaN on either side. */
function widened(machine: Machine, values: Float64Array, [rows, width]: readonly number[]): Tensor {
  const whole = machine.tensorOf(new Float32Array(rows * (width + 2)).fill(NaN), [rows, width + 2])
  const { data } = whole
  for (let i = 0; i < values.length; i++) data[Math.floor(i / width) * (width + 2) + 1 + (i % width)] = values[i]!
  return columns(whole, 1, 1 + width)
}

/** Rows of each group, empty ones among them, first and last too. */
const groupSizes = [[0, 5, 0, 0, 129, 1, 0], [3, 97, 2], [0, 0], [521]]

test('grouped products use the matrix of the group, and gather the rows that they are told', () => {
  for (const counts of groupSizes) {
    for (const [N, K] of [
      [5, 3],
      [17, 33],
      [9, 520],
    ] as const) {
      const what = `${counts.join('+')} rows, N = ${N}, K = ${K}`
      const rng = Random.seeded(3).fork(what)
      const [E, U] = [counts.length, counts.reduce((sum, count) => sum + count, 0)]
      const offsets = [0, ...counts].map((_, e) => counts.slice(0, e).reduce((sum, count) => sum + count, 0))
      const sourceRows = 11
      const rows = Array.from({ length: U }, () => rng.below(sourceRows))
      const [source, b, dOut] = [draw(rng, sourceRows * K), draw(rng, E * K * N), draw(rng, U * N)]
      const gathered = Float64Array.from(rows.flatMap((row) => Array.from(source.subarray(row * K, (row + 1) * K))))

      const forward = new Float64Array(U * N)
      const weights = new Float64Array(E * N * K)
      counts.forEach((M, e) => {
        const [from, to] = [offsets[e], offsets[e + 1]]
        const a_MK = gathered.subarray(from * K, to * K)
        forward.set(matmul(a_MK, b.subarray(e * K * N, (e + 1) * K * N), { M, N, K }), from * N)
        const dOut_NM = transposed(dOut.subarray(from * N, to * N), M, N)
        weights.set(matmul(dOut_NM, a_MK, { M: N, N: K, K: M }), e * N * K)
      })

      for (const machine of machines) {
        using _scope = machine.scope()
        const groups = { offsets: machine.tensorOf(offsets, [E + 1], 'i32'), rowCount: U }
        const list_U = machine.tensorOf(rows, [U], 'i32')
        const [source_SK, gathered_UK] = [machine.tensorOf(source, [sourceRows, K]), machine.tensorOf(gathered, [U, K])]
        const b_EKN = machine.tensorOf(b, [E, K, N])
        const dOut_UN = machine.tensorOf(dOut, [U, N])
        const product = (a: Tensor, options: ProductOptions) => {
          const out_UN = machine.tensorOf(new Float32Array(U * N).fill(NaN), [U, N])
          productNN(out_UN, a, b_EKN, { groups, ...options })
          return out_UN.toArray()
        }
        const straight = product(gathered_UK, {})
        assertClose(straight, forward, K, what)
        assert.deepEqual(product(source_SK, { leftRows: list_U }), straight, `${what}, gathered`)

        const weightGradient = (right: Tensor, options: ProductOptions) => {
          const dw_ENK = machine.tensorOf(new Float32Array(E * N * K).fill(NaN), [E, N, K])
          productTN(dw_ENK, dOut_UN, right, { groups, ...options })
          return dw_ENK.toArray()
        }
        const dw = weightGradient(gathered_UK, {})
        assertClose(dw, weights, U, `${what}, transposed`)
        assert.deepEqual(weightGradient(source_SK, { rightRows: list_U }), dw, `${what}, transposed and gathered`)
      }
    }
  }
})

test('grouped, transposed storage: NT with one matrix a group', () => {
  const [E, N, K] = [3, 9, 6]
  const counts = [4, 0, 8]
  const rng = Random.seeded(4)
  const [a, b] = [draw(rng, 12 * K), draw(rng, E * N * K)]
  for (const machine of machines) {
    using _scope = machine.scope()
    const out_UN = machine.tensor([12, N])
    const groups = { offsets: machine.tensorOf([0, 4, 4, 12], [4], 'i32'), rowCount: 12 }
    productNT(out_UN, machine.tensorOf(a, [12, K]), machine.tensorOf(b, [E, N, K]), { groups })
    let from = 0
    counts.forEach((M, e) => {
      const b_KN = transposed(b.subarray(e * N * K, (e + 1) * N * K), N, K)
      const expected = matmul(a.subarray(from * K, (from + M) * K), b_KN, { M, N, K })
      assertClose(out_UN.toArray().subarray(from * N, (from + M) * N), expected, K, `group ${e}`)
      from += M
    })
  }
})
