/**
 * Six rows of A with one panel of B, or two: the innermost loop of every large product.
 *
 *         B panels (8 x 512 each, L1)
 *        ┌──┬──┐
 *   A ┌──┼──┼──┤   One panel, 128 bits: 6 x 8 numbers of C are 12 vectors; each k takes 2 loads of B, 6 broadcasts of A
 *   6 │  │▓▓│▓▓│   and 12 multiply-adds. Two panels, 256 bits: 6 x 16 numbers, again 12 vectors of the engine's.
 *     └──┴──┴──┘   15 registers, which is all there are, hold 12 sums, 2 of B and 1 of A.
 *
 * WebAssembly's vectors have 128 bits. V8 joins two neighbours to one of 256 where all of a function's work goes in pairs
 * that are stored side by side; the `wide` build is written for that, with two panels (src/compute/wide-vectors.ts). Without
 * it two panels would be 24 sums in 15 registers. A number is summed in the same order in all builds.
 */
import { madd, splat } from './simd'

export const MR = 6
export const NR = 8
/** Bytes of a row of a panel. */
export const STEP: usize = NR * 4
/** Bytes of the buffer that a thread needs for the edges of C: 6 x 16 numbers, and what is left of a power of two. */
export const EDGE: usize = 512

// @ts-ignore: decorator
@inline
/** `panels`, 1 or 2, is a constant where this is called, and what it rules out is not compiled. */
function sixRows(
  panels: i32, c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
  b: usize, panel: usize, depth: i32, accumulate: bool,
): void {
  let c00 = splat(0), c01 = splat(0), c02 = splat(0), c03 = splat(0), c10 = splat(0), c11 = splat(0), c12 = splat(0), c13 = splat(0)
  let c20 = splat(0), c21 = splat(0), c22 = splat(0), c23 = splat(0), c30 = splat(0), c31 = splat(0), c32 = splat(0), c33 = splat(0)
  let c40 = splat(0), c41 = splat(0), c42 = splat(0), c43 = splat(0), c50 = splat(0), c51 = splat(0), c52 = splat(0), c53 = splat(0)
  let b0: v128, b1: v128, b2: v128 = splat(0), b3: v128 = splat(0), a: v128
  // One moving offset: an address is then one instruction of the engine's, a pointer that moves would be two.
  const end = <usize>depth << 2
  for (let o: usize = 0; o < end; o += 4) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    if (panels > 1) {
      b2 = v128.load(b + panel)
      b3 = v128.load(b + panel, 16)
    }
    a = v128.load32_splat(a0 + o); c00 = madd(a, b0, c00); c01 = madd(a, b1, c01)
    if (panels > 1) { c02 = madd(a, b2, c02); c03 = madd(a, b3, c03) }
    a = v128.load32_splat(a1 + o); c10 = madd(a, b0, c10); c11 = madd(a, b1, c11)
    if (panels > 1) { c12 = madd(a, b2, c12); c13 = madd(a, b3, c13) }
    a = v128.load32_splat(a2 + o); c20 = madd(a, b0, c20); c21 = madd(a, b1, c21)
    if (panels > 1) { c22 = madd(a, b2, c22); c23 = madd(a, b3, c23) }
    a = v128.load32_splat(a3 + o); c30 = madd(a, b0, c30); c31 = madd(a, b1, c31)
    if (panels > 1) { c32 = madd(a, b2, c32); c33 = madd(a, b3, c33) }
    a = v128.load32_splat(a4 + o); c40 = madd(a, b0, c40); c41 = madd(a, b1, c41)
    if (panels > 1) { c42 = madd(a, b2, c42); c43 = madd(a, b3, c43) }
    a = v128.load32_splat(a5 + o); c50 = madd(a, b0, c50); c51 = madd(a, b1, c51)
    if (panels > 1) { c52 = madd(a, b2, c52); c53 = madd(a, b3, c53) }
    b += STEP
  }
  if (accumulate) {
    let p = c
    c00 = f32x4.add(v128.load(p), c00); c01 = f32x4.add(v128.load(p, 16), c01); p += ldc
    c10 = f32x4.add(v128.load(p), c10); c11 = f32x4.add(v128.load(p, 16), c11); p += ldc
    c20 = f32x4.add(v128.load(p), c20); c21 = f32x4.add(v128.load(p, 16), c21); p += ldc
    c30 = f32x4.add(v128.load(p), c30); c31 = f32x4.add(v128.load(p, 16), c31); p += ldc
    c40 = f32x4.add(v128.load(p), c40); c41 = f32x4.add(v128.load(p, 16), c41); p += ldc
    c50 = f32x4.add(v128.load(p), c50); c51 = f32x4.add(v128.load(p, 16), c51)
    if (panels > 1) {
      p = c
      c02 = f32x4.add(v128.load(p, 32), c02); c03 = f32x4.add(v128.load(p, 48), c03); p += ldc
      c12 = f32x4.add(v128.load(p, 32), c12); c13 = f32x4.add(v128.load(p, 48), c13); p += ldc
      c22 = f32x4.add(v128.load(p, 32), c22); c23 = f32x4.add(v128.load(p, 48), c23); p += ldc
      c32 = f32x4.add(v128.load(p, 32), c32); c33 = f32x4.add(v128.load(p, 48), c33); p += ldc
      c42 = f32x4.add(v128.load(p, 32), c42); c43 = f32x4.add(v128.load(p, 48), c43); p += ldc
      c52 = f32x4.add(v128.load(p, 32), c52); c53 = f32x4.add(v128.load(p, 48), c53)
    }
  }
  let p = c
  v128.store(p, c00); v128.store(p, c01, 16); p += ldc
  v128.store(p, c10); v128.store(p, c11, 16); p += ldc
  v128.store(p, c20); v128.store(p, c21, 16); p += ldc
  v128.store(p, c30); v128.store(p, c31, 16); p += ldc
  v128.store(p, c40); v128.store(p, c41, 16); p += ldc
  v128.store(p, c50); v128.store(p, c51, 16)
  if (panels > 1) {
    p = c
    v128.store(p, c02, 32); v128.store(p, c03, 48); p += ldc
    v128.store(p, c12, 32); v128.store(p, c13, 48); p += ldc
    v128.store(p, c22, 32); v128.store(p, c23, 48); p += ldc
    v128.store(p, c32, 32); v128.store(p, c33, 48); p += ldc
    v128.store(p, c42, 32); v128.store(p, c43, 48); p += ldc
    v128.store(p, c52, 32); v128.store(p, c53, 48)
  }
}

/** c[0..5][0..7] (+)= sum over k < depth of a_row[k] * b[k][0..7]; `ldc` in bytes. */
export function micro(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, accumulate: bool,
): void {
  sixRows(1, c, ldc, a0, a1, a2, a3, a4, a5, b, 0, depth, accumulate)
}

/** The same for two panels, `panel` bytes apart, and 16 columns of C. For the `wide` build. */
export function microPair(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, panel: usize, depth: i32, accumulate: bool,
): void {
  sixRows(2, c, ldc, a0, a1, a2, a3, a4, a5, b, panel, depth, accumulate)
}
