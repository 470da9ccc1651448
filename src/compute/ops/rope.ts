/** Rotary position embedding on adjacent pairs, in place. */
import { dims } from '../dims.ts'
import { bits } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/** Cosines and sines of every position and pair, and the position of every row. */
export interface Rotation {
  /** Rows of R / 2 cosines, one row a position. */
  readonly cosine_TP: Tensor
  readonly sine_TP: Tensor
  /** Position of each row of the batch, i32. */
  readonly position_M: Tensor
}

/**
 * Rotates slices of R numbers in each row of x, where they lie:
 *
 *   (x0, x1) → (x0 cos - x1 sin, x0 sin + x1 cos)    for each adjacent pair
 *
 * x_MX       rows; slices start at column `offset + h * stride` for h < heads
 * rotation   tables with R / 2 columns
 * → x_MX, the same tensor. Its gradient is rotated back where it lies.
 */
export function rope(x_MX: Tensor, rotation: Rotation, slices: { heads: number; offset: number; stride: number }): Tensor {
  const { machine } = x_MX
  const { position_M, cosine_TP } = rotation
  const { M, P } = dims({ x_MX, position_M, cosine_TP })
  const turn = (x: Tensor, sign: number) =>
    machine.run(
      'rope',
      x.address + 4 * slices.offset,
      M,
      slices.heads,
      2 * P,
      x.rowStride,
      slices.stride,
      cosine_TP.address,
      rotation.sine_TP.address,
      position_M.address,
      bits(sign),
    )
  turn(x_MX, 1)
  const { tape } = machine
  tape?.record({ made: [], inputs: () => turn(tape.gradientOf(x_MX), -1) })
  return x_MX
}
