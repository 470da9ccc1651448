/** The gated feed-forward layer, dense or shared: one op, because its backward recomputes the activation in place. */
import { dims } from '../dims.ts'
import { release } from '../keeping.ts'
import type { Tensor } from '../tensor.ts'
import { forwardProduct, inputsProduct, weightsProduct } from './linear-products.ts'

/**
 *   [gate | up]_MG = x_MD · wGateUp_GDᵀ      h_MF = silu(gate) * up      y_MD = h_MF · wDown_DFᵀ        G = 2 F
 *
 * x_MD         activations
 * wGateUp_GD   `gate_proj` above `up_proj`
 * wDown_DF     `down_proj`
 * → y_MD. Only [gate | up] is kept, in eight bits if the tape wants that; backward turns it into its own gradient and h comes back on the way.
 */
export function swigluFfn(x_MD: Tensor, wGateUp_GD: Tensor, wDown_DF: Tensor): Tensor {
  const { machine } = x_MD
  const { M, D, G, F } = dims({ x_MD, wGateUp_GD, wDown_DF })
  const gateUp_MG = machine.tensor([M, G])
  forwardProduct(gateUp_MG, x_MD, wGateUp_GD)
  const h_MF = machine.tensor([M, F])
  machine.run('swiglu', h_MF.address, gateUp_MG.address, M, F, 0)
  const y_MD = machine.tensor([M, D])
  forwardProduct(y_MD, h_MF, wDown_DF)
  machine.heap.free(h_MF.address)
  const { tape } = machine
  if (!tape) {
    machine.heap.free(gateUp_MG.address)
    return y_MD
  }
  let activation_MF: Tensor
  tape.record({
    made: [gateUp_MG, y_MD],
    inputs: () => {
      activation_MF = machine.tensor([M, F])
      inputsProduct(activation_MF, tape.gradientOf(y_MD), wDown_DF)
      machine.run('swigluBackward', activation_MF.address, gateUp_MG.address, M, F, 0, 0)
      const { gradient, accumulate } = tape.into(x_MD)
      inputsProduct(gradient, gateUp_MG, wGateUp_GD, { accumulate })
    },
    weights: () => {
      weightsProduct(wDown_DF, tape.into(wDown_DF).gradient, tape.gradientOf(y_MD), activation_MF)
      weightsProduct(wGateUp_GD, tape.into(wGateUp_GD).gradient, gateUp_MG, x_MD)
      machine.heap.free(activation_MF.address)
    },
  })
  release(gateUp_MG, 'input')
  return y_MD
}
