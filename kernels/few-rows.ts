/**
 * Products with few rows: C_MN (+)= A_MK · B_KN for the tokens of a step of decoding, B packed in the panels of `gemm`.
 *
 *   one row        four panels side by side: 8 sums in registers, so that no chain of additions is waited for; B is four
 *                  streams that each go from front to back, and memory sets the pace
 *   two rows       two panels side by side, for the same reason
 *   three to six   one panel: a number of B serves all rows while it is in a register, and arithmetic sets the pace
 *
 * Each number of C is one sum over k in order, from zero, whatever its neighbours are: a row has the same bits alone and in
 * any batch. All rows work through a block of panels before the next one, so B comes from memory once.
 *
 * Memory and arithmetic must overlap, and WebAssembly has no instruction to fetch ahead. The processor does so by itself, some
 * lines in front of each stream that it sees, which is less than what memory is late by where B is one stream. So from three
 * rows on the loop touches the block that comes next, as four streams of a quarter each: a load whose value nobody waits for,
 * few enough at a time that arithmetic goes on. Figures and what did not help: docs/log.md.
 */
import { storeSome } from './dots'
import { MR, NR } from './gemm'
import { madd, splat } from './simd'

/** Bytes of a row of a panel. */
const STEP: usize = 32
/** Panels of a block, and the streams in which the block that comes next is touched. */
const BLOCK = 4
const STREAMS = 4
/** Bytes of a row of A from touch to touch, and of a stream that are touched then: two lines, what four panels' pace asks for. */
const RUN: usize = 64
const TOUCHED: usize = 128

// @ts-ignore: decorator
@inline
/** The first `width` of eight numbers, added to what is there if `accumulate`. */
function store8(to: usize, a: v128, b: v128, width: i32, accumulate: bool): void {
  if (width >= NR) {
    v128.store(to, accumulate ? f32x4.add(v128.load(to), a) : a)
    v128.store(to, accumulate ? f32x4.add(v128.load(to, 16), b) : b, 16)
    return
  }
  storeSome(to, a, width, accumulate)
  if (width > 4) storeSome(to + 16, b, width - 4, accumulate)
}

// @ts-ignore: decorator
@inline
function widthOf(columns: i32, panel: i32): i32 {
  const left = columns - panel * NR
  return left < NR ? left : NR
}

/** One row, one panel. */
function oneByOne(c: usize, a: usize, b: usize, depth: i32, width: i32, accumulate: bool): void {
  let c0 = splat(0), c1 = splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a)
    c0 = madd(x, v128.load(b), c0)
    c1 = madd(x, v128.load(b, 16), c1)
    a += 4
    b += STEP
  }
  store8(c, c0, c1, width, accumulate)
}

/** One row, four panels. */
function oneByFour(c: usize, a: usize, b: usize, depth: i32, columns: i32, accumulate: bool): void {
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
  store8(c, c00, c01, NR, accumulate)
  store8(c + 32, c10, c11, NR, accumulate)
  store8(c + 64, c20, c21, NR, accumulate)
  store8(c + 96, c30, c31, widthOf(columns, 3), accumulate)
}

/** Two rows, two panels. */
function twoByTwo(c: usize, ldc: usize, a0: usize, a1: usize, b: usize, depth: i32, columns: i32, accumulate: bool): void {
  let b1 = b + <usize>depth * STEP
  let c00 = splat(0), c01 = splat(0), c02 = splat(0), c03 = splat(0), c10 = splat(0), c11 = splat(0), c12 = splat(0), c13 = splat(0)
  for (let k = 0; k < depth; k++) {
    const x = v128.load32_splat(a0), y = v128.load32_splat(a1)
    let w = v128.load(b)
    c00 = madd(x, w, c00)
    c10 = madd(y, w, c10)
    w = v128.load(b, 16)
    c01 = madd(x, w, c01)
    c11 = madd(y, w, c11)
    w = v128.load(b1)
    c02 = madd(x, w, c02)
    c12 = madd(y, w, c12)
    w = v128.load(b1, 16)
    c03 = madd(x, w, c03)
    c13 = madd(y, w, c13)
    a0 += 4
    a1 += 4
    b += STEP
    b1 += STEP
  }
  const last = widthOf(columns, 1)
  store8(c, c00, c01, NR, accumulate)
  store8(c + 32, c02, c03, last, accumulate)
  c += ldc
  store8(c, c10, c11, NR, accumulate)
  store8(c + 32, c12, c13, last, accumulate)
}

