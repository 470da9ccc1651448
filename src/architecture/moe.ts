/**
 * DeepSeekMoE: shared experts that always run, routed experts that a token chooses, no token dropped.
 *
 * Source: DeepSeek-V3 report, equations 12 to 20. Claims: architecture.constrained-routing, architecture.balance-in-design.
 */
import { mean } from '../base/statistics.ts'
import { expertFfn, linear, route, swigluFfn, type Tensor } from '../compute/index.ts'
import type { ModelConfig } from './config.ts'
import type { MoeParameters } from './parameters.ts'

/** How the balance loss enters the objective: alpha > 0, over sequences of `length` rows. */
export interface BalanceLoss {
  readonly alpha: number
  readonly length: number
}

/** What a layer's router did with a batch. */
export interface RouterReport {
  /** Rows of each expert; they sum to tokens times active experts. */
  readonly load: Int32Array
  /** The experts that each token chose, i32 in no particular order; goes with the backward pass, or with the caller's scope. */
  readonly expert_MA: Tensor
  /** Mean over sequences of sum_e f_e P_e: 1 when perfectly even; only when the balance loss was asked for. */
  readonly balance: number | undefined
}

/** What the experts add to the residual stream: branches to be summed, and the router's report. */
export interface MoeOutput {
  readonly branches: readonly Tensor[]
  readonly report: RouterReport
}

/**
 *   branches: FFN_shared(x), sum over chosen e of gate_e FFN_e(x)
 *
 * x_MD normalised rows
 */
export function moe(p: MoeParameters, config: ModelConfig, x_MD: Tensor, balance?: BalanceLoss): MoeOutput {
  const routing = route(linear(x_MD, p.router_ED), p.bias_E, { ...config, balance })
  const routed_MD = expertFfn(x_MD, routing, p.gateUp_EGD, p.down_EDI)
  const offsets = routing.offset_F.data
  const load = Int32Array.from({ length: config.expertCount }, (_, e) => offsets[e + 1] - offsets[e])
  const report = { load, expert_MA: routing.expert_MA, balance: routing.balance_B && mean(routing.balance_B.data) }
  return { branches: p.shared ? [swigluFfn(x_MD, p.shared.gateUp_GD, p.shared.down_DF), routed_MD] : [routed_MD], report }
}

/**
 * Largest overload of an expert: (max load - mean load) / mean load; 0 when even. Source: the loss-free balancing paper.
 *
 * @param load rows of each expert
 */
export function maxViolation(load: ArrayLike<number>): number {
  let total = 0
  let largest = 0
  for (let e = 0; e < load.length; e++) {
    total += load[e]
    largest = Math.max(largest, load[e])
  }
  return total === 0 ? 0 : (largest * load.length) / total - 1
}

/**
 * Moves the selection bias by the load of the whole global batch: down by `speed` where an expert is above the mean, up
 * where it is below. V3 report, section 2.1.2.
 *
 * @param load rows of each expert since the last update
 */
export function updateBias(bias_E: Tensor, load: ArrayLike<number>, speed: number): void {
  const bias = bias_E.data
  let total = 0
  for (let e = 0; e < load.length; e++) total += load[e]
  const mean = total / load.length
  for (let e = 0; e < load.length; e++) bias[e] = bias[e] + speed * Math.sign(mean - load[e])
}
