/**
 * Matrix products as the ops use them: which kernel, which packing, how high a tile. Sizes are read from the tensors.
 *
 * Letters here are BLAS's: out_MN, contracted K. Kernels: kernels/gemm.ts.
 */
import type { Machine } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/** Rows in groups, each with a matrix of its own: experts. */
export interface Groups {
  /** E + 1 row offsets, ascending from 0, i32. */
  readonly offsets: Tensor
  /** Rows of all groups together: offsets[E]. */
  readonly rowCount: number
}

export interface ProductOptions {
  /** Add to `out` instead of writing it. */
  readonly accumulate?: boolean
  readonly groups?: Groups
  /** Row numbers: row i of the left operand is row `leftRows[i]` of the tensor given. */
  readonly leftRows?: Tensor
  /** The same for the right operand of `productTN`. */
  readonly rightRows?: Tensor
}

const microRows = 6
const tileRows = 96

/** Rows in a tile: the whole 96 unless that would leave threads without work. Never changes a result. */
function tileHeight(machine: Machine, rows: number): number {
  const fair = Math.ceil(rows / (4 * machine.threads * microRows)) * microRows
  return Math.min(tileRows, Math.max(microRows, fair))
}

/** [0, M] for a product without groups. */
function wholeRange(machine: Machine, rows: number): number {
  new Int32Array(machine.heap.memory.buffer, machine.wholeRange, 2)[1] = rows
  return machine.wholeRange
}

/** A right operand in the panels that the kernel reads. Give it back with `free`. */
export interface Packed {
  readonly address: number
  readonly N: number
  readonly K: number
  readonly groupCount: number
  free(): void
}

/**
 * Packs the right operand of a product, for one use or several.
 *
 * @param b            b_KN, or b_NK when `isTransposed`; with a leading dimension: one matrix a group
 * @param isTransposed whether rows of `b` are columns of the product
 */
export function pack(b: Tensor, isTransposed: boolean): Packed {
  const { machine, shape } = b
  const groupCount = shape.length === 3 ? shape[0]! : 1
  const [first, second] = shape.slice(-2) as [number, number]
  const [N, K] = isTransposed ? [first, second] : [second, first]
  const address = machine.heap.allocate(groupCount * Math.ceil(N / 8) * 8 * K * 4)
  machine.run('pack', address, b.address, N, K, b.rowStride, isTransposed ? 1 : 0, groupCount, first * b.rowStride)
  return { address, N, K, groupCount, free: () => machine.heap.free(address) }
}

/** out_MN (+)= a_MK · b, with b packed; with groups, rows of group e use the e-th matrix of b. */
export function productPacked(out_MN: Tensor, a_MK: Tensor, b: Packed, options: ProductOptions = {}): void {
  const { accumulate = false, groups, leftRows } = options
  const { machine } = out_MN
  const M = groups?.rowCount ?? leftRows?.count ?? a_MK.shape[0]!
  machine.run(
    'gemm',
    out_MN.address,
    a_MK.address,
    b.address,
    b.N,
    b.K,
    out_MN.rowStride,
    a_MK.rowStride,
    leftRows?.address ?? 0,
    accumulate ? 1 : 0,
    b.groupCount,
    groups?.offsets.address ?? wholeRange(machine, M),
    tileHeight(machine, M),
    machine.gemmScratch,
  )
}

function packAndMultiply(out_MN: Tensor, a_MK: Tensor, b: Tensor, isTransposed: boolean, options: ProductOptions): void {
  const packed = pack(b, isTransposed)
  productPacked(out_MN, a_MK, packed, options)
  packed.free()
}

/** out_MN (+)= a_MK · b_NKᵀ; with groups, rows of group e use b_ENK[e]. */
export function productNT(out_MN: Tensor, a_MK: Tensor, b_NK: Tensor, options: ProductOptions = {}): void {
  packAndMultiply(out_MN, a_MK, b_NK, true, options)
}

/** out_MN (+)= a_MK · b_KN; with groups, rows of group e use b_EKN[e]. */
export function productNN(out_MN: Tensor, a_MK: Tensor, b_KN: Tensor, options: ProductOptions = {}): void {
  packAndMultiply(out_MN, a_MK, b_KN, false, options)
}

/** out_MN (+)= a_KMᵀ · b_KN; with groups, out_EMN[e] sums over the rows of group e. */
export function productTN(out_MN: Tensor, a_KM: Tensor, b_KN: Tensor, options: ProductOptions = {}): void {
  const { accumulate = false, groups, leftRows, rightRows } = options
  const { machine } = out_MN
  const groupCount = groups ? out_MN.shape[0]! : 1
  const [M, N] = out_MN.shape.slice(-2) as [number, number]
  const K = groups?.rowCount ?? a_KM.shape[0]!
  const packed = machine.heap.allocate(K * Math.ceil(N / 8) * 8 * 4)
  machine.run(
    'gemmTransposed',
    out_MN.address,
    a_KM.address,
    b_KN.address,
    M,
    N,
    out_MN.rowStride,
    a_KM.rowStride,
    b_KN.rowStride,
    leftRows?.address ?? 0,
    rightRows?.address ?? 0,
    accumulate ? 1 : 0,
    groupCount,
    groups?.offsets.address ?? wholeRange(machine, K),
    M * out_MN.rowStride,
    tileHeight(machine, M * groupCount),
    packed,
    machine.gemmScratch,
  )
  machine.heap.free(packed)
}
