/** The gated feed-forward layer, alone and as one of many experts. */
import { linear } from './matmul.ts'

const silu = (x: number) => x / (1 + Math.exp(-x))

/**
 *   y_MD = (silu(x_MD · wGate_FDᵀ) * (x_MD · wUp_FDᵀ)) · wDown_DFᵀ
 *
 * wGateUp_GD   wGate_FD above wUp_FD; G = 2 F
 */
export function swigluFfn(
  x_MD: Float64Array,
  wGateUp_GD: Float64Array,
  wDown_DF: Float64Array,
  { M, D, F }: { M: number; D: number; F: number },
): Float64Array {
  const gate_MF = linear(x_MD, wGateUp_GD.subarray(0, F * D), { M, N: F, K: D })
  const up_MF = linear(x_MD, wGateUp_GD.subarray(F * D), { M, N: F, K: D })
  const h_MF = gate_MF.map((gate, i) => silu(gate) * up_MF[i])
  return linear(h_MF, wDown_DF, { M, N: D, K: F })
}

/**
 *   y_m = sum over a of gate_ma · FFN_e(x_m)      with e = expert_ma
 *
 * expert_MA, gate_MA   the router's decision
 * wGateUp_EGD          each expert's gate above its up, G = 2 I
 * wDown_EDI
 */
export function expertFfn(
  x_MD: Float64Array,
  expert_MA: Float64Array,
  gate_MA: Float64Array,
  wGateUp_EGD: Float64Array,
  wDown_EDI: Float64Array,
  { M, D, I, A }: { M: number; D: number; I: number; A: number },
): Float64Array {
  const y_MD = new Float64Array(M * D)
  for (let m = 0; m < M; m++) {
    for (let a = 0; a < A; a++) {
      const expert = expert_MA[m * A + a]
      const out_D = swigluFfn(
        x_MD.subarray(m * D, (m + 1) * D),
        wGateUp_EGD.subarray(expert * 2 * I * D, (expert + 1) * 2 * I * D),
        wDown_EDI.subarray(expert * D * I, (expert + 1) * D * I),
        { M: 1, D, F: I },
      )
      for (let d = 0; d < D; d++) y_MD[m * D + d] += gate_MA[m * A + a] * out_D[d]
    }
  }
  return y_MD
}