// @ts-ignore: decorator
@inline
/**
 * Three to six rows and the panels of a block: `rows` is a constant where this is called, and what it rules out is not
 * compiled. Meanwhile it touches the streams that begin at `next`, up to `nextEnd`, `apart` bytes long each.
 */
function someRows(
  rows: i32, c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, columns: i32,
  accumulate: bool, next: usize, nextEnd: usize, apart: usize,
): void {
  // Rows by their distance from the first: one address moves.
  const d1 = a1 - a0, d2 = a2 - a0, d3 = a3 - a0, d4 = a4 - a0, d5 = a5 - a0
  const end = a0 + (<usize>depth << 2)
  const last = next + apart
  for (; columns > 0; columns -= NR) {
    let c00 = splat(0), c01 = splat(0), c10 = splat(0), c11 = splat(0), c20 = splat(0), c21 = splat(0)
    let c30 = splat(0), c31 = splat(0), c40 = splat(0), c41 = splat(0), c50 = splat(0), c51 = splat(0)
    let v: v128, w: v128, x: v128
    let a = a0
    while (a < end) {
      const stop = min(a + RUN, end)
      if (next + TOUCHED <= last) {
        for (let stream = next; stream < nextEnd; stream += apart) {
          load<i32>(stream)
          load<i32>(stream, 64)
        }
        next += TOUCHED
      }
      for (; a < stop; a += 4) {
        v = v128.load(b)
        w = v128.load(b, 16)
        x = v128.load32_splat(a); c00 = madd(x, v, c00); c01 = madd(x, w, c01)
        x = v128.load32_splat(a + d1); c10 = madd(x, v, c10); c11 = madd(x, w, c11)
        x = v128.load32_splat(a + d2); c20 = madd(x, v, c20); c21 = madd(x, w, c21)
        if (rows > 3) { x = v128.load32_splat(a + d3); c30 = madd(x, v, c30); c31 = madd(x, w, c31) }
        if (rows > 4) { x = v128.load32_splat(a + d4); c40 = madd(x, v, c40); c41 = madd(x, w, c41) }
        if (rows > 5) { x = v128.load32_splat(a + d5); c50 = madd(x, v, c50); c51 = madd(x, w, c51) }
        b += STEP
      }
    }
    store8(c, c00, c01, columns, accumulate)
    store8(c + ldc, c10, c11, columns, accumulate)
    store8(c + 2 * ldc, c20, c21, columns, accumulate)
    if (rows > 3) store8(c + 3 * ldc, c30, c31, columns, accumulate)
    if (rows > 4) store8(c + 4 * ldc, c40, c41, columns, accumulate)
    if (rows > 5) store8(c + 5 * ldc, c50, c51, columns, accumulate)
    c += STEP
  }
}

function threeRows(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, b: usize, depth: i32, columns: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize,
): void {
  someRows(3, c, ldc, a0, a1, a2, 0, 0, 0, b, depth, columns, accumulate, next, nextEnd, apart)
}

function fourRows(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, depth: i32, columns: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize,
): void {
  someRows(4, c, ldc, a0, a1, a2, a3, 0, 0, b, depth, columns, accumulate, next, nextEnd, apart)
}

function fiveRows(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, b: usize, depth: i32, columns: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize,
): void {
  someRows(5, c, ldc, a0, a1, a2, a3, a4, 0, b, depth, columns, accumulate, next, nextEnd, apart)
}

function sixRows(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, b: usize, depth: i32, columns: i32, accumulate: bool,
  next: usize, nextEnd: usize, apart: usize,
): void {
  someRows(6, c, ldc, a0, a1, a2, a3, a4, a5, b, depth, columns, accumulate, next, nextEnd, apart)
}

