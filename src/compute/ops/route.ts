/** The router's decision as an op: scores, chosen experts, gates, and the order of rows by expert. */
import { invariant } from '../../base/errors.ts'
import { dims } from '../dims.ts'
import { bits } from '../machine.ts'
import type { Tensor } from '../tensor.ts'

export interface RouteOptions {
  readonly activeExpertCount: number
  readonly groupCount: number
  readonly activeGroupCount: number
  readonly gate: 'sigmoid' | 'softmax'
  readonly isGateNormalized: boolean
  readonly routedScale: number
  /** Sequence-wise balance loss: alpha > 0 adds alpha * mean over sequences of sum_e f_e P_e. */
  readonly balance?: { readonly alpha: number; readonly length: number }
}

/** Where each token goes. U = M A rows, sorted by expert, tokens in order within an expert. */
export interface Routing {
  readonly expert_MA: Tensor
  readonly gate_MA: Tensor
  /** Row offsets of the experts, E + 1. */
  readonly offset_F: Tensor
  readonly tokenOfRow_U: Tensor
  readonly rowOfChoice_MA: Tensor
  readonly gateOfRow_U: Tensor
  /** Gradient of `gateOfRow_U`, written by the experts' backward pass; absent without a tape. */
  readonly dGateOfRow_U: Tensor | undefined
  /** Balance value of each sequence (1 when perfectly even), when asked for. */
  readonly balance_B: Tensor | undefined
}

/**
 * score = sigmoid(logit) or softmax; choice by score + bias, at most `activeGroupCount` groups; gate without the bias.
 * DeepSeek-V3 report, equations 12 to 16 and 17 to 20.
 *
 * logits_ME   x · wᵀ; becomes the scores, in place
 * bias_E      selection bias, not trained by gradient; null for none
 * → the routing; loads are differences of `offset_F`
 */
export function route(logits_ME: Tensor, bias_E: Tensor | null, options: RouteOptions): Routing {
  const { machine } = logits_ME
  const { M, E } = dims({ logits_ME })
  if (bias_E) dims({ logits_ME, bias_E })
  const { activeExpertCount: A, groupCount: G, balance } = options
  const expert_MA = machine.tensor([M, A], 'i32')
  const gate_MA = machine.tensor([M, A])
  const offset_F = machine.tensor([E + 1], 'i32')
  const tokenOfRow_U = machine.tensor([M * A], 'i32')
  const rowOfChoice_MA = machine.tensor([M, A], 'i32')
  const gateOfRow_U = machine.tensor([M * A])
  const scratch = machine.heap.allocate(machine.threads * (2 * E + G) * 4)
  const rule = [options.isGateNormalized ? 1 : 0, bits(options.routedScale), options.gate === 'softmax' ? 1 : 0] as const
  machine.run(
    'route',
    logits_ME.address,
    bias_E?.address ?? 0,
    expert_MA.address,
    gate_MA.address,
    M,
    E,
    A,
    G,
    options.activeGroupCount,
    ...rule,
    scratch,
  )
  machine.run(
    'sortByExpert',
    expert_MA.address,
    gate_MA.address,
    M,
    A,
    E,
    offset_F.address,
    tokenOfRow_U.address,
    rowOfChoice_MA.address,
    gateOfRow_U.address,
  )
  let balance_B: Tensor | undefined
  let fraction_BE: Tensor | undefined
  if (balance) {
    const B = balance.length === 0 ? 0 : M / balance.length
    invariant(Number.isInteger(B), `route: expected rows in whole sequences of ${balance.length}, got ${M}`)
    fraction_BE = machine.tensor([B, E])
    balance_B = machine.tensor([B])
    machine.run('balance', fraction_BE.address, balance_B.address, logits_ME.address, B, balance.length, E, A, scratch)
  }
  machine.heap.free(scratch)
  const { tape } = machine
  const dGateOfRow_U = tape ? machine.tensor([M * A]) : undefined
  tape?.record({
    made: [
      expert_MA,
      gate_MA,
      offset_F,
      tokenOfRow_U,
      rowOfChoice_MA,
      gateOfRow_U,
      dGateOfRow_U!,
      ...(balance_B && fraction_BE ? [balance_B, fraction_BE] : []),
    ],
    inputs: () => {
      const weight = balance ? balance.alpha / M : 0
      const { gradient, accumulate } = tape.into(logits_ME)
      invariant(!accumulate, 'route: expected to be the only user of its logits')
      machine.run(
        'routeBackward',
        gradient.address,
        logits_ME.address,
        expert_MA.address,
        rowOfChoice_MA.address,
        dGateOfRow_U!.address,
        M,
        E,
        A,
        ...rule,
        fraction_BE?.address ?? 0,
        balance?.length ?? 1,
        bits(weight),
      )
    },
  })
  return { expert_MA, gate_MA, offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U, dGateOfRow_U, balance_B }
}
