/**
 * The router, token by token: scores, choice by score plus bias within the best groups, gates without the bias, the
 * order of rows by expert, the sequence-wise balance value. DeepSeek-V3 report, equations 12 to 20.
 */
import { softmax } from './attention.ts'

interface RouteRule {
  /** A: experts that a token visits. */
  readonly activeExpertCount: number
  readonly groupCount: number
  readonly activeGroupCount: number
  readonly gate: 'sigmoid' | 'softmax'
  readonly isGateNormalized: boolean
  readonly routedScale: number
}

/** Where each token goes; U = M A rows, sorted by expert, tokens in order within an expert. */
interface ReferenceRouting {
  readonly score_ME: Float64Array
  readonly expert_MA: Float64Array
  readonly gate_MA: Float64Array
  /** First row of each expert, and the end. */
  readonly offset_F: Float64Array
  readonly tokenOfRow_U: Float64Array
  readonly rowOfChoice_MA: Float64Array
  readonly gateOfRow_U: Float64Array
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** Places of the `count` largest, largest first; of equals the first one. */
function largestOf(values: readonly number[], count: number): number[] {
  const places = values.map((_, place) => place)
  return places.sort((a, b) => values[b] - values[a] || a - b).slice(0, count)
}

/** The experts of one token, best first, by score plus bias: first the groups, then the experts inside them. */
function choose(choice_E: readonly number[], rule: RouteRule): number[] {
  const { groupCount, activeGroupCount, activeExpertCount, gate } = rule
  const groupSize = choice_E.length / groupCount
  // V3 values a group by its two best experts, V2 by its best one.
  const counted = gate === 'sigmoid' ? 2 : 1
  const groupScores = Array.from({ length: groupCount }, (_, group) => {
    const members = choice_E.slice(group * groupSize, (group + 1) * groupSize)
    return largestOf(members, counted).reduce((sum, place) => sum + members[place], 0)
  })
  const kept = new Set(largestOf(groupScores, activeGroupCount))
  const allowed = choice_E.map((score, expert) => (kept.has(Math.floor(expert / groupSize)) ? score : -Infinity))
  return largestOf(allowed, activeExpertCount)
}

/**
 *   s = sigmoid(logit) or softmax(logits)     chosen = top A of s + bias within the top groups
 *   gate = scale · s, or scale · s / (sum of the chosen s + 1e-20)
 *
 * logits_ME   x · wᵀ
 * bias_E      chooses, never weighs; null for none
 */
export function route(
  logits_ME: Float64Array,
  bias_E: Float64Array | null,
  { M, E }: { M: number; E: number },
  rule: RouteRule,
): ReferenceRouting {
  const A = rule.activeExpertCount
  const score_ME = new Float64Array(M * E)
  const expert_MA = new Float64Array(M * A)
  const gate_MA = new Float64Array(M * A)
  for (let m = 0; m < M; m++) {
    const logits = Array.from(logits_ME.subarray(m * E, (m + 1) * E))
    const scores = rule.gate === 'softmax' ? softmax(logits) : logits.map(sigmoid)
    score_ME.set(scores, m * E)
    const chosen = choose(
      scores.map((score, expert) => score + (bias_E ? bias_E[expert] : 0)),
      rule,
    )
    const sum = chosen.reduce((total, expert) => total + scores[expert], 0)
    const divisor = rule.isGateNormalized ? sum + 1e-20 : 1
    chosen.forEach((expert, a) => {
      expert_MA[m * A + a] = expert
      gate_MA[m * A + a] = (rule.routedScale * scores[expert]) / divisor
    })
  }
  return { score_ME, expert_MA, gate_MA, ...sortByExpert(expert_MA, gate_MA, { M, A, E }) }
}

/** The rows of all choices, expert by expert; within an expert in the tokens' order. */
function sortByExpert(
  expert_MA: Float64Array,
  gate_MA: Float64Array,
  { M, A, E }: { M: number; A: number; E: number },
): Pick<ReferenceRouting, 'offset_F' | 'tokenOfRow_U' | 'rowOfChoice_MA' | 'gateOfRow_U'> {
  const offset_F = new Float64Array(E + 1)
  const tokenOfRow_U = new Float64Array(M * A)
  const rowOfChoice_MA = new Float64Array(M * A)
  const gateOfRow_U = new Float64Array(M * A)
  let row = 0
  for (let e = 0; e < E; e++) {
    offset_F[e] = row
    for (let choice = 0; choice < M * A; choice++) {
      if (expert_MA[choice] !== e) continue
      tokenOfRow_U[row] = Math.floor(choice / A)
      gateOfRow_U[row] = gate_MA[choice]!
      rowOfChoice_MA[choice] = row++
    }
  }
  offset_F[E] = row
  return { offset_F, tokenOfRow_U, rowOfChoice_MA, gateOfRow_U }
}

/**
 * The balance value of each sequence, 1 when perfectly even:
 *
 *   f_e = E / (A T) · #{t : s_te among the A largest of s_t}      P_e = mean over t of s_te / sum_j s_tj
 *   value = sum over e of f_e P_e
 *
 * The counts look at scores without bias and groups, and are constants for the gradient.
 *
 * score_ME   M = B T
 * → value_B
 */
export function balance(score_ME: Float64Array, { B, T, E, A }: { B: number; T: number; E: number; A: number }): Float64Array {
  const value_B = new Float64Array(B)
  for (let b = 0; b < B; b++) {
    const visits_E = new Float64Array(E)
    const share_E = new Float64Array(E)
    for (let t = b * T; t < (b + 1) * T; t++) {
      const scores = Array.from(score_ME.subarray(t * E, (t + 1) * E))
      const sum = scores.reduce((total, score) => total + score, 0)
      for (let e = 0; e < E; e++) share_E[e] += scores[e] / sum / T
      for (const e of largestOf(scores, A)) visits_E[e]++
    }
    for (let e = 0; e < E; e++) value_B[b] += ((visits_E[e] * E) / (A * T)) * share_E[e]
  }
  return value_B
}
