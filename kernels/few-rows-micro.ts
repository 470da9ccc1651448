/**
 * The innermost loops of products with few rows (kernels/few-rows.ts): one to six rows of A with one, two or four whole panels
 * of B. From three rows on they touch, on the way, the weights that come next.
 */
import { storeSome } from './dots'
import { STEP } from './micro'
import { madd, splat } from './simd'

/** Bytes of a row of A from touch to touch, and of a stream that are touched then for each panel: two lines, a block's pace. */
export const RUN: usize = 64
export const TOUCHED: usize = 128

// @ts-ignore: decorator
@inline
/** Eight numbers, added to what is there if `accumulate`. */
function store8(to: usize, a: v128, b: v128, accumulate: bool): void {
  if (accumulate) {
    a = f32x4.add(v128.load(to), a)
    b = f32x4.add(v128.load(to, 16), b)
  }
  v128.store(to, a)
  v128.store(to, b, 16)
}

/** One row, one panel, of which the first `width` columns are wanted. */
export function oneByOne(c: usize, a: usize, b: usize, depth: i32, width: i32, accumulate: bool): void {
  let c0 = splat(0), c1 = splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a)
    c0 = madd(x, v128.load(b), c0)
    c1 = madd(x, v128.load(b, 16), c1)
    a += 4
    b += STEP
  }
  storeSome(c, c0, width, accumulate)
  if (width > 4) storeSome(c + 16, c1, width - 4, accumulate)
}

/** One row, four panels. */
export function oneByFour(c: usize, a: usize, b: usize, depth: i32, accumulate: bool): void {
  const panel = <usize>depth * STEP
  let b1 = b + panel, b2 = b1 + panel, b3 = b2 + panel
  let c00 = splat(0), c01 = splat(0), c10 = splat(0), c11 = splat(0), c20 = splat(0), c21 = splat(0), c30 = splat(0), c31 = splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a)
    c00 = madd(x, v128.load(b), c00)
    c01 = madd(x, v128.load(b, 16), c01)
    c10 = madd(x, v128.load(b1), c10)
    c11 = madd(x, v128.load(b1, 16), c11)
    c20 = madd(x, v128.load(b2), c20)
    c21 = madd(x, v128.load(b2, 16), c21)
    c30 = madd(x, v128.load(b3), c30)
    c31 = madd(x, v128.load(b3, 16), c31)
    a += 4
    b += STEP
    b1 += STEP
    b2 += STEP
    b3 += STEP
  }
  store8(c, c00, c01, accumulate)
  store8(c + 32, c10, c11, accumulate)
  store8(c + 64, c20, c21, accumulate)
  store8(c + 96, c30, c31, accumulate)
}

// @ts-ignore: decorator
@inline
/** Two rows and `panels` of them, 2 or 4: a constant where this is called, and what it rules out is not compiled. */
function twoRows(panels: i32, c: usize, ldc: usize, a0: usize, a1: usize, b: usize, depth: i32, accumulate: bool): void {
  const d = a1 - a0, panel = <usize>depth * STEP
  let b1 = b + panel, b2 = b1 + panel, b3 = b2 + panel
  let c00 = splat(0), c01 = splat(0), c02 = splat(0), c03 = splat(0), c04 = splat(0), c05 = splat(0), c06 = splat(0), c07 = splat(0)
  let c10 = splat(0), c11 = splat(0), c12 = splat(0), c13 = splat(0), c14 = splat(0), c15 = splat(0), c16 = splat(0), c17 = splat(0)
  let v: v128, w: v128
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a0), y = v128.load32_splat(a0 + d)
    v = v128.load(b); w = v128.load(b, 16)
    c00 = madd(x, v, c00); c01 = madd(x, w, c01); c10 = madd(y, v, c10); c11 = madd(y, w, c11)
    v = v128.load(b1); w = v128.load(b1, 16)
    c02 = madd(x, v, c02); c03 = madd(x, w, c03); c12 = madd(y, v, c12); c13 = madd(y, w, c13)
    if (panels > 2) {
      v = v128.load(b2); w = v128.load(b2, 16)
      c04 = madd(x, v, c04); c05 = madd(x, w, c05); c14 = madd(y, v, c14); c15 = madd(y, w, c15)
      v = v128.load(b3); w = v128.load(b3, 16)
      c06 = madd(x, v, c06); c07 = madd(x, w, c07); c16 = madd(y, v, c16); c17 = madd(y, w, c17)
      b2 += STEP
      b3 += STEP
    }
    a0 += 4
    b += STEP
    b1 += STEP
  }
  store8(c, c00, c01, accumulate)
  store8(c + 32, c02, c03, accumulate)
  if (panels > 2) {
    store8(c + 64, c04, c05, accumulate)
    store8(c + 96, c06, c07, accumulate)
  }
  c += ldc
  store8(c, c10, c11, accumulate)
  store8(c + 32, c12, c13, accumulate)
  if (panels > 2) {
    store8(c + 64, c14, c15, accumulate)
    store8(c + 96, c16, c17, accumulate)
  }
}