// @ts-ignore: decorator
@inline
/** Address of row m of A, or of the row that the list says; of the first one where there is none. */
function rowOf(a: usize, lda: usize, from: usize, m: i32, M: i32): usize {
  const row = m < M ? m : 0
  return a + (from ? <usize>load<u32>(from + (<usize>row << 2)) : <usize>row) * lda
}

/** Rows m to m + height, three to six of them, with a block of panels. */
function heightOfBlock(
  c: usize, ldc: usize, a: usize, lda: usize, from: usize, m: i32, height: i32, M: i32, b: usize, depth: i32, columns: i32,
  accumulate: bool, next: usize, nextEnd: usize, apart: usize,
): void {
  c += <usize>m * ldc
  const a0 = rowOf(a, lda, from, m, M), a1 = rowOf(a, lda, from, m + 1, M), a2 = rowOf(a, lda, from, m + 2, M)
  const a3 = rowOf(a, lda, from, m + 3, M), a4 = rowOf(a, lda, from, m + 4, M), a5 = rowOf(a, lda, from, m + 5, M)
  if (height == 3) threeRows(c, ldc, a0, a1, a2, b, depth, columns, accumulate, next, nextEnd, apart)
  else if (height == 4) fourRows(c, ldc, a0, a1, a2, a3, b, depth, columns, accumulate, next, nextEnd, apart)
  else if (height == 5) fiveRows(c, ldc, a0, a1, a2, a3, a4, b, depth, columns, accumulate, next, nextEnd, apart)
  else sixRows(c, ldc, a0, a1, a2, a3, a4, a5, b, depth, columns, accumulate, next, nextEnd, apart)
}

/**
 * C (+)= A · B for M rows, one or more, and some panels of B.
 *
 * `c`, `ldc` (bytes): the first column of the first panel. `a`, `lda` (bytes): rows of A, those that the list `from` numbers
 * if there is one. `b`: the first panel, `depth` x 8 numbers. `columns`: of C. `next`, `nextBytes`:
 * weights that are read after these, if they are known.
 */
export function fewRows(
  c: usize, ldc: usize, a: usize, lda: usize, from: usize, M: i32, b: usize, depth: i32, columns: i32, accumulate: bool, next: usize,
  nextBytes: usize,
): void {
  const panel = <usize>depth * STEP
  const panels = (columns + NR - 1) / NR
  const a0 = rowOf(a, lda, from, 0, M), a1 = rowOf(a, lda, from, 1, M)
  let p = 0
  if (M == 1) {
    for (; p + 4 <= panels; p += 4) oneByFour(c + <usize>p * STEP, a0, b + <usize>p * panel, depth, columns - p * NR, accumulate)
  } else if (M == 2) {
    for (; p + 2 <= panels; p += 2) {
      twoByTwo(c + <usize>p * STEP, ldc, a0, a1, b + <usize>p * panel, depth, columns - p * NR, accumulate)
    }
  }
  if (M < 3) {
    for (; p < panels; p++) {
      const to = c + <usize>p * STEP, w = b + <usize>p * panel
      oneByOne(to, a0, w, depth, widthOf(columns, p), accumulate)
      if (M == 2) oneByOne(to + ldc, a1, w, depth, widthOf(columns, p), accumulate)
    }
    return
  }
  // As many heights as there must be, as even as they come: none below three, where a chain of additions would be waited for.
  const heights = (M + MR - 1) / MR
  for (; p < panels; p += BLOCK) {
    const rest = panels - p - BLOCK
    const ahead = rest > 0 ? b + <usize>(p + BLOCK) * panel : next
    const apart = ((rest > 0 ? <usize>min(rest, BLOCK) * panel : nextBytes) / STREAMS) & ~63
    let m = 0
    // Each height touches its part of the streams.
    for (let i = 1; i <= heights; i++) {
      const until = (M * i) / heights
      heightOfBlock(
        c + <usize>p * STEP, ldc, a, lda, from, m, until - m, M, b + <usize>p * panel, depth, min(columns - p * NR, BLOCK * NR), accumulate,
        ahead + <usize>((STREAMS * (i - 1)) / heights) * apart, ahead + <usize>((STREAMS * i) / heights) * apart, apart,
      )
      m = until
    }
  }
}
