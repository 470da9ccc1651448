/** Table entries of what touches each row once: embedding, residual sum, RMSNorm, RoPE. */
import { embed } from '../ops/embed.ts'
import { residual } from '../ops/residual.ts'
import { rmsNorm } from '../ops/rms-norm.ts'
import { rope } from '../ops/rope.ts'
import { bytesOf, noWork, type OpSpec, type Sizes } from '../op-spec.ts'
import * as reference from '../reference/index.ts'
import { uniformBelow } from './fills.ts'

const normEpsilon = 1e-6

/** Rows of the table by id. */
export const embedSpec: OpSpec = {
  name: 'embed',
  formula: 'x_MD = table_VD[id_M]',
  operands: {
    id_M: { role: 'constant', dtype: 'i32', fill: (rng, count, { V }) => uniformBelow(rng, count, V) },
    table_VD: { role: 'weight' },
  },
  outputs: { x_MD: 'differentiable' },
  terms: ({ M }) => M,
  run: (_, { id_M, table_VD }) => ({ outputs: { x_MD: embed(id_M, table_VD) } }),
  reference: ({ id_M, table_VD }, { M, D }) => ({ x_MD: reference.embed(id_M, table_VD, { M: M, D: D }) }),
  work: (sizes) => ({
    forward: { flops: 0, bytes: bytesOf(['id_M', 'x_MD', 'x_MD'], sizes) },
    inputs: noWork,
    weights: { flops: sizes.M * sizes.D, bytes: bytesOf(['id_M', 'x_MD', 'x_MD', 'x_MD'], sizes) },
  }),
  checkSizes: [
    { M: 1, V: 1, D: 1 },
    { M: 17, V: 3, D: 5 },
    { M: 127, V: 33, D: 129 },
    { M: 0, V: 4, D: 3 },
  ],
  benchSizes: [{ M: 4096, V: 8192, D: 256 }],
}

/** The residual sum of a stream and two branches. */
export const residualSpec: OpSpec = {
  name: 'residual',
  formula: 'y_MD = x_MD + left_MD + right_MD',
  operands: {
    x_MD: { role: 'input' },
    left_MD: { role: 'input', use: 'taken' },
    right_MD: { role: 'input', use: 'taken' },
  },
  outputs: { y_MD: 'differentiable' },
  terms: () => 3,
  run: (_, { x_MD, left_MD, right_MD }) => ({ outputs: { y_MD: residual(x_MD, left_MD, right_MD) } }),
  reference: ({ x_MD, left_MD, right_MD }) => ({ y_MD: reference.residual(x_MD, left_MD, right_MD) }),
  work: (sizes) => ({
    forward: { flops: 2 * sizes.M * sizes.D, bytes: bytesOf(['x_MD', 'left_MD', 'right_MD', 'y_MD'], sizes) },
    // The branches share the sum's gradient without a copy.
    inputs: { flops: 0, bytes: bytesOf(['y_MD', 'x_MD'], sizes) },
    weights: noWork,
  }),
  checkSizes: [
    { M: 1, D: 1 },
    { M: 17, D: 3 },
    { M: 129, D: 129 },
    { M: 0, D: 4 },
  ],
  benchSizes: [{ M: 4096, D: 256 }],
}

/** Root mean square normalisation; the gain's gradient comes with the input's, in one pass. */
export const rmsNormSpec: OpSpec = {
  name: 'rmsNorm',
  formula: 'y_MD = x_MD * gain_D / sqrt(mean over D of x_MD² + eps)',
  operands: {
    x_MD: { role: 'input', mayBeView: true },
    gain_D: { role: 'weight', fill: (rng, count) => Array.from({ length: count }, () => 1 + 0.1 * rng.normal()) },
  },
  outputs: { y_MD: 'differentiable' },
  terms: ({ M, D }) => Math.max(M, D),
  run: (_, { x_MD, gain_D }) => ({ outputs: { y_MD: rmsNorm(x_MD, gain_D, normEpsilon) } }),
  reference: ({ x_MD, gain_D }, { M, D }) => ({ y_MD: reference.rmsNorm(x_MD, gain_D, { M: M, D: D }, normEpsilon) }),
  work: (sizes) => ({
    forward: { flops: 4 * sizes.M * sizes.D, bytes: bytesOf(['x_MD', 'gain_D', 'y_MD'], sizes) },
    inputs: { flops: 12 * sizes.M * sizes.D, bytes: bytesOf(['x_MD', 'x_MD', 'y_MD', 'gain_D', 'gain_D', 'gain_D'], sizes) },
    weights: noWork,
  }),
  // Not D = 1: the gradient of a norm over one number cancels down to epsilon, and rounding is all that is left.
  checkSizes: [
    { M: 1, D: 3 },
    { M: 3, D: 17 },
    { M: 129, D: 7 },
    { M: 65, D: 129 },
    { M: 17, D: 127 },
    { M: 0, D: 5 },
  ],
  benchSizes: [
    { M: 4096, D: 256 },
    { M: 4096, D: 96 },
  ],
}

const slices = ({ H, O, S }: Sizes) => ({ heads: H, offset: O, stride: S })

const angles =
  (turn: (angle: number) => number) =>
  (_: unknown, count: number, { P }: Sizes) =>
    Array.from({ length: count }, (_, i) => turn(Math.floor(i / P) * 10000 ** -((i % P) / P)))

/** Rotary positions on H slices of 2 P columns, S columns apart, the first at column O. */
export const ropeSpec: OpSpec = {
  name: 'rope',
  formula: '(x0, x1) → (x0 cos - x1 sin, x0 sin + x1 cos) for adjacent pairs of H slices',
  derived: ({ H, O, S }) => ({ X: O + H * S }),
  operands: {
    x_MX: { role: 'input', use: 'alone' },
    cosine_TP: { role: 'constant', fill: angles(Math.cos) },
    sine_TP: { role: 'constant', fill: angles(Math.sin) },
    position_M: { role: 'constant', dtype: 'i32', fill: (rng, count, { T }) => uniformBelow(rng, count, T) },
  },
  outputs: { rotated_MX: 'differentiable' },
  terms: () => 2,
  run: (_, { x_MX, cosine_TP, sine_TP, position_M }, sizes) => {
    const rotation = { cosine_TP: cosine_TP, sine_TP: sine_TP, position_M: position_M }
    return { outputs: { rotated_MX: rope(x_MX, rotation, slices(sizes)) } }
  },
  reference: ({ x_MX, cosine_TP, sine_TP, position_M }, sizes) => {
    const { M, X, P } = sizes
    return { rotated_MX: reference.rope(x_MX, cosine_TP, sine_TP, position_M, { M: M, X: X, P: P }, slices(sizes)) }
  },
  work: ({ M, H, P }) => {
    // Six operations a pair; its two numbers are read and written, its cosine and sine read.
    const once = { flops: 6 * M * H * P, bytes: 4 * M * P * (4 * H + 2) }
    return { forward: once, inputs: once, weights: noWork }
  },
  checkSizes: [
    { M: 1, T: 1, P: 1, H: 1, O: 0, S: 2 },
    { M: 17, T: 129, P: 3, H: 3, O: 5, S: 11 },
    { M: 129, T: 127, P: 4, H: 1, O: 9, S: 8 },
    { M: 0, T: 4, P: 2, H: 2, O: 0, S: 4 },
  ],
  benchSizes: [
    { M: 4096, T: 512, P: 8, H: 4, O: 32, S: 48 },
    { M: 4096, T: 512, P: 8, H: 1, O: 64, S: 16 },
  ],
}
