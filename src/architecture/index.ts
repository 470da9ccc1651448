/** The architecture of the DeepSeek-V3 family: sizes, and what follows from them. */
export * from './check-config.ts'
export * from './config.ts'
export * from './counts-per-token.ts'
export * from './counts.ts'
export * from './presets.ts'
export * from './rope-frequencies.ts'
export * from './hf-config.ts'
export * from './tensor-names.ts'
export * from './routed-scale.ts'
export * from './checkpoint-weights.ts'
export { type BalanceLoss, maxViolation, type RouterReport, updateBias } from './moe.ts'
export { latentNormEpsilon } from './mla.ts'
export {
  type Batch,
  createModel,
  forward,
  hiddenStates,
  type LatentKeeper,
  logits,
  type Losses,
  type Model,
  type Objective,
  policyLosses,
  type PolicyLosses,
  targetWeightOf,
  tokenLosses,
} from './model.ts'
export type { FfnParameters, LayerParameters, MlaParameters, ModelParameters, MoeParameters } from './parameters.ts'
