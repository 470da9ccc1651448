/** The linear map, as weights are stored in checkpoints: [out, in]. */
import { dims } from '../dims.ts'
import type { Tensor } from '../tensor.ts'
import { forwardProduct, inputsProduct, weightsProduct } from './linear-products.ts'

/**
 *   y_MN = x_MK · w_NKᵀ      dx = dy · w      dw += dyᵀ · x
 *
 * x_MK    activations; a view of columns will do
 * w_NK    weights, a parameter or a view of its columns
 * addTo   y is added to this instead of a tensor of its own, and `addTo` is returned; it keeps its place on the tape
 * → y_MN
 */
export function linear(x_MK: Tensor, w_NK: Tensor, addTo?: Tensor): Tensor {
  const { machine } = x_MK
  const { M, N } = dims({ x_MK, w_NK })
  const y_MN = addTo ?? machine.tensor([M, N])
  forwardProduct(y_MN, x_MK, w_NK, { accumulate: addTo !== undefined })
  const { tape } = machine
  tape?.record({
    made: addTo ? [] : [y_MN],
    inputs: () => {
      const { gradient, accumulate } = tape.into(x_MK)
      inputsProduct(gradient, tape.gradientOf(y_MN), w_NK, { accumulate })
    },
    weights: () => weightsProduct(w_NK, tape.into(w_NK).gradient, tape.gradientOf(y_MN), x_MK),
  })
  return y_MN
}
