/** A tensor: a machine, an address, a shape. Contiguous, except that a view of some columns keeps its rows' stride. */
import { invariant } from '../base/errors.ts'
import type { Machine } from './machine.ts'

/** `bf16` is the upper half of an f32: what the optimizer may keep its moments in. */
export type Dtype = 'f32' | 'i32' | 'bf16'

/** Bytes of one number. */
export const dtypeBytes = { f32: 4, i32: 4, bf16: 2 } as const satisfies Readonly<Record<Dtype, number>>

/** Where numbers lie in the heap and how they are to be read; it owns nothing. */
/** Where numbers lie and what shape they have. */
export class Tensor {
  readonly machine: Machine
  #address: number
  readonly shape: readonly number[]
  readonly dtype: Dtype
  /** Numbers in all. */
  readonly count: number
  /** From row to row, in numbers; the last size unless this is a view. */
  readonly rowStride: number
  /** The tensor whose columns this views; itself otherwise. */
  readonly base: Tensor
  /** Where a parameter's gradient is summed up; absent from everything that is not trained. */
  readonly gradient: Tensor | undefined

  constructor(
    machine: Machine,
    address: number,
    shape: readonly number[],
    dtype: Dtype = 'f32',
    view?: { readonly base: Tensor; readonly rowStride: number },
    gradient?: Tensor,
  ) {
    this.machine = machine
    this.#address = address
    this.shape = shape
    this.dtype = dtype
    let count = 1
    for (const size of shape) count *= size
    this.count = count
    this.rowStride = view?.rowStride ?? shape.at(-1) ?? 1
    this.base = view?.base ?? this
    this.gradient = gradient
  }

  /** Address of the first number, in bytes. */
  get address(): number {
    return this.#address
  }

  /** Says that the same numbers lie elsewhere now. Views and copies of the old address do not follow. */
  moveTo(address: number): void {
    this.#address = address
  }

  /** The numbers themselves. Valid until the heap grows: take it anew each time. Not for views, nor for bf16 (bf16.ts). */
  get data(): Float32Array | Int32Array {
    invariant(this.dtype !== 'bf16', 'tensor: expected f32 or i32, got bf16')
    invariant(this.base === this, 'tensor: expected whole rows, got a view of some columns')
    const { buffer } = this.machine.heap.memory
    return this.dtype === 'f32' ? new Float32Array(buffer, this.address, this.count) : new Int32Array(buffer, this.address, this.count)
  }

  /** A copy of the numbers outside the heap, row by row for views. */
  toArray(): Float32Array {
    invariant(this.dtype !== 'bf16', 'tensor: expected f32 or i32, got bf16')
    const width = this.shape.at(-1) ?? 1
    const rows = width === 0 ? 0 : this.count / width
    const out = new Float32Array(this.count)
    const { buffer } = this.machine.heap.memory
    const View = this.dtype === 'f32' ? Float32Array : Int32Array
    for (let row = 0; row < rows; row++) out.set(new View(buffer, this.address + 4 * row * this.rowStride, width), row * width)
    return out
  }
}

/**
 * Columns from..to of a matrix, as a view: no copy, the same rows.
 *
 * @param x_MX a matrix (or a parameter, whose gradient is viewed alike)
 */
export function columns(x_MX: Tensor, from: number, to: number): Tensor {
  const [rows, width] = x_MX.shape
  invariant(x_MX.shape.length === 2 && from >= 0 && to <= width && from <= to, `columns: expected 0 ≤ ${from} ≤ ${to} ≤ ${width}`)
  const view = { base: x_MX.base, rowStride: x_MX.rowStride }
  const gradient = x_MX.gradient && columns(x_MX.gradient, from, to)
  return new Tensor(x_MX.machine, x_MX.address + 4 * from, [rows, to - from], x_MX.dtype, view, gradient)
}
