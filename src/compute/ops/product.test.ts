import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Random } from '../../base/random.ts'
import { Machine } from '../machine.ts'
import { columns, type Tensor } from '../tensor.ts'
import { productNN, productNT, productTN } from './product.ts'

/** A random matrix whose rows are `padding` numbers further apart than they are wide. */
function matrix(machine: Machine, rows: number, width: number, padding: number, rng: Random): Tensor {
  const whole = machine.tensor([rows, width + padding])
  const { data } = whole
  for (let i = 0; i < data.length; i++) data[i] = rng.uniform() - 0.5
  return columns(whole, 0, width)
}

const at = (x: Tensor, row: number, column: number) => x.base.data[row * x.rowStride + column]

describe('matrix products', () => {
  let machine: Machine
  before(async () => (machine = await Machine.start({ threads: 2 })))
  after(() => machine.close())

  // Deep enough for several slices of K, wide enough for several spans of columns, and neither a multiple of anything.
  const shapes = [
    ['NN', 50, 300, 4100, 16],
    ['NT', 13, 2100, 1030, 0],
    ['NN', 101, 5003, 260, 3],
    ['TN', 77, 130, 9001, 5],
    ['TN', 6, 8, 5000, 0],
  ] as const

  for (const [layout, M, N, K, padding] of shapes) {
    it(`${layout} of ${M} x ${N} x ${K} agrees with sums in float64, written and added`, () => {
      using _scope = machine.scope()
      const rng = Random.seeded(1).fork(`${layout}/${M}/${N}/${K}`)
      const out = matrix(machine, M, N, padding, rng)
      const a = layout === 'TN' ? matrix(machine, K, M, padding, rng) : matrix(machine, M, K, padding, rng)
      const b = layout === 'NT' ? matrix(machine, N, K, padding, rng) : matrix(machine, K, N, padding, rng)
      const multiply = { NN: productNN, NT: productNT, TN: productTN }[layout]
      multiply(out, a, b)
      const once = out.toArray()
      multiply(out, a, b, { accumulate: true })
      const twice = out.toArray()
      for (let sample = 0; sample < 300; sample++) {
        const [i, j] = [rng.below(M), rng.below(N)]
        let sum = 0
        for (let k = 0; k < K; k++) {
          sum += (layout === 'TN' ? at(a, k, i) : at(a, i, k)) * (layout === 'NT' ? at(b, j, k) : at(b, k, j))
        }
        // Partial sums are of the order of sqrt(K) / 12, and each of K additions rounds by half a unit of that, at random.
        const tolerance = 2 ** -23 * K ** 0.5 * (K ** 0.5 / 12) + 2 ** -20
        assert.ok(Math.abs(once[i * N + j] - sum) < tolerance, `(${i}, ${j}): expected ${sum}, got ${once[i * N + j]}`)
        assert.ok(Math.abs(twice[i * N + j] - 2 * sum) < 2 * tolerance, `(${i}, ${j}) added: expected ${2 * sum}, got ${twice[i * N + j]}`)
      }
    })
  }
})
