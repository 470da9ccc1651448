/**
 * What drawing a token needs of a row of logits: likelihoods relative to the likeliest, their sum, and the logarithm of the
 * sum of all at temperature 1, from which every token's log-probability follows.
 *
 *   w_v = exp((x_v - top) / temperature)      total = sum of w_v, v < known      lse = top + log(sum of exp(x_v - top), v < V)
 *   drawn: the first v with w_0 + … + w_v > uniform * total
 *
 * A row's result does not depend on the other rows: threads take whole rows. Plain twin: src/inference/sampling.ts.
 */
import { exp1, exp4, largest, splat, sum } from './simd'
import { address, nextTile, number, word } from './threads'

/** The sum of exp((x - top) * inverse) over a row, written to `out` if there is one. */
function exponentials(out: usize, x: usize, count: i32, top: f32, inverse: f32): f32 {
  const vTop = splat(top), vInverse = splat(inverse)
  let sums = splat(0)
  let i = 0
  for (; i + 8 <= count; i += 8) {
    const o = <usize>i << 2
    const e0 = exp4(f32x4.mul(f32x4.sub(v128.load(x + o), vTop), vInverse))
    const e1 = exp4(f32x4.mul(f32x4.sub(v128.load(x + o, 16), vTop), vInverse))
    sums = f32x4.add(f32x4.add(sums, e0), e1)
    if (out) {
      v128.store(out + o, e0)
      v128.store(out + o, e1, 16)
    }
  }
  let total = sum(sums)
  for (; i < count; i++) {
    const o = <usize>i << 2
    const e = exp1((load<f32>(x + o) - top) * inverse)
    total += e
    if (out) store<f32>(out + o, e)
  }
  return total
}

/** The first id at which the weights so far exceed a mass; the last one of any weight where rounding leaves none. */
function pick(weights: usize, known: i32, mass: f64): i32 {
  let last = 0
  for (let id = 0; id < known; id++) {
    const weight = load<f32>(weights + (<usize>id << 2))
    if (weight == 0) continue
    mass -= <f64>weight
    last = id
    if (mass < 0) break
  }
  return last
}

/**
 * 0 logits_MV  1 w_MV  2 out_M2: total, lse  3 M  4 V  5 known: ids that may be drawn  6 1 / temperature
 * 7 uniform_M, f64, from 0 to 1  8 id_M, i32, drawn with them
 */
export function likelihoods(): void {
  const logits = address(0), weights = address(1), out = address(2), uniforms = address(7), ids = address(8)
  const M = word(3), V = word(4), known = word(5)
  const inverse = number(6)
  for (let m = nextTile(0); m < M; m = nextTile(0)) {
    const row = <usize>(m * V) << 2
    const x = logits + row, w = weights + row
    let top: f32 = load<f32>(x)
    let v = splat(top)
    let i = 0
    for (; i + 4 <= V; i += 4) v = f32x4.pmax(v, v128.load(x + (<usize>i << 2)))
    top = largest(v)
    for (; i < V; i++) top = max(top, load<f32>(x + (<usize>i << 2)))
    const to = out + (<usize>m << 3)
    const total = exponentials(w, x, known, top, inverse)
    // At temperature 1 the weights are what the sum of all needs.
    const all = inverse == 1 ? total + exponentials(0, x + (<usize>known << 2), V - known, top, 1) : exponentials(0, x, V, top, 1)
    store<f32>(to, total)
    store<f32>(to, top + <f32>Math.log(<f64>all), 4)
    store<i32>(ids + (<usize>m << 2), pick(w, known, <f64>total * load<f64>(uniforms + (<usize>m << 3))))
  }
}
