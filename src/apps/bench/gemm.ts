/**
 * `strata bench gemm`: matrix products in f32 at the sizes that training has, packing included in the time.
 *
 *   NN  C = A B        NT  C = A Bᵀ (a linear layer)        TN  C = Aᵀ B (its weights' gradient)
 */
import { Random } from '../../base/random.ts'
import type { Machine, Tensor } from '../../compute/index.ts'
import { productNN, productNT, productTN, type ProductOptions } from '../../compute/ops/product.ts'
import { tolerance } from '../../compute/tolerance.ts'
import { type BenchCase, measureGroup, type Verdict } from './group.ts'
import type { Effort } from './measure.ts'
import type { BenchResult } from './result.ts'
import type { Rig } from './rig.ts'

/** Rows M, columns N, contracted K. */
interface ProductSize {
  readonly M: number
  readonly N: number
  readonly K: number
}

/** Rows U of all experts together, gathered from M tokens; E experts. */
interface GroupedSize {
  readonly U: number
  readonly E: number
  readonly M: number
  readonly N: number
  readonly K: number
}

const widths = [256, 512, 1024]

/** The sizes: 2048 rows by all pairs of widths, one expert of the `bench` model, and a shape that fits no tile. */
const productSizes: readonly ProductSize[] = [
  ...widths.flatMap((N) => widths.map((K) => ({ M: 2048, N, K }))),
  { M: 512, N: 128, K: 256 },
  { M: 509, N: 131, K: 257 },
]

/** The experts of one layer of the `bench` model: 4,096 tokens, 4 experts each. */
const groupedSize: GroupedSize = { U: 16_384, E: 16, M: 4096, N: 256, K: 256 }

const verifiedElements = 64

const random = (machine: Machine, rng: Random, shape: readonly number[]): Tensor => {
  const tensor = machine.tensor(shape)
  const data = tensor.data
  for (let i = 0; i < data.length; i++) data[i] = 2 * rng.uniform() - 1
  return tensor
}

/**
 * Compares some elements of a product with their sums in float64.
 *
 * @param count     elements there are
 * @param terms     K: products in the longest sum
 * @param element   what the kernel says of element i, and the exact sum
 */
function verify(rng: Random, count: number, terms: number, element: (i: number) => readonly [got: number, exact: number]): Verdict {
  let difference = 0
  let largest = 0
  for (let n = 0; n < verifiedElements; n++) {
    const [got, exact] = element(rng.below(count))
    // Not Math.max: a NaN must stay one.
    difference = Math.abs(got - exact) <= difference ? difference : Math.abs(got - exact)
    largest = Math.max(largest, Math.abs(exact))
  }
  return { error: difference / largest, allowed: tolerance('f32', terms) }
}

/** The three layouts of one size; tensors live in the caller's scope. */
function productCases(machine: Machine, { M, N, K }: ProductSize, rng: Random): BenchCase[] {
  const a_MK = random(machine, rng, [M, K])
  const a_KM = random(machine, rng, [K, M])
  const b_KN = random(machine, rng, [K, N])
  const b_NK = random(machine, rng, [N, K])
  const out_MN = machine.tensor([M, N])
  const layouts = [
    { layout: 'NN', product: () => productNN(out_MN, a_MK, b_KN), a: a_MK, b: b_KN },
    { layout: 'NT', product: () => productNT(out_MN, a_MK, b_NK), a: a_MK, b: b_NK },
    { layout: 'TN', product: () => productTN(out_MN, a_KM, b_KN), a: a_KM, b: b_KN },
  ]
  return layouts.map(({ layout, product, a, b }) => ({
    name: `gemm ${layout}`,
    shape: { M, N, K },
    flops: 2 * M * N * K,
    bytes: 4 * (M * K + K * N + M * N),
    run: product,
    verify: () => {
      const [left, right, out] = [a.data, b.data, out_MN.data]
      return verify(rng, M * N, K, (i) => {
        const [m, n] = [Math.floor(i / N), i % N]
        let exact = 0
        for (let k = 0; k < K; k++) exact += left[layout === 'TN' ? k * M + m : m * K + k] * right[layout === 'NT' ? n * K + k : k * N + n]
        return [out[i], exact]
      })
    },
  }))
}

