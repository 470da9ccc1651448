/**
 * The seam of low precision: how the operands of linear products are rounded, decided by whoever sets `machine.precision`.
 *
 * A linear map has three products, each of two operands: y = x wᵀ, dx = dy w, dw += dyᵀ x. Ops ask here before each of them
 * and know no policy. Without a precision an operand is the tensor itself: no copy, the same bits.
 */
import { roundToE4m3, type RoundingRows, type Scaling } from './e4m3.ts'
import type { Tensor } from './tensor.ts'

/** y = x wᵀ, the gradient of x, or the gradient of w. */
export type LinearProduct = 'forward' | 'inputs' | 'weights'

/** One operand of one product of a parameter. */
export interface LinearOperand {
  readonly product: LinearProduct
  readonly operand: 'activation' | 'weight' | 'gradient'
  /** The parameter that the product belongs to, or a view of its columns. */
  readonly weight: Tensor
  /** What would be multiplied. */
  readonly tensor: Tensor
}

/** What a precision decides. */
export interface LinearPrecision {
  /** How an operand is rounded on its way into its product; null leaves it as it is. */
  readonly scalingOf: (operand: LinearOperand) => Scaling | null
}

/** An operand as a product reads it. */
export interface ReadyOperand {
  readonly tensor: Tensor
  /** Row numbers that still hold; a copy in their order needs none. */
  readonly rows: Tensor | undefined
  /** Gives a copy back. */
  readonly free: () => void
}

const nothing = () => {}

/**
 * An operand in the precision of its machine.
 *
 * @param rows the order in which the product reads it, and its groups: scales that several rows share follow both
 */
export function ready(operand: LinearOperand, rows: RoundingRows = {}): ReadyOperand {
  const { tensor } = operand
  const { machine } = tensor
  const scaling = machine.precision?.scalingOf(operand) ?? null
  if (scaling === null) return { tensor, rows: rows.from, free: nothing }
  const isByRows = scaling !== 'none' && scaling.rows > 1 && Number.isFinite(scaling.rows)
  const copy = roundToE4m3(tensor, scaling, isByRows ? rows : {})
  return { tensor: copy, rows: isByRows ? undefined : rows.from, free: () => machine.heap.free(copy.address) }
}
