/** Table entries of what is mostly matrix product: the linear map, the gated feed-forward layer, the routed experts. */
import { expertFfn } from '../ops/expert-ffn.ts'
import { linear } from '../ops/linear.ts'
import { swigluFfn } from '../ops/swiglu-ffn.ts'
import { bytesOf, type OpSpec, type OpWork, type Sizes } from '../op-spec.ts'
import * as reference from '../reference/index.ts'

/** Forward, inputs and weights of one product take the same multiply-adds; a weight's gradient is read and written. */
function productWork(flops: number, activations: readonly string[], weights: readonly string[], sizes: Sizes): OpWork {
  const bytes = bytesOf([...activations, ...weights], sizes)
  return {
    forward: { flops, bytes },
    inputs: { flops, bytes },
    weights: { flops, bytes: bytes + bytesOf(weights, sizes) },
  }
}

/** y = x · wᵀ */
export const linearSpec: OpSpec = {
  name: 'linear',
  formula: 'y_MN = x_MK · w_NKᵀ',
  operands: { x_MK: { role: 'input', mayBeView: true }, w_NK: { role: 'weight', mayBeView: true } },
  outputs: { y_MN: 'differentiable' },
  terms: ({ M, N, K }) => Math.max(M, N, K),
  run: (_, { x_MK, w_NK }) => ({ outputs: { y_MN: linear(x_MK, w_NK) } }),
  reference: ({ x_MK, w_NK }, { M, N, K }) => ({ y_MN: reference.linear(x_MK, w_NK, { M: M, N: N, K: K }) }),
  work: (sizes) => productWork(2 * sizes.M * sizes.N * sizes.K, ['x_MK', 'y_MN'], ['w_NK'], sizes),
  checkSizes: [
    { M: 1, N: 1, K: 1 },
    { M: 3, N: 17, K: 5 },
    { M: 17, N: 129, K: 127 },
    { M: 129, N: 127, K: 17 },
    { M: 127, N: 8, K: 3 },
    { M: 7, N: 9, K: 515 },
    { M: 515, N: 6, K: 9 },
    { M: 0, N: 5, K: 3 },
    { M: 5, N: 3, K: 0 },
  ],
  benchSizes: [
    { M: 4096, N: 96, K: 256 },
    { M: 4096, N: 192, K: 96 },
    { M: 4096, N: 80, K: 256 },
    { M: 4096, N: 256, K: 64 },
    { M: 4096, N: 256, K: 128 },
  ],
}

/** The dense or shared feed-forward layer. */
export const swigluFfnSpec: OpSpec = {
  name: 'swigluFfn',
  formula: 'y_MD = (silu(gate) * up) · wDown_DFᵀ,  [gate | up]_MG = x_MD · wGateUp_GDᵀ,  G = 2 F',
  derived: ({ F }) => ({ G: 2 * F }),
  operands: { x_MD: { role: 'input', mayBeView: true }, wGateUp_GD: { role: 'weight' }, wDown_DF: { role: 'weight' } },
  outputs: { y_MD: 'differentiable' },
  terms: ({ M, D, G }) => Math.max(M, D, G),
  run: (_, { x_MD, wGateUp_GD, wDown_DF }) => ({ outputs: { y_MD: swigluFfn(x_MD, wGateUp_GD, wDown_DF) } }),
  reference: ({ x_MD, wGateUp_GD, wDown_DF }, { M, D, F }) => ({
    y_MD: reference.swigluFfn(x_MD, wGateUp_GD, wDown_DF, { M: M, D: D, F: F }),
  }),
  work: (sizes) => productWork(6 * sizes.M * sizes.D * sizes.F, ['x_MD', 'y_MD'], ['wGateUp_GD', 'wDown_DF'], sizes),
  checkSizes: [
    { M: 1, D: 1, F: 1 },
    { M: 17, D: 3, F: 5 },
    { M: 19, D: 33, F: 18 },
    { M: 129, D: 5, F: 7 },
    { M: 0, D: 4, F: 3 },
  ],
  benchSizes: [
    { M: 4096, D: 256, F: 704 },
    { M: 4096, D: 256, F: 128 },
  ],
}

/** The routed experts, with the gate's gradient. */
export const expertFfnSpec: OpSpec = {
  name: 'expertFfn',
  formula: 'y_m = sum over chosen e of gate_me · FFN_e(x_m)',
  derived: ({ M, A, I }) => ({ U: M * A, G: 2 * I }),
  operands: {
    x_MD: { role: 'input' },
    wGateUp_EGD: { role: 'weight' },
    wDown_EDI: { role: 'weight' },
    gate_MA: { role: 'input', use: 'alone' },
    expert_MA: {
      role: 'constant',
      dtype: 'i32',
      // Different experts for one token; the last expert stays without rows wherever it can.
      fill: (rng, count, { E, A }) =>
        Array.from({ length: count / A }, () => {
          const used = Math.max(A, E - 1)
          return rng.shuffle(Array.from({ length: used }, (_, e) => e)).slice(0, A)
        }).flat(),
    },
  },
  outputs: { y_MD: 'differentiable' },
  terms: ({ M, D, G, A }) => Math.max(M, D * A, G),
  run: (machine, { x_MD, wGateUp_EGD, wDown_EDI, gate_MA, expert_MA }, { M, A, E, U }) => {
    const whole = (...shape: number[]) => machine.tensor(shape, 'i32')
    const routing = {
      expert_MA: expert_MA,
      gate_MA: gate_MA,
      offset_F: whole(E + 1),
      tokenOfRow_U: whole(U),
      rowOfChoice_MA: whole(M, A),
      gateOfRow_U: machine.tensor([U]),
      dGateOfRow_U: machine.tape ? machine.tensor([U]) : undefined,
      balance_B: undefined,
    }
    const { offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U, dGateOfRow_U } = routing
    const lists = [offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U].map(({ address }) => address)
    machine.run('sortByExpert', expert_MA.address, gate_MA.address, M, A, E, ...lists)
    const y_MD = expertFfn(x_MD, routing, wGateUp_EGD, wDown_EDI)
    const dGate_MA = () => Array.from(rowOfChoice_MA.data, (row) => dGateOfRow_U!.data[row])
    return { outputs: { y_MD }, gradients: { gate_MA: dGate_MA } }
  },
  reference: ({ x_MD, expert_MA, gate_MA, wGateUp_EGD, wDown_EDI }, { M, D, I, A }) => ({
    y_MD: reference.expertFfn(x_MD, expert_MA, gate_MA, wGateUp_EGD, wDown_EDI, { M: M, D: D, I: I, A: A }),
  }),
  work: (sizes) => productWork(6 * sizes.U * sizes.D * sizes.I, ['x_MD', 'y_MD'], ['wGateUp_EGD', 'wDown_EDI'], sizes),
  checkSizes: [
    { M: 1, D: 1, E: 1, I: 1, A: 1 },
    { M: 17, D: 5, E: 4, I: 3, A: 2 },
    { M: 33, D: 19, E: 6, I: 10, A: 3 },
    { M: 129, D: 3, E: 3, I: 4, A: 1 },
    { M: 0, D: 3, E: 4, I: 2, A: 2 },
  ],
  benchSizes: [{ M: 4096, D: 256, E: 16, I: 128, A: 4 }],
}
