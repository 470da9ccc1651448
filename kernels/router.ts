/**
 * The router: scores, choice of experts, gates; the sort by expert; the sequence-wise balance loss.
 * DeepSeek-V3 report, equations 12 to 20; the bias chooses and never weighs.
 */
import { exp1, sigmoid1 } from './simd'
import { address, nextTile, number, threadIndex, word } from './threads'

const ROWS = 64

// @ts-ignore: decorator
@inline
function at(base: usize, i: i32): usize {
  return base + (<usize>i << 2)
}

/** The place of the largest of x[from .. from + count); the first of equals. */
function argmax(x: usize, from: i32, count: i32): i32 {
  let best = from
  let top = load<f32>(at(x, from))
  for (let i = from + 1; i < from + count; i++) {
    const v = load<f32>(at(x, i))
    if (v > top) {
      top = v
      best = i
    }
  }
  return best
}

/**
 * One token: its logits s_E become scores in place; A experts and gates come out. `kept` of G groups may be chosen from.
 * `choice`: E + G numbers of scratch.
 */
export function routeRow(
  s: usize, bias: usize, experts: usize, gates: usize, E: i32, A: i32, G: i32, kept: i32, isNormalized: bool, scale: f32,
  isSoftmax: bool, choice: usize,
): void {
  const groupScore = at(choice, E)
  const size = E / G
  if (isSoftmax) {
    const top = load<f32>(at(s, argmax(s, 0, E)))
    let total: f32 = 0
    for (let e = 0; e < E; e++) {
      const p = exp1(load<f32>(at(s, e)) - top)
      store<f32>(at(s, e), p)
      total += p
    }
    for (let e = 0; e < E; e++) store<f32>(at(s, e), load<f32>(at(s, e)) / total)
  } else {
    for (let e = 0; e < E; e++) store<f32>(at(s, e), sigmoid1(load<f32>(at(s, e))))
  }
  for (let e = 0; e < E; e++) store<f32>(at(choice, e), load<f32>(at(s, e)) + (bias ? load<f32>(at(bias, e)) : 0))
  if (kept < G) {
    // A group counts by its two best experts (V3) or by its best one (V2).
    for (let g = 0; g < G; g++) {
      const best = argmax(choice, g * size, size)
      let score = load<f32>(at(choice, best))
      if (!isSoftmax && size > 1) {
        let second: f32 = -Infinity
        for (let e = g * size; e < g * size + size; e++) {
          if (e != best && load<f32>(at(choice, e)) > second) second = load<f32>(at(choice, e))
        }
        score += second
      }
      store<f32>(at(groupScore, g), score)
    }
    // The kept groups are marked by +Infinity, the others' experts leave the choice.
    for (let k = 0; k < kept; k++) store<f32>(at(groupScore, bestFinite(groupScore, G)), Infinity)
    for (let e = 0; e < E; e++) if (load<f32>(at(groupScore, e / size)) != Infinity) store<f32>(at(choice, e), -Infinity)
  }
  let total: f32 = 0
  for (let a = 0; a < A; a++) {
    const e = argmax(choice, 0, E)
    store<i32>(at(experts, a), e)
    store<f32>(at(choice, e), -Infinity)
    total += load<f32>(at(s, e))
  }
  const factor = isNormalized ? scale / (total + 1e-20) : scale
  for (let a = 0; a < A; a++) store<f32>(at(gates, a), load<f32>(at(s, load<i32>(at(experts, a)))) * factor)
}

/** Sorts U choices by expert, in order within one: choice_U, and where each expert's begin in offset_(E + 1). */
export function sortChoices(offset: usize, choice: usize, experts: usize, E: i32, U: i32): void {
  memory.fill(offset, 0, <usize>(E + 1) << 2)
  for (let u = 0; u < U; u++) {
    const place = at(offset, load<i32>(at(experts, u)) + 1)
    store<i32>(place, load<i32>(place) + 1)
  }
  for (let e = 0; e < E; e++) store<i32>(at(offset, e + 1), load<i32>(at(offset, e + 1)) + load<i32>(at(offset, e)))
  for (let u = 0; u < U; u++) {
    const place = at(offset, load<i32>(at(experts, u)))
    const row = load<i32>(place)
    store<i32>(at(choice, row), u)
    store<i32>(place, row + 1)
  }
  // Each beginning has moved to the next one's place.
  for (let e = E; e > 0; e--) store<i32>(at(offset, e), load<i32>(at(offset, e - 1)))
  store<i32>(offset, 0)
}

