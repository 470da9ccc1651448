/** The residual connection. */
import { dims } from '../dims.ts'
import { bits } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

/**
 *   y_MD = x_MD + sum of branches
 *
 * Each branch must be another op's own output, used nowhere else: its storage is given back at once, because no
 * backward pass reads a branch's value. All branches share y's gradient.
 *
 * → y_MD
 */
export function residual(x_MD: Tensor, ...branches: readonly Tensor[]): Tensor {
  const { machine } = x_MD
  const { M, D } = dims({ x_MD })
  const y_MD = machine.tensor([M, D])
  machine.run('addScaled', y_MD.address, x_MD.address, y_MD.count, bits(1), bits(0))
  for (const branch of branches) machine.run('addScaled', y_MD.address, branch.address, y_MD.count, bits(1), bits(1))
  const { tape } = machine
  for (const branch of branches) {
    if (tape) tape.discard(branch)
    else machine.heap.free(branch.address)
  }
  tape?.record({
    made: [y_MD],
    inputs: () => {
      const dy_MD = tape.gradientOf(y_MD)
      const { gradient, accumulate } = tape.into(x_MD)
      machine.run('addScaled', gradient.address, dy_MD.address, dy_MD.count, bits(1), bits(accumulate ? 1 : 0))
      tape.share(y_MD, branches, x_MD)
    },
  })
  return y_MD
}
