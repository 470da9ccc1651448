/**
 * Every op as its formula reads: float64, plain loops, no tensor library. The executable specification that the kernels
 * are checked against, and through finite differences their gradients too.
 */
export { attention } from './attention.ts'
export { nearestE4m3, roundedE4m3 } from './e4m3.ts'
export { expertFfn, swigluFfn } from './feed-forward.ts'
export { linear, matmul } from './matmul.ts'
export { balance, route } from './route.ts'
export { embed, residual, rmsNorm, rope } from './rows.ts'
export { adamw, headCrossEntropy, sumSquares } from './training.ts'
