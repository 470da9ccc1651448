/**
 * The three products of a linear map in the precision of their machine; with groups of rows, those of experts.
 *
 * Beside product.ts, which multiplies whatever it is given.
 */
import { ready } from '../precision.ts'
import type { Tensor } from '../tensor.ts'
import { productNN, productNT, type ProductOptions, productTN } from './product.ts'

/** y_MN (+)= x_MK · w_NKᵀ */
export function forwardProduct(y_MN: Tensor, x_MK: Tensor, w_NK: Tensor, options: ProductOptions = {}): void {
  const place = { product: 'forward', weight: w_NK } as const
  const x = ready({ ...place, operand: 'activation', tensor: x_MK }, { from: options.leftRows, offsets: options.groups?.offsets })
  const w = ready({ ...place, operand: 'weight', tensor: w_NK })
  productNT(y_MN, x.tensor, w.tensor, { ...options, leftRows: x.rows })
  w.free()
  x.free()
}

/** dx_MK (+)= dy_MN · w_NK */
export function inputsProduct(dx_MK: Tensor, dy_MN: Tensor, w_NK: Tensor, options: ProductOptions = {}): void {
  const place = { product: 'inputs', weight: w_NK } as const
  const dy = ready({ ...place, operand: 'gradient', tensor: dy_MN }, { from: options.leftRows, offsets: options.groups?.offsets })
  const w = ready({ ...place, operand: 'weight', tensor: w_NK })
  productNN(dx_MK, dy.tensor, w.tensor, { ...options, leftRows: dy.rows })
  w.free()
  dy.free()
}

/** dw_NK += dy_MNᵀ · x_MK, for the gradient of the parameter w_NK. */
export function weightsProduct(w_NK: Tensor, dw_NK: Tensor, dy_MN: Tensor, x_MK: Tensor, options: ProductOptions = {}): void {
  const place = { product: 'weights', weight: w_NK } as const
  const { leftRows, rightRows, groups } = options
  const dy = ready({ ...place, operand: 'gradient', tensor: dy_MN }, { from: leftRows, offsets: groups?.offsets })
  const x = ready({ ...place, operand: 'activation', tensor: x_MK }, { from: rightRows, offsets: groups?.offsets })
  productTN(dw_NK, dy.tensor, x.tensor, { ...options, leftRows: dy.rows, rightRows: x.rows, accumulate: true })
  x.free()
  dy.free()
}
