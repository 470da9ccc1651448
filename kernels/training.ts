/** What only training needs: cross-entropy on a chunk of logits, and the optimizer's step. */
import { exp1, exp4, largest, madd, splat, sqrt1, sum } from './simd'
import { address, nextTile, number, word } from './threads'

/**
 * loss_m = logsumexp(logits_m) - logits_m[target_m]; with gradients, logits become (softmax - onehot) * weight_m.
 * 0 logits_MV  1 targets_M  2 weights_M  3 loss_M  4 M  5 V  6 write gradients  7 row stride of logits
 */
export function crossEntropy(): void {
  const logits = address(0), targets = address(1), weights = address(2), losses = address(3)
  const M = word(4), V = word(5)
  const writes = word(6) != 0
  const stride = <usize>word(7) << 2
  for (let m = nextTile(0); m < M; m = nextTile(0)) {
    const row = logits + <usize>m * stride
    const target = row + (<usize>load<u32>(targets + (<usize>m << 2)) << 2)
    let top: f32 = load<f32>(row)
    let v = splat(top)
    let i = 0
    for (; i + 4 <= V; i += 4) v = f32x4.pmax(v, v128.load(row + (<usize>i << 2)))
    top = largest(v)
    for (; i < V; i++) top = max(top, load<f32>(row + (<usize>i << 2)))
    const score = load<f32>(target)
    const vTop = splat(top)
    let s0 = splat(0), s1 = splat(0)
    i = 0
    for (; i + 8 <= V; i += 8) {
      const p = row + (<usize>i << 2)
      const e0 = exp4(f32x4.sub(v128.load(p), vTop)), e1 = exp4(f32x4.sub(v128.load(p, 16), vTop))
      s0 = f32x4.add(s0, e0)
      s1 = f32x4.add(s1, e1)
      if (writes) {
        v128.store(p, e0)
        v128.store(p, e1, 16)
      }
    }
    let total = sum(f32x4.add(s0, s1))
    for (; i < V; i++) {
      const p = row + (<usize>i << 2)
      const e = exp1(load<f32>(p) - top)
      total += e
      if (writes) store<f32>(p, e)
    }
    store<f32>(losses + (<usize>m << 2), top - score + <f32>Math.log(<f64>total))
    if (!writes) continue
    const weight = load<f32>(weights + (<usize>m << 2))
    const factor = weight / total
    const vFactor = splat(factor)
    i = 0
    for (; i + 8 <= V; i += 8) {
      const p = row + (<usize>i << 2)
      const e0 = v128.load(p), e1 = v128.load(p, 16)
      v128.store(p, f32x4.mul(e0, vFactor))
      v128.store(p, f32x4.mul(e1, vFactor), 16)
    }
    for (; i < V; i++) store<f32>(row + (<usize>i << 2), load<f32>(row + (<usize>i << 2)) * factor)
    store<f32>(target, load<f32>(target) - weight)
  }
}

/**
 * One AdamW step:  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= lr (m c1 / (sqrt(v c2) + eps) + decay w), and
 * ema = emaDecay ema + (1 - emaDecay) w where there is one.
 * 0 w  1 g  2 m  3 v  4 ema or 0  5 count  6 lr  7 b1  8 b2  9 eps  10 decay  11 c1 = 1 / (1 - b1^t)  12 c2  13 factor on g  14 emaDecay
 */
export function adamw(): void {
  const w = address(0), g = address(1), m = address(2), v = address(3), ema = address(4)
  const count = word(5)
  const lr = number(6), b1 = number(7), b2 = number(8), eps = number(9), decay = number(10)
  const c1 = number(11), c2 = number(12), factor = number(13), emaDecay = number(14)
  const chunk = 16384
  const vb1 = splat(b1), vb2 = splat(b2), vn1 = splat(1 - b1), vn2 = splat(1 - b2)
  const vc1 = splat(lr * c1), vc2 = splat(c2), vEps = splat(eps), vKeep = splat(1 - lr * decay), vFactor = splat(factor)
  const vEma = splat(emaDecay), vNew = splat(1 - emaDecay)
  for (let t = nextTile(0); t < (count + chunk - 1) / chunk; t = nextTile(0)) {
    const end = (t + 1) * chunk < count ? (t + 1) * chunk : count
    let i = t * chunk
    for (; i + 4 <= end; i += 4) {
      const o = <usize>i << 2
      const grad = f32x4.mul(v128.load(g + o), vFactor)
      const mean = madd(grad, vn1, f32x4.mul(v128.load(m + o), vb1))
      const square = madd(f32x4.mul(grad, grad), vn2, f32x4.mul(v128.load(v + o), vb2))
      const step = f32x4.div(f32x4.mul(mean, vc1), f32x4.add(f32x4.sqrt(f32x4.mul(square, vc2)), vEps))
      const weight = f32x4.sub(f32x4.mul(v128.load(w + o), vKeep), step)
      v128.store(m + o, mean)
      v128.store(v + o, square)
      v128.store(w + o, weight)
      if (ema) v128.store(ema + o, madd(weight, vNew, f32x4.mul(v128.load(ema + o), vEma)))
    }
    for (; i < end; i++) {
      const o = <usize>i << 2
      const grad = load<f32>(g + o) * factor
      const mean = b1 * load<f32>(m + o) + (1 - b1) * grad
      const square = b2 * load<f32>(v + o) + (1 - b2) * grad * grad
      const weight = load<f32>(w + o) * (1 - lr * decay) - (lr * c1 * mean) / (sqrt1(square * c2) + eps)
      store<f32>(m + o, mean)
      store<f32>(v + o, square)
      store<f32>(w + o, weight)
      if (ema) store<f32>(ema + o, emaDecay * load<f32>(ema + o) + (1 - emaDecay) * weight)
    }
  }
}
