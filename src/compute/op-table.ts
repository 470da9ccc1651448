/**
 * Every op of the compute core, described once. The correctness check, the gradient check (both in op-check.ts) and the
 * benchmark read this table and nothing else, so an op that is not in it does not count as existing.
 */
import type { OpSpec } from './op-spec.ts'
import { attentionSpec } from './table/attention.ts'
import { expertFfnSpec, linearSpec, swigluFfnSpec } from './table/dense.ts'
import { routeSigmoidSpec, routeSoftmaxSpec } from './table/routing.ts'
import { embedSpec, residualSpec, rmsNormSpec, ropeSpec } from './table/rows.ts'
import { adamwSpec, headCrossEntropySpec, sumSquaresSpec } from './table/training.ts'

export const opTable: readonly OpSpec[] = [
  embedSpec,
  rmsNormSpec,
  linearSpec,
  ropeSpec,
  attentionSpec,
  swigluFfnSpec,
  routeSigmoidSpec,
  routeSoftmaxSpec,
  expertFfnSpec,
  residualSpec,
  headCrossEntropySpec,
  sumSquaresSpec,
  adamwSpec,
]
