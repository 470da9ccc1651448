/**
 * Two products with few rows: four rows of a matrix with one vector or two, and weighted sums of rows. Decoding is made of
 * them.
 *
 * Nothing is packed: a number of the matrix is used once, so the matrix is read where it lies, and memory sets the pace.
 * Ladder, one thread, a token of the bench model: four rows side by side, each load of x used four times, 1.9 ms; one row
 * behind the other, 1.3 ms: one stream from front to back is what the processor fetches ahead. Four sums a row, so that a
 * chain of additions is not waited for.
 *
 * With two vectors a number of the matrix is used twice, and loads set the pace: four rows by two vectors need 6 loads for
 * 8 products where one vector needs 16. Each sum is added up in the order of the single vector's, so a result is the same
 * bits with a neighbour or without one. That order has four sums for each of the eight; they do not fit the registers, so
 * each pass makes one of the four.
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

/** Bytes of the partial sums that `dot4x2` leaves on its way: four passes, eight vectors each. */
const PASS: usize = 128

/** One of the four sums of four rows with two vectors: every fourth vector of 16 numbers, then `tail` that follow each other. */
function onePass(to: usize, w0: usize, w1: usize, w2: usize, w3: usize, x: usize, y: usize, steps: i32, tail: i32): void {
  let a0 = splat(0), a1 = splat(0), a2 = splat(0), a3 = splat(0)
  let b0 = splat(0), b1 = splat(0), b2 = splat(0), b3 = splat(0)
  for (let o: usize = 0, end = <usize>steps << 6; o < end; o += 64) {
    const vx = v128.load(x + o), vy = v128.load(y + o)
    let v = v128.load(w0 + o)
    a0 = madd(v, vx, a0)
    b0 = madd(v, vy, b0)
    v = v128.load(w1 + o)
    a1 = madd(v, vx, a1)
    b1 = madd(v, vy, b1)
    v = v128.load(w2 + o)
    a2 = madd(v, vx, a2)
    b2 = madd(v, vy, b2)
    v = v128.load(w3 + o)
    a3 = madd(v, vx, a3)
    b3 = madd(v, vy, b3)
  }
  for (let o = <usize>steps << 6, end = o + (<usize>tail << 4); o < end; o += 16) {
    const vx = v128.load(x + o), vy = v128.load(y + o)
    a0 = madd(v128.load(w0 + o), vx, a0)
    b0 = madd(v128.load(w0 + o), vy, b0)
    a1 = madd(v128.load(w1 + o), vx, a1)
    b1 = madd(v128.load(w1 + o), vy, b1)
    a2 = madd(v128.load(w2 + o), vx, a2)
    b2 = madd(v128.load(w2 + o), vy, b2)
    a3 = madd(v128.load(w3 + o), vx, a3)
    b3 = madd(v128.load(w3 + o), vy, b3)
  }
  v128.store(to, a0)
  v128.store(to, a1, 16)
  v128.store(to, a2, 32)
  v128.store(to, a3, 48)
  v128.store(to, b0, 64)
  v128.store(to, b1, 80)
  v128.store(to, b2, 96)
  v128.store(to, b3, 112)
}

// @ts-ignore: decorator
@inline
/** The four sums of one row with one vector, together: (0 + 1) + (2 + 3), as `dotParts` adds them. */
function allPasses(parts: usize): v128 {
  return f32x4.add(
    f32x4.add(v128.load(parts), v128.load(parts + PASS)), f32x4.add(v128.load(parts + 2 * PASS), v128.load(parts + 3 * PASS)),
  )
}

