/**
 * Ablations of precision: the base trained in f32 and in emulated FP8, whole, taken apart, and without its protection. All
 * arms begin with the same weights and read the same rows; each is scored in the arithmetic that it was trained in.
 */
import { type Fp8Policy, fp8Policies } from '../../infrastructure/index.ts'
import type { Ablation, Arm } from './ablation.ts'

const arm = (name: string, says: string, precision?: Fp8Policy): Arm => ({ name, says, change: (base) => base, precision })

const f32 = arm('f32', 'everything in f32')
const policy = arm(
  'fp8',
  'linear products in FP8, scales by tile and block; router, head, sums of gradients and moments in f32',
  fp8Policies.policy,
)

const comparedWith = (control: string, variants: readonly Arm[]) => variants.map(({ name }) => ({ variant: name, control }))

const blind = arm('fp8-blind', 'router, head, sums of gradients and moments in FP8 too, one scale a tensor', fp8Policies.blind)

/**
 * One state at a time. Not the moments, which are in FP8 without any protection only: a training with them alone in E4M3 had
 * not come to its end in twenty times the time of the others. Our reading: second moments round to zero where first ones do
 * not, weights run away, and what is left are subnormal numbers, which are slow.
 */
const states = (['router', 'head', 'sums'] as const).map((state) => {
  const inWords = { router: 'the router', head: 'the head', sums: 'sums of gradients' }[state]
  return arm(`fp8-${state}`, `the policy, and ${inWords} in FP8 too`, { ...fp8Policies.policy, unprotected: [state] })
})

const fp8States: Ablation = {
  name: 'fp8-states',
  claims: ['foundations.protected-states'],
  question: 'Does FP8 come as close as f32, and still when router, head, sums and moments are in FP8 too?',
  metrics: ['loss'],
  plan: () => ({
    arms: [f32, policy, blind, ...states],
    comparisons: [...comparedWith('f32', [policy, blind]), ...comparedWith('fp8', states)],
  }),
}

const parts = [
  arm('fp8-per-tensor', 'the policy with one scale a tensor', fp8Policies.perTensor),
  arm('fp8-storage', 'weights and activations in FP8, gradients not', fp8Policies.storageOnly),
  arm('fp8-compute', 'products in FP8, but activations kept for the weights’ gradient in f32', fp8Policies.computeOnly),
]

const fp8Parts: Ablation = {
  name: 'fp8-parts',
  claims: ['infrastructure.fp8-policy'],
  question: 'What is each part of the FP8 policy worth in loss: fine scales, storage, compute?',
  metrics: ['loss'],
  plan: () => ({ arms: [f32, policy, ...parts], comparisons: comparedWith('f32', [policy, ...parts]) }),
}

const blocks = arm('fp8-blocks', 'the policy with gradients that go back scaled by blocks of 128 tokens', fp8Policies.blockGradients)

const fp8Blocks: Ablation = {
  name: 'fp8-blocks',
  claims: ['evaluation.appendix-signal'],
  question: 'Does it matter that gradients on their way back are scaled by tiles and not by blocks of 128 tokens?',
  metrics: ['loss'],
  plan: () => ({
    arms: [f32, policy, blocks],
    comparisons: [...comparedWith('fp8', [blocks]), ...comparedWith('f32', [policy, blocks])],
  }),
}

/** In the order in which the report meets them. */
export const precisionAblations: readonly Ablation[] = [fp8States, fp8Parts, fp8Blocks]
