/**
 * Products with few rows: C_MN (+)= A_MK · B_KN for the tokens of a step of decoding, B packed in the panels of `gemm`.
 *
 *   one row        four panels side by side: 8 sums in registers, so that no chain of additions is waited for; B is four
 *                  streams that each go from front to back, and memory sets the pace
 *   two rows       two panels side by side, for the same reason; four in the `wide` build
 *   three to six   one panel: a number of B serves all rows while it is in a register, and arithmetic sets the pace. In the
 *                  `wide` build, where a panel's row is one vector of the engine's (kernels/micro.ts), two of them, for three
 *                  rows four: 8 to 12 sums again
 *
 * Each number of C is one sum over k in order, from zero, whatever its neighbours are: a row has the same bits alone and in
 * any batch. All rows work through a block of panels before the next one, so B comes from memory once.
 *
 * Memory and arithmetic must overlap, and WebAssembly has no instruction to fetch ahead. The processor does so by itself, some
 * lines in front of each stream that it sees, which is less than what memory is late by where B is one stream. So from three
 * rows on the loop touches the block that comes next, as four streams of a quarter each: a load whose value nobody waits for,
 * few enough at a time that arithmetic goes on. Figures and what did not help: docs/log.md.
 */
import {
  fiveByOne, fiveByTwo, fourByOne, fourByTwo, oneByFour, oneByOne, sixByOne, sixByTwo, threeByFour, threeByOne, threeByTwo, twoByFour, twoByTwo, RUN, TOUCHED,
} from './few-rows-micro'
import { MR, NR, STEP } from './micro'

/** Panels of a block, and the streams in which the block that comes next is touched. */
const BLOCK = 4
const STREAMS = 4

// @ts-ignore: decorator
@inline
/** Address of row m of A, or of the row that the list says; of the first one where there is none. */
function rowOf(a: usize, lda: usize, from: usize, m: i32, M: i32): usize {
  const row = m < M ? m : 0
  return a + (from ? <usize>load<u32>(from + (<usize>row << 2)) : <usize>row) * lda
}

// @ts-ignore: decorator
@inline
/**
 * The next of so many heights for the rows that are left: none below three, where a chain of additions would be waited for.
 * As even as they come; in the `wide` build six as often as can be, which is what its registers hold.
 */
function nextHeight(left: i32, heights: i32): i32 {
  return ASC_WIDE && left > MR + 2 ? MR : (left + heights - 1) / heights
}

/** Rows m to m + height, three to six of them, with some whole panels; streams from `next` on, `apart` bytes long each. */
function multiplyRows(
  c: usize, ldc: usize, a: usize, lda: usize, from: usize, m: i32, height: i32, M: i32, b: usize, depth: i32, panels: i32,
  accumulate: bool, next: usize, nextEnd: usize, apart: usize,
): void {
  c += <usize>m * ldc
  const a0 = rowOf(a, lda, from, m, M), a1 = rowOf(a, lda, from, m + 1, M), a2 = rowOf(a, lda, from, m + 2, M)
  const a3 = rowOf(a, lda, from, m + 3, M), a4 = rowOf(a, lda, from, m + 4, M), a5 = rowOf(a, lda, from, m + 5, M)
  const last = next + apart
  while (panels > 0) {
    let taken = 1
    if (ASC_WIDE && height == 3 && panels >= 4) {
      threeByFour(c, ldc, a0, a1, a2, b, depth, accumulate, next, nextEnd, apart, last)
      taken = 4
    } else if (ASC_WIDE && panels >= 2) {
      if (height == 3) threeByTwo(c, ldc, a0, a1, a2, b, depth, accumulate, next, nextEnd, apart, last)
      else if (height == 4) fourByTwo(c, ldc, a0, a1, a2, a3, b, depth, accumulate, next, nextEnd, apart, last)
      else if (height == 5) fiveByTwo(c, ldc, a0, a1, a2, a3, a4, b, depth, accumulate, next, nextEnd, apart, last)
      else sixByTwo(c, ldc, a0, a1, a2, a3, a4, a5, b, depth, accumulate, next, nextEnd, apart, last)
      taken = 2
    } else if (height == 3) threeByOne(c, ldc, a0, a1, a2, b, depth, accumulate, next, nextEnd, apart, last)
    else if (height == 4) fourByOne(c, ldc, a0, a1, a2, a3, b, depth, accumulate, next, nextEnd, apart, last)
    else if (height == 5) fiveByOne(c, ldc, a0, a1, a2, a3, a4, b, depth, accumulate, next, nextEnd, apart, last)
    else sixByOne(c, ldc, a0, a1, a2, a3, a4, a5, b, depth, accumulate, next, nextEnd, apart, last)
    c += <usize>taken * STEP
    b += <usize>(taken * depth) * STEP
    // What these panels have touched of each stream.
    next += ((<usize>depth << 2) / RUN) * TOUCHED * taken
    panels -= taken
  }
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
  const panels = columns / NR
  const a0 = rowOf(a, lda, from, 0, M), a1 = rowOf(a, lda, from, 1, M)
  let p = 0
  if (M == 1) {
    for (; p + 4 <= panels; p += 4) oneByFour(c + <usize>p * STEP, a0, b + <usize>p * panel, depth, accumulate)
  } else if (M == 2) {
    if (ASC_WIDE) for (; p + 4 <= panels; p += 4) twoByFour(c + <usize>p * STEP, ldc, a0, a1, b + <usize>p * panel, depth, accumulate)
    for (; p + 2 <= panels; p += 2) twoByTwo(c + <usize>p * STEP, ldc, a0, a1, b + <usize>p * panel, depth, accumulate)
  } else {
    const heights = (M + MR - 1) / MR
    for (; p < panels; p += BLOCK) {
      const rest = panels - p - BLOCK
      const ahead = rest > 0 ? b + <usize>(p + BLOCK) * panel : next
      const apart = ((rest > 0 ? <usize>min(rest, BLOCK) * panel : nextBytes) / STREAMS) & ~63
      let m = 0
      // Each height touches its part of the streams.
      for (let i = 1; i <= heights; i++) {
        const until = m + nextHeight(M - m, heights - i + 1)
        multiplyRows(
          c + <usize>p * STEP, ldc, a, lda, from, m, until - m, M, b + <usize>p * panel, depth, min(panels - p, BLOCK), accumulate,
          ahead + <usize>((STREAMS * (i - 1)) / heights) * apart, ahead + <usize>((STREAMS * i) / heights) * apart, apart,
        )
        m = until
      }
    }
    p = panels
  }
  // What one or two rows leave, and the columns of a last panel that is not whole: row by row.
  for (; p * NR < columns; p++) {
    const width = min(columns - p * NR, NR)
    for (let m = 0; m < M; m++) {
      oneByOne(c + <usize>m * ldc + <usize>p * STEP, rowOf(a, lda, from, m, M), b + <usize>p * panel, depth, width, accumulate)
    }
  }
}
