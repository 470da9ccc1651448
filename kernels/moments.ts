/**
 * The optimizer's step with both moments in bf16, the upper half of an f32: half the bytes that they are kept in.
 *
 * Each moment is widened, moved and used in f32, and rounded to nearest even where it is stored, so a step is that of
 * `adamw` (training.ts), then a rounding of what it leaves; a test holds the two together bit for bit.
 * Source: DeepSeek-V3 report, section 3.3.2 (low-precision optimizer states).
 */
import { madd, splat, sqrt1 } from './simd'
import { address, nextTile, number, word } from './threads'

/** Numbers in a tile, as in `adamw`. */
const CHUNK = 16384

// @ts-ignore: decorator
@inline
/** Four bf16, widened. */
function widened4(p: usize): v128 {
  return i32x4.shl(v128.load16x4_u(p), 16)
}

// @ts-ignore: decorator
@inline
function widened1(p: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(p) << 16)
}

// @ts-ignore: decorator
@inline
/** The bits of a finite number in bf16, to nearest even. */
function rounded1(x: f32): u16 {
  const bits = reinterpret<u32>(x)
  return <u16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)
}

// @ts-ignore: decorator
@inline
/** Stores four finite numbers in bf16, to nearest even. */
function storeRounded4(p: usize, x: v128): void {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1))
  const half = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16)
  v128.store64_lane(p, i16x8.narrow_i32x4_u(half, half), 0)
}

/**
 * m and v are bf16; all else as in `adamw`:
 * 0 w  1 g  2 m  3 v  4 ema or 0  5 count  6 lr  7 b1  8 b2  9 eps  10 decay  11 c1 = 1 / (1 - b1^t)  12 c2  13 factor on g  14 emaDecay
 */
export function adamwBf16(): void {
  const w = address(0), g = address(1), m = address(2), v = address(3), ema = address(4)
  const count = word(5)
  const lr = number(6), b1 = number(7), b2 = number(8), eps = number(9), decay = number(10)
  const c1 = number(11), c2 = number(12), factor = number(13), emaDecay = number(14)
  const vb1 = splat(b1), vb2 = splat(b2), vn1 = splat(1 - b1), vn2 = splat(1 - b2)
  const vc1 = splat(lr * c1), vc2 = splat(c2), vEps = splat(eps), vKeep = splat(1 - lr * decay), vFactor = splat(factor)
  const vEma = splat(emaDecay), vNew = splat(1 - emaDecay)
  for (let t = nextTile(0); t < (count + CHUNK - 1) / CHUNK; t = nextTile(0)) {
    const end = (t + 1) * CHUNK < count ? (t + 1) * CHUNK : count
    let i = t * CHUNK
    for (; i + 4 <= end; i += 4) {
      const o = <usize>i << 2
      const h = <usize>i << 1
      const grad = f32x4.mul(v128.load(g + o), vFactor)
      const mean = madd(grad, vn1, f32x4.mul(widened4(m + h), vb1))
      const square = madd(f32x4.mul(grad, grad), vn2, f32x4.mul(widened4(v + h), vb2))
      const step = f32x4.div(f32x4.mul(mean, vc1), f32x4.add(f32x4.sqrt(f32x4.mul(square, vc2)), vEps))
      const weight = f32x4.sub(f32x4.mul(v128.load(w + o), vKeep), step)
      storeRounded4(m + h, mean)
      storeRounded4(v + h, square)
      v128.store(w + o, weight)
      if (ema) v128.store(ema + o, madd(weight, vNew, f32x4.mul(v128.load(ema + o), vEma)))
    }
    for (; i < end; i++) {
      const o = <usize>i << 2
      const h = <usize>i << 1
      const grad = load<f32>(g + o) * factor
      const mean = b1 * widened1(m + h) + (1 - b1) * grad
      const square = b2 * widened1(v + h) + (1 - b2) * grad * grad
      const weight = load<f32>(w + o) * (1 - lr * decay) - (lr * c1 * mean) / (sqrt1(square * c2) + eps)
      store<u16>(m + h, rounded1(mean))
      store<u16>(v + h, rounded1(square))
      store<f32>(w + o, weight)
      if (ema) store<f32>(ema + o, emaDecay * load<f32>(ema + o) + (1 - emaDecay) * weight)
    }
  }
}
