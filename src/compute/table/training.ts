/** Table entries of what only training runs: the head with its loss, the sum of squares, the optimizer's step. */
import { bits } from '../machine.ts'
import { headCrossEntropy } from '../ops/head-cross-entropy.ts'
import { bytesOf, noWork, type OpSpec } from '../op-spec.ts'
import * as reference from '../reference/index.ts'
import { uniformBelow } from './fills.ts'

/** Output head and cross-entropy; with a tape, forward does the work of all three passes. */
export const headCrossEntropySpec: OpSpec = {
  name: 'headCrossEntropy',
  formula: 'loss_m = logsumexp(h_m · w_VDᵀ) - (h_m · w_VDᵀ)[target_m]',
  operands: {
    h_MD: { role: 'input' },
    w_VD: { role: 'weight' },
    target_M: { role: 'constant', dtype: 'i32', fill: (rng, count, { V }) => uniformBelow(rng, count, V) },
    // Some positions are left out.
    weight_M: { role: 'constant', fill: (rng, count) => Array.from({ length: count }, () => (rng.below(5) === 0 ? 0 : rng.uniform())) },
  },
  outputs: { loss_M: 'differentiable' },
  terms: ({ M, D, V }) => Math.max(M, D, V),
  run: (_, { h_MD, w_VD, target_M, weight_M }) => ({
    outputs: { loss_M: headCrossEntropy(h_MD, w_VD, target_M, weight_M) },
    cotangents: { loss_M: null },
  }),
  reference: ({ h_MD, w_VD, target_M }, { M, D, V }) => ({
    loss_M: reference.headCrossEntropy(h_MD, w_VD, target_M, { M: M, D: D, V: V }),
  }),
  fixedCotangents: ({ weight_M }) => ({ loss_M: weight_M }),
  work: (sizes) => {
    const flops = 2 * sizes.M * sizes.D * sizes.V
    const bytes = bytesOf(['h_MD', 'w_VD'], sizes)
    return {
      forward: { flops, bytes: bytes + bytesOf(['target_M', 'loss_M'], sizes) },
      inputs: { flops, bytes },
      weights: { flops, bytes: bytes + bytesOf(['w_VD'], sizes) },
    }
  },
  checkSizes: [
    { M: 1, D: 1, V: 1 },
    { M: 17, D: 3, V: 5 },
    { M: 129, D: 17, V: 127 },
    // More rows than one chunk of logits holds.
    { M: 67, D: 2, V: 65_537 },
    { M: 0, D: 3, V: 4 },
  ],
  benchSizes: [{ M: 4096, D: 256, V: 8192 }],
}

/** Behind gradient clipping: partial sums by the kernel, added in order by the host. */
export const sumSquaresSpec: OpSpec = {
  name: 'sumSquares',
  formula: 'total_1 = sum of x_K²',
  derived: () => ({ 1: 1 }),
  operands: { x_K: { role: 'constant' } },
  outputs: { total_1: 'real' },
  terms: ({ K }) => K,
  run: (machine, { x_K }, { K }) => {
    const partials = machine.tensor([Math.ceil(K / 16384)])
    machine.run('sumSquares', partials.address, x_K.address, K)
    return { outputs: { total_1: machine.tensorOf([partials.toArray().reduce((sum, part) => sum + part, 0)], [1]) } }
  },
  reference: ({ x_K }) => ({ total_1: Float64Array.of(reference.sumSquares(x_K)) }),
  work: (sizes) => ({ forward: { flops: 2 * sizes.K, bytes: bytesOf(['x_K'], sizes) }, inputs: noWork, weights: noWork }),
  checkSizes: [{ K: 1 }, { K: 17 }, { K: 129 }, { K: 40_001 }, { K: 0 }],
  benchSizes: [{ K: 2 ** 24 }],
}

/** One step's settings, as f32 holds them: the kernel gets no finer ones. */
const step = {
  lr: Math.fround(1e-2),
  beta1: Math.fround(0.9),
  beta2: Math.fround(0.95),
  eps: Math.fround(1e-8),
  decay: Math.fround(0.1),
  step: 3,
  factor: Math.fround(0.7),
  emaDecay: Math.fround(0.99),
}

/** The optimizer's step, with an average of the weights. */
export const adamwSpec: OpSpec = {
  name: 'adamw',
  formula: 'm, v ← averages of g, g²;  w ← w - lr (m̂ / (sqrt(v̂) + eps) + decay w);  ema ← average of w',
  operands: {
    w_K: { role: 'constant', use: 'alone' },
    g_K: { role: 'constant' },
    m_K: { role: 'constant', use: 'alone' },
    v_K: { role: 'constant', use: 'alone', fill: (rng, count) => Array.from({ length: count }, () => rng.uniform()) },
    ema_K: { role: 'constant', use: 'alone' },
  },
  outputs: { w_K: 'real', m_K: 'real', v_K: 'real', ema_K: 'real' },
  terms: () => 3,
  run: (machine, { w_K, g_K, m_K, v_K, ema_K }, { K }) => {
    const { lr, beta1, beta2, eps, decay, factor, emaDecay } = step
    const addresses = [w_K, g_K, m_K, v_K, ema_K].map((tensor) => tensor.address)
    const corrections = [1 / (1 - beta1 ** step.step), 1 / (1 - beta2 ** step.step)]
    machine.run('adamw', ...addresses, K, ...[lr, beta1, beta2, eps, decay, ...corrections, factor, emaDecay].map(bits))
    return { outputs: { w_K: w_K, m_K: m_K, v_K: v_K, ema_K: ema_K } }
  },
  reference: ({ w_K, g_K, m_K, v_K, ema_K }) => {
    const { w, m, v, ema } = reference.adamw({ w: w_K, m: m_K, v: v_K, ema: ema_K }, g_K, step)
    return { w_K: w, m_K: m, v_K: v, ema_K: ema }
  },
  work: (sizes) => ({
    // w, m, v and the average are read and written, the gradient is read.
    forward: { flops: 17 * sizes.K, bytes: 9 * bytesOf(['w_K'], sizes) },
    inputs: noWork,
    weights: noWork,
  }),
  checkSizes: [{ K: 1 }, { K: 17 }, { K: 40_001 }, { K: 0 }],
  benchSizes: [{ K: 2 ** 22 }],
}