/** One row with two vectors, front to back. */
function rowOfTwo(to: usize, w: usize, x: usize, y: usize, K: i32): void {
  let a0 = splat(0), a1 = splat(0), a2 = splat(0), a3 = splat(0)
  let b0 = splat(0), b1 = splat(0), b2 = splat(0), b3 = splat(0)
  let k = 0
  for (; k + 16 <= K; k += 16) {
    let v = v128.load(w)
    a0 = madd(v, v128.load(x), a0)
    b0 = madd(v, v128.load(y), b0)
    v = v128.load(w, 16)
    a1 = madd(v, v128.load(x, 16), a1)
    b1 = madd(v, v128.load(y, 16), b1)
    v = v128.load(w, 32)
    a2 = madd(v, v128.load(x, 32), a2)
    b2 = madd(v, v128.load(y, 32), b2)
    v = v128.load(w, 48)
    a3 = madd(v, v128.load(x, 48), a3)
    b3 = madd(v, v128.load(y, 48), b3)
    w += 64
    x += 64
    y += 64
  }
  for (; k + 4 <= K; k += 4) {
    const v = v128.load(w)
    a0 = madd(v, v128.load(x), a0)
    b0 = madd(v, v128.load(y), b0)
    w += 16
    x += 16
    y += 16
  }
  v128.store(to, f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)))
  v128.store(to, f32x4.add(f32x4.add(b0, b1), f32x4.add(b2, b3)), 64)
}

// @ts-ignore: decorator
@inline
function foursAt(parts: usize): v128 {
  return fours(v128.load(parts), v128.load(parts, 16), v128.load(parts, 32), v128.load(parts, 48))
}

/** `dot4x2` for rows that lie in memory: each is read front to back, so what the processor fetches ahead is what is needed. */
export function stream4x2(w: usize, stride: usize, rows: i32, x: usize, y: usize, K: i32, parts: usize): v128 {
  const w1 = rows > 1 ? w + stride : w
  const w2 = rows > 2 ? w + 2 * stride : w
  const w3 = rows > 3 ? w + 3 * stride : w
  rowOfTwo(parts, w, x, y, K)
  rowOfTwo(parts + 16, w1, x, y, K)
  rowOfTwo(parts + 32, w2, x, y, K)
  rowOfTwo(parts + 48, w3, x, y, K)
  const forX = foursAt(parts), forY = foursAt(parts + 64)
  v128.store(parts, addRest(forY, w, w1, w2, w3, y, K))
  return addRest(forX, w, w1, w2, w3, x, K)
}

/**
 * `dot4` with two vectors, the same bits: → of x, and of y in `parts`, which has 512 bytes of scratch.
 */
export function dot4x2(w: usize, stride: usize, rows: i32, x: usize, y: usize, K: i32, parts: usize): v128 {
  const w1 = rows > 1 ? w + stride : w
  const w2 = rows > 2 ? w + 2 * stride : w
  const w3 = rows > 3 ? w + 3 * stride : w
  const steps = K >> 4
  onePass(parts, w, w1, w2, w3, x, y, steps, (K & 15) >> 2)
  onePass(parts + PASS, w + 16, w1 + 16, w2 + 16, w3 + 16, x + 16, y + 16, steps, 0)
  onePass(parts + 2 * PASS, w + 32, w1 + 32, w2 + 32, w3 + 32, x + 32, y + 32, steps, 0)
  onePass(parts + 3 * PASS, w + 48, w1 + 48, w2 + 48, w3 + 48, x + 48, y + 48, steps, 0)
  const forX = fours(allPasses(parts), allPasses(parts + 16), allPasses(parts + 32), allPasses(parts + 48))
  const forY = fours(allPasses(parts + 64), allPasses(parts + 80), allPasses(parts + 96), allPasses(parts + 112))
  v128.store(parts, addRest(forY, w, w1, w2, w3, y, K))
  return addRest(forX, w, w1, w2, w3, x, K)
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

/** The first `count` of four numbers, zeros behind them. */
export function loadSome(from: usize, count: i32): v128 {
  let value = splat(0)
  for (let i = count - 1; i >= 0; i--) {
    value = v128.shuffle<f32>(value, value, 3, 0, 1, 2)
    value = f32x4.replace_lane(value, 0, load<f32>(from + (<usize>i << 2)))
  }
  return value
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
