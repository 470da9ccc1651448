/** Root mean square normalisation. */
import { dims } from '../dims.ts'
import { bits } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/** Rows behind one partial sum of the gain's gradient, as in kernels/rowwise.ts. */
const tileRows = 32

/**
 * Scale each row to unit root mean square, then by a learned gain.
 *
 *   y_MD = x_MD * gain_D / sqrt(mean over D of x_MD² + eps)
 *
 * x_MD     activations; a view of columns will do
 * gain_D   learned
 * → y_MD
 */
export function rmsNorm(x_MD: Tensor, gain_D: Tensor, eps = 1e-6): Tensor {
  const { machine } = x_MD
  const { M, D } = dims({ x_MD, gain_D })
  const y_MD = machine.tensor([M, D])
  machine.run('rmsNorm', y_MD.address, x_MD.address, gain_D.address, M, D, x_MD.rowStride, D, bits(eps))
  const { tape } = machine
  tape?.record({
    made: [y_MD],
    inputs: () => {
      const { gradient, accumulate } = tape.into(x_MD)
      const dy_MD = tape.gradientOf(y_MD)
      const partials = machine.heap.allocate(Math.ceil(M / tileRows) * D * 4)
      machine.run(
        'rmsNormBackward',
        gradient.address,
        dy_MD.address,
        x_MD.address,
        gain_D.address,
        tape.into(gain_D).gradient.address,
        M,
        D,
        x_MD.rowStride,
        dy_MD.rowStride,
        bits(eps),
        accumulate ? 1 : 0,
        partials,
      )
      machine.heap.free(partials)
    },
  })
  return y_MD
}
