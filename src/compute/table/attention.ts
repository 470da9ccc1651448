/** The table entry of attention. */
import { attention } from '../ops/attention.ts'
import { bytesOf, noWork, type OpSpec } from '../op-spec.ts'
import * as reference from '../reference/index.ts'

const scaleOf = (N: number, R: number) => Math.fround(1 / Math.sqrt(N + R))

/** Causal attention, within documents where `documents` is 1. */
export const attentionSpec: OpSpec = {
  name: 'attention',
  formula: 'out_i = sum over visible j of softmax_j((qNope_i · kNope_j + qRope_i · kRope_j) · scale) v_j, for each head',
  derived: ({ B, T, H, N, R, W }) => ({ M: B * T, X: H * (N + R), Y: H * (N + W), Z: H * W }),
  operands: {
    q_MX: { role: 'input', use: 'alone' },
    kv_MY: { role: 'input', use: 'alone' },
    kRope_MR: { role: 'input', use: 'alone', mayBeView: true },
    start_M: {
      role: 'constant',
      dtype: 'i32',
      // A new document begins at each position with one chance in nine.
      fill: (rng, count, { T }) => {
        let start = 0
        return Array.from({ length: count }, (_, m) => {
          const position = m % T
          if (position === 0) start = 0
          else if (rng.below(9) === 0) start = position
          return start
        })
      },
    },
  },
  outputs: { out_MZ: 'differentiable' },
  terms: ({ T, H, N, R, W }) => Math.max(T, H * (N + R), W),
  run: (_, { q_MX, kv_MY, kRope_MR, start_M }, { T, H, N, R, W, documents }) => {
    const shape = { length: T, headCount: H, nopeWidth: N, ropeWidth: R, valueWidth: W, scale: scaleOf(N, R) }
    const options = documents ? { ...shape, start_M: start_M } : shape
    return { outputs: { out_MZ: attention(q_MX, kv_MY, kRope_MR, options) } }
  },
  reference: ({ q_MX, kv_MY, kRope_MR, start_M }, { B, T, H, N, R, W, documents }) => {
    const sizes = { B: B, T: T, H: H, N: N, R: R, W: W }
    return { out_MZ: reference.attention(q_MX, kv_MY, kRope_MR, documents ? start_M : null, sizes, scaleOf(N, R)) }
  },
  work: (sizes) => {
    const { B, T, H, N, R, W } = sizes
    // Pairs without document masks; the exponentials are not counted.
    const pairs = (B * H * T * (T + 1)) / 2
    const operands = ['q_MX', 'kv_MY', 'kRope_MR', 'out_MZ']
    return {
      forward: { flops: 2 * pairs * (N + R + W), bytes: bytesOf(operands, sizes) },
      // Scores again, then the gradients of shares, values, keys and queries.
      inputs: { flops: 2 * pairs * (3 * (N + R) + 2 * W), bytes: bytesOf([...operands, ...operands], sizes) },
      weights: noWork,
    }
  },
  checkSizes: [
    { B: 1, T: 1, H: 1, N: 1, R: 1, W: 1, documents: 0 },
    { B: 2, T: 17, H: 2, N: 3, R: 2, W: 5, documents: 0 },
    { B: 3, T: 17, H: 3, N: 8, R: 4, W: 8, documents: 1 },
    { B: 1, T: 129, H: 2, N: 5, R: 2, W: 3, documents: 1 },
    { B: 1, T: 97, H: 1, N: 4, R: 4, W: 9, documents: 0 },
    { B: 1, T: 530, H: 1, N: 2, R: 2, W: 3, documents: 0 },
    { B: 1, T: 1030, H: 1, N: 1, R: 2, W: 2, documents: 1 },
    { B: 0, T: 5, H: 2, N: 2, R: 2, W: 3, documents: 0 },
  ],
  benchSizes: [{ B: 8, T: 512, H: 4, N: 32, R: 16, W: 32, documents: 0 }],
}
