/**
 * All routed experts of a layer as one op: rows sorted by expert, gathered while the product reads them, no token dropped.
 *
 * The gate multiplies the activation before `down_proj` instead of the output after it: the same number, and then the
 * gate's gradient is a row sum of what backward has anyway, so the experts' outputs need not be kept.
 */
import { dims } from '../dims.ts'
import { release } from '../keeping.ts'
import type { Tensor } from '../tensor.ts'
import { forwardProduct, inputsProduct, weightsProduct } from './linear-products.ts'
import type { Routing } from './route.ts'

/**
 *   y_m = sum over chosen e of gate_me * FFN_e(x_m),   FFN_e(x) = wDown_e · (silu(wGate_e x) * (wUp_e x))
 *
 * x_MD          activations
 * wGateUp_EGD   each expert's `gate_proj` above `up_proj`, G = 2 I
 * wDown_EDI     each expert's `down_proj`
 * → y_MD
 */
export function expertFfn(x_MD: Tensor, routing: Routing, wGateUp_EGD: Tensor, wDown_EDI: Tensor): Tensor {
  const { machine } = x_MD
  const { rowOfChoice_MA, tokenOfRow_U, gateOfRow_U, offset_F } = routing
  const { M, D, G, I, A, U } = dims({ x_MD, wGateUp_EGD, wDown_EDI, rowOfChoice_MA, tokenOfRow_U })
  const groups = { offsets: offset_F, rowCount: U }
  const combine = (out_MD: Tensor, rows_UD: Tensor, accumulate: boolean) =>
    machine.run('combine', out_MD.address, rows_UD.address, rowOfChoice_MA.address, M, D, A, accumulate ? 1 : 0)

  const gateUp_UG = machine.tensor([U, G])
  forwardProduct(gateUp_UG, x_MD, wGateUp_EGD, { groups, leftRows: tokenOfRow_U })
  const h_UI = machine.tensor([U, I])
  machine.run('swiglu', h_UI.address, gateUp_UG.address, U, I, gateOfRow_U.address)
  const out_UD = machine.tensor([U, D])
  forwardProduct(out_UD, h_UI, wDown_EDI, { groups })
  machine.heap.free(h_UI.address)
  const y_MD = machine.tensor([M, D])
  combine(y_MD, out_UD, false)
  machine.heap.free(out_UD.address)
  const { tape } = machine
  if (!tape) {
    machine.heap.free(gateUp_UG.address)
    return y_MD
  }
  let activation_UI: Tensor
  tape.record({
    made: [gateUp_UG, y_MD],
    inputs: () => {
      activation_UI = machine.tensor([U, I])
      inputsProduct(activation_UI, tape.gradientOf(y_MD), wDown_EDI, { groups, leftRows: tokenOfRow_U })
      machine.run('swigluBackward', activation_UI.address, gateUp_UG.address, U, I, gateOfRow_U.address, routing.dGateOfRow_U!.address)
      const dRow_UD = machine.tensor([U, D])
      inputsProduct(dRow_UD, gateUp_UG, wGateUp_EGD, { groups })
      const { gradient, accumulate } = tape.into(x_MD)
      combine(gradient, dRow_UD, accumulate)
      machine.heap.free(dRow_UD.address)
    },
    weights: () => {
      weightsProduct(wDown_EDI, tape.into(wDown_EDI).gradient, tape.gradientOf(y_MD), activation_UI, { groups, leftRows: tokenOfRow_U })
      weightsProduct(wGateUp_EGD, tape.into(wGateUp_EGD).gradient, gateUp_UG, x_MD, { groups, rightRows: tokenOfRow_U })
      machine.heap.free(activation_UI.address)
    },
  })
  release(gateUp_UG, 'input')
  return y_MD
}
