/**
 * Every op as its formula reads: float64, plain loops, no tensor library. The executable specification that the kernels
 * are checked against, and through finite differences their gradients too.
 */
export { attention, softmax, type AttentionSizes } from './attention.ts'
export { expertFfn, swigluFfn } from './feed-forward.ts'
export { linear, matmul } from './matmul.ts'
export { balance, route, sortByExpert, type ReferenceRouting, type RouteRule } from './route.ts'
export { embed, residual, rmsNorm, rope, type RotatedSlices } from './rows.ts'
export { adamw, headCrossEntropy, sumSquares, type AdamwState, type AdamwStep } from './training.ts'
