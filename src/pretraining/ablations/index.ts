/** Ablations: pairs of small trainings with one mechanism and without it. */
export { ablationBase } from './ablation.ts'
export type { AccumulationArm } from './accumulation.ts'
export type { ArmNumbers } from './arm-numbers.ts'
export { ablationRuns, tokensWithin } from './budget.ts'
export { ablationEventSchemas } from './event-schemas.ts'
export { ablationList, ablationNames, accumulationAblation } from './catalogue.ts'
export type {
  AblationBase,
  AblationDifference,
  AblationEvent,
  AblationResultEvent,
  AccumulationEvent,
  DifferenceEvent,
  IntervalOver,
  MemoryEvent,
  MemorySaving,
  PrecisionEvent,
  Verdict,
} from './events.ts'
export {
  type AblationOptions,
  type AblationOutcome,
  ablationBaseOn,
  ablationMetrics,
  type AblationProgress,
  runAblation,
} from './run-ablation.ts'
export { heldOutShortage } from './paired.ts'
export { allSavings, memoryAblation } from './memory-settings.ts'
export { precisionMetrics, roundings } from './product-errors.ts'
export type { ScoreModel } from './train-arm.ts'
