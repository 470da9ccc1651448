/** The compute core: one heap, one pool, ops with both gradients, a tape. */
export { fillBf16, roundToBf16, widenBf16 } from './bf16.ts'
export { dims } from './dims.ts'
export { loadE4m3, roundInPlace, roundToE4m3, type RoundingRows, type Scaling, storeE4m3, type StoredE4m3 } from './e4m3.ts'
export { Heap, heapLimitBytes, type Scope } from './heap.ts'
export { keepAll, type Keeping, release, remakable } from './keeping.ts'
export type { Dialect, KernelChoice } from './kernels.ts'
export { bits, Machine, type MachineOptions } from './machine.ts'
export { attention, type AttentionShape } from './ops/attention.ts'
export {
  type AbsorbedShape,
  attendScratch,
  DecodeSteps,
  expertScratch,
  type ExpertStep,
  type InputNorm,
  type SequenceToken,
} from './ops/decode-steps.ts'
export { kernelEventSchemas } from './event-schemas.ts'
export { embed } from './ops/embed.ts'
export { expertFfn } from './ops/expert-ffn.ts'
export { headCrossEntropy, type WeightOfLoss } from './ops/head-cross-entropy.ts'
export { linear } from './ops/linear.ts'
export { PackedWeights } from './ops/packed-weights.ts'
export { residual } from './ops/residual.ts'
export { rmsNorm } from './ops/rms-norm.ts'
export { rope, type Rotation } from './ops/rope.ts'
export { route, type RouteOptions, type Routing } from './ops/route.ts'
export { swigluFfn } from './ops/swiglu-ffn.ts'
export { type PreparedOp, prepareOp } from './op-bench.ts'
export { compare, type Comparison, type OpCase, opCase, type OpResult, type RunOptions, runOp } from './op-check.ts'
export type { Operand, OpSpec, OpWork, Ran, Sizes, Values, Work } from './op-spec.ts'
export { opTable } from './op-table.ts'
export type { LinearOperand, LinearPrecision, LinearProduct } from './precision.ts'
export { flopsPerRound, type Probe, probeMultiplyAdd, probeStream } from './probe.ts'
export { differentiate, Tape } from './tape.ts'
export { columns, Tensor, type Dtype } from './tensor.ts'
export { type FloatFormat, tolerance } from './tolerance.ts'
export { canJoinVectors, joinVectors, type VectorBits } from './wide-vectors.ts'
