/** The kernels' numbers, in the order of the switch in kernels/index.ts (a test compares the two). */
export const opcodes = {
  probeMultiplyAdd: 0,
  probeStream: 1,
  pack: 2,
  gemm: 3,
  gemmTransposed: 4,
  attention: 5,
  attentionBackward: 6,
  fill: 7,
  addScaled: 8,
  sumSquares: 9,
  swiglu: 10,
  swigluBackward: 11,
  embed: 12,
  embedBackward: 13,
  rmsNorm: 14,
  rmsNormBackward: 15,
  rope: 16,
  combine: 17,
  route: 18,
  routeBackward: 19,
  balance: 20,
  sortByExpert: 21,
  crossEntropy: 22,
  adamw: 23,
} as const

export type KernelName = keyof typeof opcodes