/** The first expert behind e that somebody chose, by the beginnings that `sortChoices` makes; E where there is none. */
export function nextChosen(offset: usize, e: i32, E: i32): i32 {
  do e++
  while (e < E && load<i32>(at(offset, e)) == load<i32>(at(offset, e + 1)))
  return e
}

/**
 * Logits become scores in place; A experts and gates a token come out.
 * 0 scores_ME  1 bias_E or 0  2 experts_MA  3 gates_MA  4 M  5 E  6 A  7 G  8 groups kept  9 divide by the sum
 * 10 scale  11 softmax instead of sigmoid  12 scratch: E + G numbers a thread
 */
export function route(): void {
  const scores = address(0), bias = address(1), experts = address(2), gates = address(3)
  const M = word(4), E = word(5), A = word(6), G = word(7)
  const choice = address(12) + <usize>threadIndex() * (<usize>(E + G) << 2)
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      routeRow(
        at(scores, m * E), bias, at(experts, m * A), at(gates, m * A), E, A, G, word(8), word(9) != 0, number(10), word(11) != 0,
        choice,
      )
    }
  }
}

/** The place of the largest number that is not +Infinity; the first of equals. */
function bestFinite(x: usize, count: i32): i32 {
  let best = -1
  let top: f32 = 0
  for (let i = 0; i < count; i++) {
    const v = load<f32>(at(x, i))
    if (v != Infinity && (best < 0 || v > top)) {
      top = v
      best = i
    }
  }
  return best
}

/**
 * From the gates' gradients to the logits'; the sequence-wise balance loss comes in through its f.
 * 0 dLogits_ME  1 scores_ME  2 experts_MA  3 slots_MA  4 dScale_U  5 M  6 E  7 A  8 divide by the sum  9 scale
 * 10 softmax  11 f_BE or 0  12 T  13 weight of the balance loss for one token: alpha / (B T)
 */
export function routeBackward(): void {
  const dLogits = address(0), scores = address(1), experts = address(2), slots = address(3), dScale = address(4)
  const M = word(5), E = word(6), A = word(7)
  const isNormalized = word(8) != 0
  const scale = number(9)
  const isSoftmax = word(10) != 0
  const fractions = address(11)
  const T = word(12)
  const weight = number(13)
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      const s = at(scores, m * E)
      const d = at(dLogits, m * E)
      for (let e = 0; e < E; e++) store<f32>(at(d, e), 0)
      let total: f32 = 0
      let product: f32 = 0
      for (let a = 0; a < A; a++) {
        const score = load<f32>(at(s, load<i32>(at(experts, m * A + a))))
        total += score
        product += score * load<f32>(at(dScale, load<i32>(at(slots, m * A + a))))
      }
      total += 1e-20
      for (let a = 0; a < A; a++) {
        const g = load<f32>(at(dScale, load<i32>(at(slots, m * A + a))))
        const value = isNormalized ? (scale / total) * (g - product / total) : scale * g
        store<f32>(at(d, load<i32>(at(experts, m * A + a))), value)
      }
      if (fractions) {
        const f = at(fractions, (m / T) * E)
        let sum: f32 = 0
        let mean: f32 = 0
        for (let e = 0; e < E; e++) {
          sum += load<f32>(at(s, e))
          mean += load<f32>(at(s, e)) * load<f32>(at(f, e))
        }
        mean /= sum
        for (let e = 0; e < E; e++) {
          store<f32>(at(d, e), load<f32>(at(d, e)) + (weight / sum) * (load<f32>(at(f, e)) - mean))
        }
      }
      if (isSoftmax) {
        let mean: f32 = 0
        for (let e = 0; e < E; e++) mean += load<f32>(at(d, e)) * load<f32>(at(s, e))
        for (let e = 0; e < E; e++) store<f32>(at(d, e), load<f32>(at(s, e)) * (load<f32>(at(d, e)) - mean))
      } else {
        for (let e = 0; e < E; e++) {
          const v = load<f32>(at(s, e))
          store<f32>(at(d, e), load<f32>(at(d, e)) * v * (1 - v))
        }
      }
    }
  }
}

