/**
 * Matrices as FP8 (E4M3) keeps them: rounded in place of an exact copy, or stored as bytes with their scales.
 *
 * Rounding returns f32, so a product of two such matrices is the FP8 product but for the order of its sums: FP8 is emulated
 * here and saves no time. Kernels: kernels/e4m3.ts.
 */
import { invariant } from '../base/errors.ts'
import { bits } from './machine.ts'
import { wholeRange } from './ops/product.ts'
import { Tensor } from './tensor.ts'

/**
 * Numbers that share a scale: `rows` by `columns` of a matrix, Infinity for all of them. `none` divides by nothing, so that
 * numbers below 2^-10 vanish and those above 448 become 448.
 */
export type Scaling = { readonly rows: number; readonly columns: number } | 'none'

/** What is to be rounded, where that is not all rows of a matrix in their order. */
export interface RoundingRows {
  /** Row i of the result is row `from[i]`, i32. */
  readonly from?: Tensor
  /** Blocks begin anew with each group of rows: as many row offsets and one more, i32. */
  readonly offsets?: Tensor
}

/**
 * What E4M3 keeps of a matrix, as a tensor of its own.
 *
 * @param x_MK a matrix, a view of columns, or a stack of matrices whose blocks do not reach from one into the next
 */
export function roundToE4m3(x_MK: Tensor, scaling: Scaling, { from, offsets }: RoundingRows = {}): Tensor {
  const { machine } = x_MK
  const columns = x_MK.shape.at(-1)!
  const rows = from?.count ?? (columns === 0 ? 0 : x_MK.count / columns)
  const out = machine.tensor(from ? [rows, columns] : x_MK.shape)
  const perMatrix = offsets === undefined && x_MK.shape.length === 3 ? matrixOffsets(x_MK) : undefined
  const groups = offsets ?? perMatrix
  run(out, x_MK, scaling, { rows, from, groups })
  if (perMatrix) machine.heap.free(perMatrix.address)
  return out
}

/** The same in place, a vector as one row. @param x dense */
export function roundInPlace(x: Tensor, scaling: Scaling): void {
  const row = x.shape.length === 1 ? new Tensor(x.machine, x.address, [1, x.count]) : x
  const perMatrix = row.shape.length === 3 ? matrixOffsets(row) : undefined
  run(row, row, scaling, { rows: row.count / (row.shape.at(-1) || 1), groups: perMatrix })
  if (perMatrix) x.machine.heap.free(perMatrix.address)
}

interface RoundedRows {
  readonly rows: number
  readonly from?: Tensor
  readonly groups?: Tensor
}

function run(out: Tensor, x: Tensor, scaling: Scaling, { rows, from, groups }: RoundedRows): void {
  const { machine } = x
  const columns = x.shape.at(-1)!
  if (rows === 0 || columns === 0) return
  const within = (size: number, all: number) => Math.max(1, Math.min(size, all))
  const block = scaling === 'none' ? { rows: 1, columns } : scaling
  machine.run(
    'roundE4m3',
    out.address,
    x.address,
    columns,
    x.rowStride,
    from?.address ?? 0,
    groups ? groups.count - 1 : 1,
    groups?.address ?? wholeRange(machine, rows),
    within(block.rows, rows),
    within(block.columns, columns),
    bits(scaling === 'none' ? 1 : 0),
  )
}

/** Row offsets of the matrices of a stack. */
function matrixOffsets({ machine, shape: [count, rows] }: Tensor): Tensor {
  return machine.tensorOf(
    Array.from({ length: count + 1 }, (_, index) => index * rows),
    [count + 1],
    'i32',
  )
}

/** Numbers that share a scale in storage: those of a tile of a row. */
const tileColumns = 128

/** A matrix in a byte a number, and an f32 for every 128 numbers of a row. */
export interface StoredE4m3 {
  readonly shape: readonly [rows: number, columns: number]
  /** Addresses in the heap, to be freed with `free`. */
  readonly codes: number
  readonly scales: number
  readonly bytes: number
}

/** Stores a matrix. @param x_MD a matrix or a view of columns */
export function storeE4m3(x_MD: Tensor): StoredE4m3 {
  const { machine } = x_MD
  const [M, D] = x_MD.shape
  invariant(x_MD.shape.length === 2, `storeE4m3: expected a matrix, got a tensor of ${x_MD.shape.length} dimensions`)
  const scaleBytes = 4 * M * Math.ceil(D / tileColumns)
  const codes = machine.heap.allocate(M * D)
  const scales = machine.heap.allocate(scaleBytes)
  machine.run('encodeE4m3', codes, scales, x_MD.address, M, D, x_MD.rowStride)
  return { shape: [M, D], codes, scales, bytes: M * D + scaleBytes }
}

/** Reads a stored matrix back into a tensor of its own. */
export function loadE4m3({ machine }: Pick<Tensor, 'machine'>, { shape: [M, D], codes, scales }: StoredE4m3): Tensor {
  const out_MD = machine.tensor([M, D])
  machine.run('decodeE4m3', out_MD.address, codes, scales, M, D)
  return out_MD
}
