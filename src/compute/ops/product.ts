/**
 * Matrix products as the ops use them: which kernel, which packing, how high a tile. Sizes are read from the tensors.
 *
 * Letters here are BLAS's: out_MN, contracted K. Kernels: kernels/gemm.ts.
 */
import type { Machine } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/** Rows in groups, each with a matrix of its own: experts. */
interface Groups {
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
/** Columns of a panel of packed B. */
export const panelColumns = 8
/** Depth of the kernel's blocks of K. */
const blockDepth = 512
/** Rows in a tile of a plain product, and of a transposed one (whose scratch is sized for it: `Machine`). */
const tileRows = 96
/** Bytes of packed B that tiles work through before they turn to the next columns: larger ones fell out of the cache. */
const spanBytes = 2 ** 21

/**
 * Rows in a tile: the height that ends soonest. Counted are the rows of the busiest thread, and for each tile the first
 * rows that meet a panel of B before it is in the nearest cache, as half a row of micro-tiles. Never changes a result.
 */
function tileHeight(machine: Machine, rows: number): number {
  const { threads } = machine
  let best = microRows
  let least = Infinity
  for (let height = tileRows; height >= microRows; height -= microRows) {
    const cost = Math.ceil(Math.ceil(rows / height) / threads) * (height + microRows / 2)
    if (cost < least) [best, least] = [height, cost]
  }
  return best
}

/** [0, M]: the offsets of rows without groups. */
export function wholeRange(machine: Machine, rows: number): number {
  new Int32Array(machine.heap.memory.buffer, machine.wholeRange, 2)[1] = rows
  return machine.wholeRange
}

/** A right operand in the panels that the kernel reads. */
export interface Panels {
  readonly address: number
  readonly N: number
  readonly K: number
  readonly groupCount: number
}

/** Panels of one's own. Give them back with `free`. */
export interface Packed extends Panels {
  free(): void
}

/** Sizes of a right operand. */
function sizesOf({ shape }: Tensor, isTransposed: boolean) {
  const [first, second] = shape.slice(-2) as [number, number]
  const [N, K] = isTransposed ? [first, second] : [second, first]
  return { N, K, groupCount: shape.length === 3 ? shape[0] : 1, groupRows: first }
}

/**
 * Packs the right operand of a product, for one use or several.
 *
 * @param b            b_KN, or b_NK when `isTransposed`; with a leading dimension: one matrix a group
 * @param isTransposed whether rows of `b` are columns of the product
 */
export function pack(b: Tensor, isTransposed: boolean): Packed {
  const { machine } = b
  const { N, K, groupCount } = sizesOf(b, isTransposed)
  const address = machine.heap.allocate(groupCount * Math.ceil(N / panelColumns) * panelColumns * K * 4)
  packInto(address, b, isTransposed)
  return { address, N, K, groupCount, free: () => machine.heap.free(address) }
}

/** `pack` to where such an operand was packed before. */
export function packInto(address: number, b: Tensor, isTransposed: boolean): void {
  const { N, K, groupCount, groupRows } = sizesOf(b, isTransposed)
  b.machine.run('pack', address, b.address, N, K, b.rowStride, isTransposed ? 1 : 0, groupCount, groupRows * b.rowStride)
}

/** Depth of a slice of K for which `columns` columns of packed B stay within the span, in the kernel's own blocks. */
function sliceDepth(columns: number): number {
  return Math.max(1, Math.floor(spanBytes / (4 * blockDepth * Math.max(columns, 1)))) * blockDepth
}

/** out_MN (+)= a_MK · b, with b packed; with groups, rows of group e use the e-th matrix of b. */
export function productPacked(out_MN: Tensor, a_MK: Tensor, b: Panels, options: ProductOptions = {}): void {
  const { accumulate = false, groups, leftRows } = options
  const { machine } = out_MN
  const M = groups?.rowCount ?? leftRows?.count ?? a_MK.shape[0]
  const height = tileHeight(machine, M)
  // A deep product goes slice by slice of K; each number is still summed in the one order of the blocks.
  const slice = b.groupCount === 1 ? sliceDepth(b.N) : Math.max(b.K, 1)
  for (let k = 0; k === 0 || k < b.K; k += slice) {
    const depth = Math.min(slice, b.K - k)
    machine.run(
      'gemm',
      out_MN.address,
      a_MK.address + 4 * k,
      b.address + 4 * panelColumns * k,
      b.N,
      depth,
      out_MN.rowStride,
      a_MK.rowStride,
      leftRows?.address ?? 0,
      accumulate || k > 0 ? 1 : 0,
      b.groupCount,
      groups?.offsets.address ?? wholeRange(machine, M),
      height,
      machine.gemmScratch,
      Math.max(1, Math.floor(spanBytes / (4 * panelColumns * Math.max(depth, 1)))) * panelColumns,
      b.K,
    )
  }
}

function packAndMultiply(out_MN: Tensor, a_MK: Tensor, b: Tensor, isTransposed: boolean, options: ProductOptions): void {
  const packed = pack(b, isTransposed)
  productPacked(out_MN, a_MK, packed, options)
  packed.free()
}

/** out_MN (+)= a_MK · b_NKᵀ; with groups, rows of group e use b_ENK[e]. */
export function productNT(out_MN: Tensor, a_MK: Tensor, b_NK: Tensor, options: ProductOptions = {}): void {
  const ready = b_NK.machine.packed?.find(b_NK)
  if (ready) productPacked(out_MN, a_MK, ready, options)
  else packAndMultiply(out_MN, a_MK, b_NK, true, options)
}

/** out_MN (+)= a_MK · b_KN; with groups, rows of group e use b_EKN[e]. */
export function productNN(out_MN: Tensor, a_MK: Tensor, b_KN: Tensor, options: ProductOptions = {}): void {
  packAndMultiply(out_MN, a_MK, b_KN, false, options)
}

/** out_MN (+)= a_KMᵀ · b_KN; with groups, out_EMN[e] sums over the rows of group e. */
export function productTN(out_MN: Tensor, a_KM: Tensor, b_KN: Tensor, options: ProductOptions = {}): void {
  const { accumulate = false, groups, leftRows, rightRows } = options
  const { machine } = out_MN
  const groupCount = groups ? out_MN.shape[0] : 1
  const [M, N] = out_MN.shape.slice(-2) as [number, number]
  const K = groups?.rowCount ?? a_KM.shape[0]
  const slice = groups ? Math.max(K, 1) : sliceDepth(N)
  const packed = machine.heap.allocate(Math.min(K, slice) * Math.ceil(N / panelColumns) * panelColumns * 4)
  for (let k = 0; k === 0 || k < K; k += slice) {
    const depth = Math.min(slice, K - k)
    const rowsFrom = (x: Tensor, rows: Tensor | undefined) => (rows ? x.address : x.address + 4 * k * x.rowStride)
    machine.run(
      'gemmTransposed',
      out_MN.address,
      rowsFrom(a_KM, leftRows),
      rowsFrom(b_KN, rightRows),
      M,
      N,
      out_MN.rowStride,
      a_KM.rowStride,
      b_KN.rowStride,
      leftRows ? leftRows.address + 4 * k : 0,
      rightRows ? rightRows.address + 4 * k : 0,
      accumulate || k > 0 ? 1 : 0,
      groupCount,
      groups?.offsets.address ?? wholeRange(machine, depth),
      M * out_MN.rowStride,
      tileHeight(machine, M * groupCount),
      packed,
      machine.gemmScratch,
    )
  }
  machine.heap.free(packed)
}