/** What the experts' layer does: gather while multiplying (NT), back to the rows (NN), and the experts' gradients (TN). */
function groupedCases(machine: Machine, { U, E, M, N, K }: GroupedSize, rng: Random): BenchCase[] {
  const expertOfRow = Array.from({ length: U }, () => rng.below(E)).sort((a, b) => a - b)
  const offsets = machine.tensorOf(
    Array.from({ length: E + 1 }, (_, e) => expertOfRow.filter((expert) => expert < e).length),
    [E + 1],
    'i32',
  )
  const tokenOfRow = machine.tensorOf(
    Array.from({ length: U }, () => rng.below(M)),
    [U],
    'i32',
  )
  const x_MK = random(machine, rng, [M, K])
  const w_ENK = random(machine, rng, [E, N, K])
  const y_UN = random(machine, rng, [U, N])
  const forward_UN = machine.tensor([U, N])
  const back_UK = machine.tensor([U, K])
  const dw_ENK = machine.tensor([E, N, K])
  const groups = { offsets, rowCount: U }
  const gathered: ProductOptions = { groups, leftRows: tokenOfRow }
  const grouped = (layout: string, run: () => void, check: () => Verdict): BenchCase => ({
    name: `grouped gemm ${layout}`,
    shape: { U, E, N, K },
    flops: 2 * U * N * K,
    bytes: 4 * (U * K + U * N + E * N * K),
    run,
    verify: check,
  })
  return [
    grouped(
      'NT, gathered',
      () => productNT(forward_UN, x_MK, w_ENK, gathered),
      () => {
        const [x, w, out, token] = [x_MK.data, w_ENK.data, forward_UN.data, tokenOfRow.data]
        return verify(rng, U * N, K, (i) => {
          const [u, n] = [Math.floor(i / N), i % N]
          let exact = 0
          for (let k = 0; k < K; k++) exact += x[token[u] * K + k] * w[(expertOfRow[u] * N + n) * K + k]
          return [out[i], exact]
        })
      },
    ),
    grouped(
      'NN',
      () => productNN(back_UK, y_UN, w_ENK, { groups }),
      () => {
        const [y, w, out] = [y_UN.data, w_ENK.data, back_UK.data]
        return verify(rng, U * K, N, (i) => {
          const [u, k] = [Math.floor(i / K), i % K]
          let exact = 0
          for (let n = 0; n < N; n++) exact += y[u * N + n] * w[(expertOfRow[u] * N + n) * K + k]
          return [out[i], exact]
        })
      },
    ),
    grouped(
      'TN, gathered',
      () => productTN(dw_ENK, y_UN, x_MK, { groups, rightRows: tokenOfRow }),
      () => {
        const [x, y, out, token, starts] = [x_MK.data, y_UN.data, dw_ENK.data, tokenOfRow.data, offsets.data]
        return verify(rng, E * N * K, Math.ceil(U / E), (i) => {
          const [e, n, k] = [Math.floor(i / (N * K)), Math.floor(i / K) % N, i % K]
          let exact = 0
          for (let u = starts[e]; u < starts[e + 1]; u++) exact += y[u * N + n] * x[token[u] * K + k]
          return [out[i], exact]
        })
      },
    ),
  ]
}

/** What to multiply; the sizes unless a test asks for smaller ones. */
export interface GemmSizes {
  readonly products: readonly ProductSize[]
  readonly grouped: readonly GroupedSize[]
}

/**
 * Measures every size on one thread and on all.
 *
 * @param report called after each group, with groups done and in all
 */
export function benchGemm(
  rig: Rig,
  effort: Effort,
  report: (done: number, all: number) => void,
  sizes: GemmSizes = { products: productSizes, grouped: [groupedSize] },
): BenchResult[] {
  const groups = rig.machines.flatMap((machine) => [
    ...sizes.products.map((size) => ({ machine, cases: (rng: Random) => productCases(machine, size, rng) })),
    ...sizes.grouped.map((size) => ({ machine, cases: (rng: Random) => groupedCases(machine, size, rng) })),
  ])
  return groups.flatMap(({ machine, cases }, i) => {
    using _scope = machine.scope()
    const results = measureGroup(rig, machine, cases(Random.seeded(0).fork('bench/gemm')), effort)
    report(i + 1, groups.length)
    return results
  })
}
