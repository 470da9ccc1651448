/** Table entries of the router, in the manner of V3 and in that of V2. */
import { route } from '../ops/route.ts'
import { bytesOf, noWork, type OpSpec, type Sizes } from '../op-spec.ts'
import * as reference from '../reference/index.ts'

interface Manner {
  readonly gate: 'sigmoid' | 'softmax'
  readonly hasBias: boolean
  readonly isGateNormalized: boolean
  readonly routedScale: number
}

/** α of the balance loss, large so that it counts beside the gates. */
const alpha = 0.5

function routeSpec(name: string, formula: string, manner: Manner, checkSizes: readonly Sizes[]): OpSpec {
  const rule = ({ A, groups, kept }: Sizes) => ({
    activeExpertCount: A,
    groupCount: groups,
    activeGroupCount: kept,
    gate: manner.gate,
    isGateNormalized: manner.isGateNormalized,
    routedScale: manner.routedScale,
  })
  return {
    name,
    formula,
    derived: ({ B, T, A, E }) => ({ M: B * T, U: B * T * A, F: E + 1 }),
    operands: {
      logits_ME: { role: 'input', use: 'alone' },
      bias_E: { role: 'constant', fill: (rng, count) => Array.from({ length: count }, () => 0.2 * rng.normal()) },
    },
    outputs: {
      score_ME: 'real',
      expert_MA: 'whole',
      gate_MA: 'real',
      offset_F: 'whole',
      tokenOfRow_U: 'whole',
      rowOfChoice_MA: 'whole',
      gateOfRow_U: 'differentiable',
      balance_B: 'differentiable',
    },
    terms: ({ E, T }) => E * Math.sqrt(T),
    run: (machine, { logits_ME, bias_E }, sizes) => {
      const options = { ...rule(sizes), balance: { alpha, length: sizes.T } }
      const routing = route(logits_ME, manner.hasBias ? bias_E : null, options)
      const { expert_MA, gate_MA, offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U, dGateOfRow_U, balance_B } = routing
      return {
        outputs: {
          score_ME: logits_ME,
          expert_MA,
          gate_MA,
          offset_F,
          tokenOfRow_U,
          rowOfChoice_MA,
          gateOfRow_U,
          balance_B: balance_B!,
        },
        cotangents: { gateOfRow_U: machine.tape ? dGateOfRow_U! : null, balance_B: null },
      }
    },
    reference: ({ logits_ME, bias_E }, sizes) => {
      const { B, T, E, A, M } = sizes
      const routing = reference.route(logits_ME, manner.hasBias ? bias_E : null, { M: M, E: E }, rule(sizes))
      return { ...routing, balance_B: reference.balance(routing.score_ME, { B: B, T: T, E: E, A: A }) }
    },
    // The loss is α times the mean over sequences.
    fixedCotangents: (_, { B }) => ({ balance_B: new Float64Array(B).fill(alpha / B) }),
    work: (sizes) => {
      const { M, E } = sizes
      const lists = ['expert_MA', 'gate_MA', 'tokenOfRow_U', 'rowOfChoice_MA', 'gateOfRow_U']
      return {
        // Four operations a score, the choice not counted.
        forward: { flops: 4 * M * E, bytes: bytesOf(['logits_ME', 'score_ME', ...lists], sizes) },
        inputs: { flops: 4 * M * E, bytes: bytesOf(['score_ME', 'logits_ME', 'expert_MA', 'rowOfChoice_MA', 'gateOfRow_U'], sizes) },
        weights: noWork,
      }
    },
    checkSizes,
    benchSizes: [{ B: 8, T: 512, E: 16, A: 4, groups: 4, kept: 2 }],
  }
}

/** V3: sigmoid gates, a bias that chooses, renormalised. */
export const routeSigmoidSpec = routeSpec(
  'route (sigmoid)',
  's = sigmoid(logit); top A of s + bias in the top groups; gate = scale · s / sum of the chosen s',
  { gate: 'sigmoid', hasBias: true, isGateNormalized: true, routedScale: 2.5 },
  [
    { B: 1, T: 1, E: 1, A: 1, groups: 1, kept: 1 },
    { B: 1, T: 17, E: 8, A: 2, groups: 1, kept: 1 },
    { B: 3, T: 43, E: 12, A: 3, groups: 4, kept: 2 },
    { B: 1, T: 127, E: 17, A: 5, groups: 1, kept: 1 },
    { B: 0, T: 3, E: 4, A: 2, groups: 2, kept: 1 },
  ],
)

/** V2: softmax gates, no bias, not renormalised, groups by their best expert. */
export const routeSoftmaxSpec = routeSpec(
  'route (softmax)',
  's = softmax(logits); top A of s in the top groups; gate = scale · s',
  { gate: 'softmax', hasBias: false, isGateNormalized: false, routedScale: 16 },
  [
    { B: 1, T: 1, E: 2, A: 1, groups: 1, kept: 1 },
    { B: 2, T: 33, E: 15, A: 3, groups: 5, kept: 2 },
    { B: 1, T: 129, E: 6, A: 2, groups: 6, kept: 3 },
    { B: 0, T: 3, E: 4, A: 2, groups: 1, kept: 1 },
  ],
)