/**
 * Sequence-wise balance: f_e = E / (A T) times the tokens whose A best unbiased scores include e, P_e the mean
 * normalised score, value = sum f P (1 at perfect balance). One sequence a tile.
 * 0 f_BE  1 value_B  2 scores_ME  3 B  4 T  5 E  6 A  7 scratch: 2 E numbers a thread
 */
export function balance(): void {
  const fractions = address(0), values = address(1), scores = address(2)
  const B = word(3), T = word(4), E = word(5), A = word(6)
  const copy = address(7) + <usize>threadIndex() * (<usize>(2 * E) << 2)
  const means = at(copy, E)
  for (let b = nextTile(0); b < B; b = nextTile(0)) {
    const f = at(fractions, b * E)
    for (let e = 0; e < E; e++) {
      store<f32>(at(f, e), 0)
      store<f32>(at(means, e), 0)
    }
    for (let t = 0; t < T; t++) {
      const s = at(scores, (b * T + t) * E)
      let sum: f32 = 0
      for (let e = 0; e < E; e++) {
        sum += load<f32>(at(s, e))
        store<f32>(at(copy, e), load<f32>(at(s, e)))
      }
      for (let e = 0; e < E; e++) store<f32>(at(means, e), load<f32>(at(means, e)) + load<f32>(at(s, e)) / sum)
      for (let a = 0; a < A; a++) {
        const e = argmax(copy, 0, E)
        store<f32>(at(copy, e), -1)
        store<f32>(at(f, e), load<f32>(at(f, e)) + 1)
      }
    }
    let value: f32 = 0
    for (let e = 0; e < E; e++) {
      const fraction = (load<f32>(at(f, e)) * <f32>E) / <f32>(A * T)
      store<f32>(at(f, e), fraction)
      value += (fraction * load<f32>(at(means, e))) / <f32>T
    }
    store<f32>(at(values, b), value)
  }
}

/**
 * Counting sort of the M A choices by expert, tokens in order within an expert. One thread: it is a few microseconds.
 * 0 experts_MA  1 gates_MA  2 M  3 A  4 E  5 offsets (E + 1)  6 tokenOfRow_U  7 slots_MA (row of a choice)  8 gateOfRow_U
 */
export function sortByExpert(): void {
  if (threadIndex() != 0) return
  const experts = address(0), gates = address(1)
  const M = word(2), A = word(3), E = word(4)
  const offsets = address(5), tokens = address(6), slots = address(7), rowGates = address(8)
  for (let e = 0; e <= E; e++) store<i32>(at(offsets, e), 0)
  for (let i = 0; i < M * A; i++) {
    const p = at(offsets, load<i32>(at(experts, i)) + 1)
    store<i32>(p, load<i32>(p) + 1)
  }
  for (let e = 0; e < E; e++) store<i32>(at(offsets, e + 1), load<i32>(at(offsets, e + 1)) + load<i32>(at(offsets, e)))
  for (let i = 0; i < M * A; i++) {
    const p = at(offsets, load<i32>(at(experts, i)))
    const row = load<i32>(p)
    store<i32>(p, row + 1)
    store<i32>(at(tokens, row), i / A)
    store<i32>(at(slots, i), row)
    store<f32>(at(rowGates, row), load<f32>(at(gates, i)))
  }
  // Each offset has moved to its successor: move them back.
  for (let e = E; e > 0; e--) store<i32>(at(offsets, e), load<i32>(at(offsets, e - 1)))
  store<i32>(offsets, 0)
}