export function twoByTwo(c: usize, ldc: usize, a0: usize, a1: usize, b: usize, depth: i32, accumulate: bool): void {
  twoRows(2, c, ldc, a0, a1, b, depth, accumulate)
}

export function twoByFour(c: usize, ldc: usize, a0: usize, a1: usize, b: usize, depth: i32, accumulate: bool): void {
  twoRows(4, c, ldc, a0, a1, b, depth, accumulate)
}

// @ts-ignore: decorator
@inline
/** Touches the next lines of each stream, those of so many panels. */
function touch(next: usize, nextEnd: usize, apart: usize, panels: i32): void {
  for (let stream = next; stream < nextEnd; stream += apart) {
    load<i32>(stream)
    load<i32>(stream, 64)
    if (panels > 1) {
      load<i32>(stream, 128)
      load<i32>(stream, 192)
    }
    if (panels > 2) {
      load<i32>(stream, 256)
      load<i32>(stream, 320)
      load<i32>(stream, 384)
      load<i32>(stream, 448)
    }
  }
}

// @ts-ignore: decorator
@inline
/**
 * Three to six rows, one panel or two: both are constants where this is called, and what they rule out is not compiled.
 * Meanwhile it touches the streams that begin at `next`, up to `nextEnd`, `apart` bytes from each other, the first of them up
 * to `last`.
 */
function someRows(
  rows: i32, panels: i32, c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, accumulate: bool, next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  // Rows by their distance from the first: one address moves.
  const d1 = a1 - a0, d2 = a2 - a0, d3 = a3 - a0, d4 = a4 - a0, d5 = a5 - a0
  const end = a0 + (<usize>depth << 2)
  const touched = TOUCHED * panels
  let d = b + <usize>depth * STEP
  let c00 = splat(0), c01 = splat(0), c02 = splat(0), c03 = splat(0), c10 = splat(0), c11 = splat(0), c12 = splat(0), c13 = splat(0)
  let c20 = splat(0), c21 = splat(0), c22 = splat(0), c23 = splat(0), c30 = splat(0), c31 = splat(0), c32 = splat(0), c33 = splat(0)
  let c40 = splat(0), c41 = splat(0), c42 = splat(0), c43 = splat(0), c50 = splat(0), c51 = splat(0), c52 = splat(0), c53 = splat(0)
  let v: v128, w: v128, y: v128 = splat(0), z: v128 = splat(0), x: v128
  let a = a0
  while (a < end) {
    const stop = min(a + RUN, end)
    if (next + touched <= last) {
      touch(next, nextEnd, apart, panels)
      next += touched
    }
    for (; a < stop; a += 4) {
      v = v128.load(b)
      w = v128.load(b, 16)
      if (panels > 1) { y = v128.load(d); z = v128.load(d, 16) }
      x = v128.load32_splat(a); c00 = madd(x, v, c00); c01 = madd(x, w, c01)
      if (panels > 1) { c02 = madd(x, y, c02); c03 = madd(x, z, c03) }
      x = v128.load32_splat(a + d1); c10 = madd(x, v, c10); c11 = madd(x, w, c11)
      if (panels > 1) { c12 = madd(x, y, c12); c13 = madd(x, z, c13) }
      x = v128.load32_splat(a + d2); c20 = madd(x, v, c20); c21 = madd(x, w, c21)
      if (panels > 1) { c22 = madd(x, y, c22); c23 = madd(x, z, c23) }
      if (rows > 3) {
        x = v128.load32_splat(a + d3); c30 = madd(x, v, c30); c31 = madd(x, w, c31)
        if (panels > 1) { c32 = madd(x, y, c32); c33 = madd(x, z, c33) }
      }
      if (rows > 4) {
        x = v128.load32_splat(a + d4); c40 = madd(x, v, c40); c41 = madd(x, w, c41)
        if (panels > 1) { c42 = madd(x, y, c42); c43 = madd(x, z, c43) }
      }
      if (rows > 5) {
        x = v128.load32_splat(a + d5); c50 = madd(x, v, c50); c51 = madd(x, w, c51)
        if (panels > 1) { c52 = madd(x, y, c52); c53 = madd(x, z, c53) }
      }
      b += STEP
      if (panels > 1) d += STEP
    }
  }
  store8(c, c00, c01, accumulate)
  store8(c + ldc, c10, c11, accumulate)
  store8(c + 2 * ldc, c20, c21, accumulate)
  if (rows > 3) store8(c + 3 * ldc, c30, c31, accumulate)
  if (rows > 4) store8(c + 4 * ldc, c40, c41, accumulate)
  if (rows > 5) store8(c + 5 * ldc, c50, c51, accumulate)
  if (panels == 1) return
  c += STEP
  store8(c, c02, c03, accumulate)
  store8(c + ldc, c12, c13, accumulate)
  store8(c + 2 * ldc, c22, c23, accumulate)
  if (rows > 3) store8(c + 3 * ldc, c32, c33, accumulate)
  if (rows > 4) store8(c + 4 * ldc, c42, c43, accumulate)
  if (rows > 5) store8(c + 5 * ldc, c52, c53, accumulate)
}

