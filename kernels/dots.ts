/**
 * Four rows of a matrix with one vector, and weighted sums of rows: attention on the cache is made of them.
 *
 * Nothing is packed: a number of the cache is used once, so it is read where it lies. One row behind the other, because one
 * stream from front to back is what the processor fetches ahead; four sums a row, so that a chain of additions is not waited
 * for.
 */
import { madd, splat } from './simd'

// @ts-ignore: decorator
@inline
function fours(a: v128, b: v128, c: v128, d: v128): v128 {
  // Adds the lanes of each of four vectors: transposes them as two halves and adds the halves.
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

// @ts-ignore: decorator
@inline
/** Four partial sums of w · x over the first K & ~3 numbers. */
function dotParts(w: usize, x: usize, K: i32): v128 {
  let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0)
  let k = 0
  for (; k + 16 <= K; k += 16) {
    s0 = madd(v128.load(w), v128.load(x), s0)
    s1 = madd(v128.load(w, 16), v128.load(x, 16), s1)
    s2 = madd(v128.load(w, 32), v128.load(x, 32), s2)
    s3 = madd(v128.load(w, 48), v128.load(x, 48), s3)
    w += 64
    x += 64
  }
  for (; k + 4 <= K; k += 4) {
    s0 = madd(v128.load(w), v128.load(x), s0)
    w += 16
    x += 16
  }
  return f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3))
}

// @ts-ignore: decorator
@inline
/** Adds the last K % 4 numbers of four rows times x. */
function addRest(total: v128, w0: usize, w1: usize, w2: usize, w3: usize, x: usize, K: i32): v128 {
  for (let k = K & ~3; k < K; k++) {
    const o = <usize>k << 2
    let column = v128.load32_zero(w0 + o)
    column = v128.load_lane<f32>(w1 + o, column, 1)
    column = v128.load_lane<f32>(w2 + o, column, 2)
    column = v128.load_lane<f32>(w3 + o, column, 3)
    total = madd(column, v128.load32_splat(x + o), total)
  }
  return total
}

/**
 * → (w_0 · x, w_1 · x, w_2 · x, w_3 · x), each summed in one fixed order.
 *
 * `stride` in bytes from row to row of w. With fewer than four rows, the first one stands in for those that are not there.
 */
export function dot4(w: usize, stride: usize, rows: i32, x: usize, K: i32): v128 {
  const w1 = rows > 1 ? w + stride : w
  const w2 = rows > 2 ? w + 2 * stride : w
  const w3 = rows > 3 ? w + 3 * stride : w
  const total = fours(dotParts(w, x, K), dotParts(w1, x, K), dotParts(w2, x, K), dotParts(w3, x, K))
  return addRest(total, w, w1, w2, w3, x, K)
}

// @ts-ignore: decorator
@inline
/** Stores the first `count` of four lanes, added to what is there if `accumulate`. */
export function storeSome(to: usize, value: v128, count: i32, accumulate: bool): void {
  if (count >= 4) {
    v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value)
    return
  }
  for (let i = 0; i < count; i++) {
    store<f32>(to, f32x4.extract_lane(value, 0) + (accumulate ? load<f32>(to) : 0))
    value = v128.shuffle<f32>(value, value, 1, 2, 3, 0)
    to += 4
  }
}

/** out[0 .. width) = sum over i < count of weights[i] * rows[i][0 .. width), i in order. `stride` in bytes. */
export function mixRows(out: usize, weights: usize, rows: usize, stride: usize, count: i32, width: i32): void {
  let w = 0
  for (; w + 32 <= width; w += 32) {
    let s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0)
    let s4 = splat(0), s5 = splat(0), s6 = splat(0), s7 = splat(0)
    let p = rows + (<usize>w << 2)
    for (let i = 0; i < count; i++) {
      const a = v128.load32_splat(weights + (<usize>i << 2))
      s0 = madd(a, v128.load(p), s0)
      s1 = madd(a, v128.load(p, 16), s1)
      s2 = madd(a, v128.load(p, 32), s2)
      s3 = madd(a, v128.load(p, 48), s3)
      s4 = madd(a, v128.load(p, 64), s4)
      s5 = madd(a, v128.load(p, 80), s5)
      s6 = madd(a, v128.load(p, 96), s6)
      s7 = madd(a, v128.load(p, 112), s7)
      p += stride
    }
    const to = out + (<usize>w << 2)
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    v128.store(to, s4, 64)
    v128.store(to, s5, 80)
    v128.store(to, s6, 96)
    v128.store(to, s7, 112)
  }
  for (; w + 4 <= width; w += 4) {
    let s = splat(0)
    for (let i = 0; i < count; i++) {
      s = madd(v128.load32_splat(weights + (<usize>i << 2)), v128.load(rows + <usize>i * stride + (<usize>w << 2)), s)
    }
    v128.store(out + (<usize>w << 2), s)
  }
  for (; w < width; w++) {
    let s: f32 = 0
    for (let i = 0; i < count; i++) s += load<f32>(weights + (<usize>i << 2)) * load<f32>(rows + <usize>i * stride + (<usize>w << 2))
    store<f32>(out + (<usize>w << 2), s)
  }
}
