/**
 * FP8 as a policy: which operands of which products are kept in E4M3, by which scales, and which states are kept out of it.
 *
 * It is emulated: operands are rounded and multiplied in f32, so a policy shows what FP8 does to a training and saves no time.
 * Norms, embedding and the operators of attention have no product of this kind and stay f32 in every policy; master weights
 * do as well. Source: DeepSeek-V3 report, section 3.3 and appendix B. Claims: foundations.protected-states,
 * infrastructure.fp8-policy, evaluation.appendix-signal.
 */

/**
 * Numbers that share a scale: 128 along the sum of the product (1 x 128 of a row; 128 x 1 of a column where the sum is over
 * tokens), a square of 128 x 128, or all of a tensor.
 */
export type ScaleUnit = 'tile' | 'block' | 'tensor'

/** States that FP8 as published leaves alone. `sums`: the gradient of a batch, summed up before the optimizer reads it. */
export type SensitiveState = 'router' | 'head' | 'sums' | 'moments'

/** A scale for each operand of a linear product; null leaves it in f32. */
export interface Fp8Policy {
  /** y = x wᵀ: the activation. */
  readonly activation: ScaleUnit | null
  /** y = x wᵀ and dx = dy w: the weight. */
  readonly weight: ScaleUnit | null
  /** dx = dy w: the gradient that goes back. */
  readonly gradient: ScaleUnit | null
  /** dw = dyᵀ x: the activation that was kept for it. */
  readonly keptActivation: ScaleUnit | null
  /** dw = dyᵀ x: the gradient. */
  readonly keptGradient: ScaleUnit | null
  /** States that are in FP8 too, with one scale a tensor. */
  readonly unprotected: readonly SensitiveState[]
}

/** As published: tiles of activations and gradients, blocks of weights, sensitive states protected. */
const policy: Fp8Policy = {
  activation: 'tile',
  weight: 'block',
  gradient: 'tile',
  keptActivation: 'tile',
  keptGradient: 'tile',
  unprotected: [],
}

const perTensor: Fp8Policy = {
  activation: 'tensor',
  weight: 'tensor',
  gradient: 'tensor',
  keptActivation: 'tensor',
  keptGradient: 'tensor',
  unprotected: [],
}

/** Policies by name: the published one, it taken apart, and it without protection. */
export const fp8Policies = {
  policy,
  /** One scale a tensor. */
  perTensor,
  /** What is stored is rounded, weights and activations; gradients are not. */
  storageOnly: { ...policy, gradient: null, keptGradient: null },
  /** What products read on the way is rounded; activations are kept for the weights' gradient as they are. */
  computeOnly: { ...policy, keptActivation: null },
  /** Gradients that go back in squares, which cover 128 tokens each, as in appendix B.2. */
  blockGradients: { ...policy, gradient: 'block' },
  /** Nothing is protected, one scale a tensor. */
  blind: { ...perTensor, unprotected: ['router', 'head', 'sums', 'moments'] },
} as const satisfies Readonly<Record<string, Fp8Policy>>

export type Fp8PolicyName = keyof typeof fp8Policies
