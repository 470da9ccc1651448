/** Rows of a table by id. */
import { dims } from '../dims.ts'
import type { Tensor } from '../tensor.ts'

/**
 *   x_MD = table_VD[id_M]
 *
 * id_M       i32, each below V (checked by whoever made the batch)
 * table_VD   a parameter
 * → x_MD
 */
export function embed(id_M: Tensor, table_VD: Tensor): Tensor {
  const { machine } = table_VD
  const { M, D } = dims({ id_M, table_VD })
  const x_MD = machine.tensor([M, D])
  machine.run('embed', x_MD.address, table_VD.address, id_M.address, M, D)
  const { tape } = machine
  tape?.record({
    made: [x_MD],
    inputs: () => {},
    weights: () => machine.run('embedBackward', tape.into(table_VD).gradient.address, tape.gradientOf(x_MD).address, id_M.address, M, D),
  })
  return x_MD
}