/** Three rows, four panels, for the `wide` build: two of them at a time, so that 12 sums, 2 of B and 1 of A are all. */
export function threeByFour(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  const d1 = a1 - a0, d2 = a2 - a0, panel = <usize>depth * STEP
  const end = a0 + (<usize>depth << 2)
  let b1 = b + panel, b2 = b1 + panel, b3 = b2 + panel
  let c00 = splat(0), c01 = splat(0), c02 = splat(0), c03 = splat(0), c04 = splat(0), c05 = splat(0), c06 = splat(0), c07 = splat(0)
  let c10 = splat(0), c11 = splat(0), c12 = splat(0), c13 = splat(0), c14 = splat(0), c15 = splat(0), c16 = splat(0), c17 = splat(0)
  let c20 = splat(0), c21 = splat(0), c22 = splat(0), c23 = splat(0), c24 = splat(0), c25 = splat(0), c26 = splat(0), c27 = splat(0)
  let v: v128, w: v128, y: v128, z: v128, x: v128
  // The same address twice, so that the engine does not keep what it has read for the second pair: a sum would be spilled.
  let a = a0, again = a0
  while (a < end) {
    const stop = min(a + RUN, end)
    if (next + 4 * TOUCHED <= last) {
      touch(next, nextEnd, apart, 4)
      next += 4 * TOUCHED
    }
    for (; a < stop; a += 4) {
      v = v128.load(b); w = v128.load(b, 16); y = v128.load(b1); z = v128.load(b1, 16)
      x = v128.load32_splat(a); c00 = madd(x, v, c00); c01 = madd(x, w, c01); c02 = madd(x, y, c02); c03 = madd(x, z, c03)
      x = v128.load32_splat(a + d1); c10 = madd(x, v, c10); c11 = madd(x, w, c11); c12 = madd(x, y, c12); c13 = madd(x, z, c13)
      x = v128.load32_splat(a + d2); c20 = madd(x, v, c20); c21 = madd(x, w, c21); c22 = madd(x, y, c22); c23 = madd(x, z, c23)
      v = v128.load(b2); w = v128.load(b2, 16); y = v128.load(b3); z = v128.load(b3, 16)
      x = v128.load32_splat(again); c04 = madd(x, v, c04); c05 = madd(x, w, c05); c06 = madd(x, y, c06); c07 = madd(x, z, c07)
      x = v128.load32_splat(again + d1); c14 = madd(x, v, c14); c15 = madd(x, w, c15); c16 = madd(x, y, c16); c17 = madd(x, z, c17)
      x = v128.load32_splat(again + d2); c24 = madd(x, v, c24); c25 = madd(x, w, c25); c26 = madd(x, y, c26); c27 = madd(x, z, c27)
      again += 4
      b += STEP
      b1 += STEP
      b2 += STEP
      b3 += STEP
    }
  }
  store8(c, c00, c01, accumulate)
  store8(c + 32, c02, c03, accumulate)
  store8(c + 64, c04, c05, accumulate)
  store8(c + 96, c06, c07, accumulate)
  c += ldc
  store8(c, c10, c11, accumulate)
  store8(c + 32, c12, c13, accumulate)
  store8(c + 64, c14, c15, accumulate)
  store8(c + 96, c16, c17, accumulate)
  c += ldc
  store8(c, c20, c21, accumulate)
  store8(c + 32, c22, c23, accumulate)
  store8(c + 64, c24, c25, accumulate)
  store8(c + 96, c26, c27, accumulate)
}

export function threeByOne(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(3, 1, c, ldc, a0, a1, a2, 0, 0, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function threeByTwo(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(3, 2, c, ldc, a0, a1, a2, 0, 0, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function fourByOne(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(4, 1, c, ldc, a0, a1, a2, a3, 0, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function fourByTwo(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(4, 2, c, ldc, a0, a1, a2, a3, 0, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function fiveByOne(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(5, 1, c, ldc, a0, a1, a2, a3, a4, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function fiveByTwo(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(5, 2, c, ldc, a0, a1, a2, a3, a4, 0, b, depth, accumulate, next, nextEnd, apart, last)
}

export function sixByOne(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(6, 1, c, ldc, a0, a1, a2, a3, a4, a5, b, depth, accumulate, next, nextEnd, apart, last)
}

export function sixByTwo(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize, last: usize,
): void {
  someRows(6, 2, c, ldc, a0, a1, a2, a3, a4, a5, b, depth, accumulate, next, nextEnd, apart, last)
}
