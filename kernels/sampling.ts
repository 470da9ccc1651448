/**
 * What drawing a token needs of a row of logits: likelihoods relative to the likeliest, their sum, and the logarithm of the
 * sum of all at temperature 1, from which every token's log-probability follows.
 *
 *   w_v = exp((x_v - top) / temperature)      total = sum of w_v, v < known      lse = top + log(sum of exp(x_v - top), v < V)
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
  for (; i + 4 <= count; i += 4) {
    const o = <usize>i << 2
    const e = exp4(f32x4.mul(f32x4.sub(v128.load(x + o), vTop), vInverse))
    sums = f32x4.add(sums, e)
    if (out) v128.store(out + o, e)
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

/** 0 logits_MV  1 w_MV  2 out_M2: total, lse  3 M  4 V  5 known: ids that may be drawn  6 1 / temperature */
export function likelihoods(): void {
  const logits = address(0), weights = address(1), out = address(2)
  const M = word(3), V = word(4), known = word(5)
  const inverse = number(6)
  for (let m = nextTile(0); m < M; m = nextTile(0)) {
    const row = <usize>(m * V) << 2
    const x = logits + row
    let top: f32 = load<f32>(x)
    let v = splat(top)
    let i = 0
    for (; i + 4 <= V; i += 4) v = f32x4.pmax(v, v128.load(x + (<usize>i << 2)))
    top = largest(v)
    for (; i < V; i++) top = max(top, load<f32>(x + (<usize>i << 2)))
    const to = out + (<usize>m << 3)
    const all = exponentials(0, x, V, top, 1)
    store<f32>(to, exponentials(weights + row, x, known, top, inverse))
    store<f32>(to, top + <f32>Math.log(<f64>all), 4)
  }
}
