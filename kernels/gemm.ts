/**
 * Matrix products in f32:  C_MN (+)= A_MK · B_KN,  plain or in groups of rows, and the transposed form that weight
 * gradients need,  C_MN += A_KMᵀ · B_KN.
 *
 *   B is packed whole, once:        panels of 8 columns, K x 8 numbers each, zero-padded on the right
 *   A is read where it lies:        6 rows at a time, through row addresses, so a gather of rows costs nothing
 *   a tile of C:                    up to 96 rows (an A block of 96 x 512 sits in L2), the columns of 2 MiB of B
 *   in it                           six rows of A meet one panel of B, or two: kernels/micro.ts
 *
 * K is cut into blocks of 512, always at the same places, so each number of C is summed in one fixed order whatever
 * the tiles and threads are. Plain twin: `matmul` in src/compute/reference/matmul.ts. Figures: `strata bench gemm`.
 */
import { storeSome } from './dots'
import { EDGE, micro, microPair, MR, NR, STEP } from './micro'
import { address, barrier, nextTile, threadIndex, word } from './threads'

/** Rows of C in a tile, at most. */
export const MC = 96
/** Depth of a block of K. */
export const KC = 512
/** A transposed block of A: MC rows of KC numbers and a cache line, so that its rows do not share cache sets. */
export const BLOCK_STRIDE = KC + 16

// @ts-ignore: decorator
@inline
function ceilDiv(a: i32, b: i32): i32 {
  return (a + b - 1) / b
}

/** Rows and columns that are left over at the edges of C: computed in full into `edge`, then the valid part is kept. */
function microEdge(
  c: usize, ldc: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
  b: usize, panel: usize, depth: i32, accumulate: bool, rows: i32, columns: i32, isPair: bool, edge: usize,
): void {
  const stride: usize = isPair ? 2 * STEP : STEP
  if (isPair) microPair(edge, stride, a0, a1, a2, a3, a4, a5, b, panel, depth, false)
  else micro(edge, stride, a0, a1, a2, a3, a4, a5, b, depth, false)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j += 4) {
      const o = <usize>j << 2
      storeSome(c + o, v128.load(edge + o), columns - j, accumulate)
    }
    edge += stride
    c += ldc
  }
}

/**
 * One tile: C (+)= A · B for `rows` rows and one block of K. Rows of A lie `lda` bytes apart, or where the list `from`
 * of row numbers says. `b` is the packed B of all N columns from this block of K on, `panel` bytes from panel to panel.
 */
export function tile(
  c: usize, ldc: usize, a: usize, lda: usize, from: usize, rows: i32,
  b: usize, panel: usize, columns: i32, depth: i32, accumulate: bool, edge: usize,
): void {
  const last = rows - 1
  for (let j = 0; j < columns; ) {
    // Two panels at a time in the `wide` build, one where none is left beside it.
    const isPair = ASC_WIDE != 0 && columns - j >= 2 * NR
    const width = isPair ? 2 * NR : min(columns - j, NR)
    for (let i = 0; i < rows; i += MR) {
      // Past the last row its address stands in: computed for nothing, never stored.
      const i1 = i + 1 < last ? i + 1 : last
      const i2 = i + 2 < last ? i + 2 : last
      const i3 = i + 3 < last ? i + 3 : last
      const i4 = i + 4 < last ? i + 4 : last
      const i5 = i + 5 < last ? i + 5 : last
      let a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize
      if (from) {
        a0 = a + <usize>load<u32>(from + (<usize>i << 2)) * lda
        a1 = a + <usize>load<u32>(from + (<usize>i1 << 2)) * lda
        a2 = a + <usize>load<u32>(from + (<usize>i2 << 2)) * lda
        a3 = a + <usize>load<u32>(from + (<usize>i3 << 2)) * lda
        a4 = a + <usize>load<u32>(from + (<usize>i4 << 2)) * lda
        a5 = a + <usize>load<u32>(from + (<usize>i5 << 2)) * lda
      } else {
        a0 = a + <usize>i * lda
        a1 = a + <usize>i1 * lda
        a2 = a + <usize>i2 * lda
        a3 = a + <usize>i3 * lda
        a4 = a + <usize>i4 * lda
        a5 = a + <usize>i5 * lda
      }
      const to = c + <usize>i * ldc + (<usize>j << 2)
      const height = rows - i < MR ? rows - i : MR
      if (height < MR || width < NR) {
        microEdge(to, ldc, a0, a1, a2, a3, a4, a5, b, panel, depth, accumulate, height, width, isPair, edge)
      } else if (isPair) microPair(to, ldc, a0, a1, a2, a3, a4, a5, b, panel, depth, accumulate)
      else micro(to, ldc, a0, a1, a2, a3, a4, a5, b, depth, accumulate)
    }
    b += isPair ? 2 * panel : panel
    j += width
  }
}

/**
 * C_g (+)= A_g · B_g for groups g of consecutive rows (one group: a plain product).
 *
 * 0 c  1 a  2 packed b  3 N  4 K  5 ldc  6 lda (elements)  7 row numbers of A or 0  8 accumulate
 * 9 groups  10 row offsets (groups + 1 numbers)  11 rows in a tile  12 scratch: EDGE bytes a thread
 * 13 columns in a tile: a multiple of 8, few enough that their part of B stays in the cache from tile to tile
 * 14 depth of a packed panel: K, or more when this product takes a slice of it
 */
export function gemm(): void {
  const c = address(0), a = address(1), b = address(2)
  const N = word(3), K = word(4)
  const ldc = <usize>word(5) << 2, lda = <usize>word(6) << 2
  const from = address(7)
  const accumulate = word(8) != 0
  const groups = word(9)
  const offsets = address(10)
  const height = word(11)
  const edge = address(12) + <usize>threadIndex() * EDGE
  const panel = <usize>word(14) * STEP
  const packedGroup = panel * <usize>ceilDiv(N, NR)

  const span = word(13)

  // Tiles are numbered by columns, groups, rows; a thread's numbers only grow, so it walks them once.
  let column = 0
  let group = 0
  let first = 0
  for (let t = nextTile(0); ; t = nextTile(0)) {
    let begin = 0, rows = 0
    while (column < N) {
      begin = load<i32>(offsets + (<usize>group << 2))
      rows = load<i32>(offsets + (<usize>group << 2), 4) - begin
      const tiles = ceilDiv(rows, height)
      if (t < first + tiles) break
      first += tiles
      if (++group == groups) {
        group = 0
        column += span
      }
    }
    if (column >= N) return
    const row = begin + (t - first) * height
    const count = begin + rows - row < height ? begin + rows - row : height
    const width = N - column < span ? N - column : span
    const source = from ? from + (<usize>row << 2) : 0
    const base = from ? a : a + <usize>row * lda
    const to = c + <usize>row * ldc + (<usize>column << 2)
    const packed = b + <usize>group * packedGroup + <usize>(column / NR) * panel
    for (let k = 0; k < K; k += KC) {
      const depth = K - k < KC ? K - k : KC
      tile(
        to, ldc, base + (<usize>k << 2), lda, source, count,
        packed + <usize>k * STEP, panel, width, depth, accumulate || k > 0, edge,
      )
    }
    if (K == 0 && !accumulate) for (let i = 0; i < count; i++) memory.fill(to + <usize>i * ldc, 0, <usize>width << 2)
  }
}

// @ts-ignore: decorator
@inline
/** Writes the transpose of the 4 x 4 numbers at `p` (rows `stride` bytes apart) to `q` (rows `step` bytes apart). */
function transpose4(p0: usize, p1: usize, p2: usize, p3: usize, q: usize, step: usize): void {
  const r0 = v128.load(p0), r1 = v128.load(p1), r2 = v128.load(p2), r3 = v128.load(p3)
  const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(q, v128.shuffle<f32>(t0, t2, 0, 1, 4, 5))
  v128.store(q + step, v128.shuffle<f32>(t0, t2, 2, 3, 6, 7))
  v128.store(q + 2 * step, v128.shuffle<f32>(t1, t3, 0, 1, 4, 5))
  v128.store(q + 3 * step, v128.shuffle<f32>(t1, t3, 2, 3, 6, 7))
}

/** One panel from B_KN: 8 (or fewer) columns of rows `ldb` bytes apart, or of the rows that `from` lists. */
export function packPanel(to: usize, b: usize, ldb: usize, from: usize, K: i32, columns: i32): void {
  for (let k = 0; k < K; k++) {
    const p = b + (from ? <usize>load<u32>(from + (<usize>k << 2)) : <usize>k) * ldb
    const q = to + (<usize>k << 5)
    if (columns == NR) {
      const x = v128.load(p), y = v128.load(p, 16)
      v128.store(q, x)
      v128.store(q, y, 16)
    } else {
      for (let j: usize = 0; j < <usize>NR; j++) store<f32>(q + (j << 2), j < <usize>columns ? load<f32>(p + (j << 2)) : 0)
    }
  }
}

/** One panel from B stored as B_NK: row j of the store is column j of the panel. */
export function packPanelTransposed(to: usize, b: usize, ldb: usize, K: i32, columns: i32): void {
  let k = 0
  if (columns == NR) {
    for (; k + 4 <= K; k += 4) {
      const p = b + (<usize>k << 2)
      const q = to + (<usize>k << 5)
      transpose4(p, p + ldb, p + 2 * ldb, p + 3 * ldb, q, 32)
      const r = p + 4 * ldb
      transpose4(r, r + ldb, r + 2 * ldb, r + 3 * ldb, q + 16, 32)
    }
  }
  for (; k < K; k++) {
    const q = to + (<usize>k << 5)
    for (let j: usize = 0; j < <usize>NR; j++) {
      store<f32>(q + (j << 2), j < <usize>columns ? load<f32>(b + j * ldb + (<usize>k << 2)) : 0)
    }
  }
}

/**
 * Packs B for `gemm`, one panel a tile.
 *
 * 0 out  1 b  2 N  3 K  4 ldb (elements)  5 stored as B_NK  6 groups  7 elements from group to group
 */
export function pack(): void {
  const out = address(0), b = address(1)
  const N = word(2), K = word(3)
  const ldb = <usize>word(4) << 2
  const isTransposed = word(5) != 0
  const groups = word(6)
  const stride = <usize>word(7) << 2
  const panels = ceilDiv(N, NR)
  for (let t = nextTile(0); t < groups * panels; t = nextTile(0)) {
    const group = t / panels
    const j = (t - group * panels) * NR
    const columns = N - j < NR ? N - j : NR
    const to = out + <usize>t * <usize>K * STEP
    const source = b + <usize>group * stride
    if (isTransposed) packPanelTransposed(to, source + <usize>j * ldb, ldb, K, columns)
    else packPanel(to, source + (<usize>j << 2), ldb, 0, K, columns)
  }
}

/** Copies A_KM[k.., i..], `rows` wide and `depth` deep, to `to` as rows of BLOCK_STRIDE numbers. */
export function transposeBlock(to: usize, a: usize, lda: usize, from: usize, rows: i32, depth: i32): void {
  const step: usize = BLOCK_STRIDE * 4
  let k = 0
  for (; k + 4 <= depth; k += 4) {
    let p0: usize, p1: usize, p2: usize, p3: usize
    if (from) {
      const list = from + (<usize>k << 2)
      p0 = a + <usize>load<u32>(list) * lda
      p1 = a + <usize>load<u32>(list, 4) * lda
      p2 = a + <usize>load<u32>(list, 8) * lda
      p3 = a + <usize>load<u32>(list, 12) * lda
    } else {
      p0 = a + <usize>k * lda
      p1 = p0 + lda
      p2 = p1 + lda
      p3 = p2 + lda
    }
    const q = to + (<usize>k << 2)
    let i = 0
    for (; i + 4 <= rows; i += 4) {
      const o = <usize>i << 2
      transpose4(p0 + o, p1 + o, p2 + o, p3 + o, q + <usize>i * step, step)
    }
    for (; i < rows; i++) {
      const o = <usize>i << 2
      const r = q + <usize>i * step
      store<f32>(r, load<f32>(p0 + o))
      store<f32>(r, load<f32>(p1 + o), 4)
      store<f32>(r, load<f32>(p2 + o), 8)
      store<f32>(r, load<f32>(p3 + o), 12)
    }
  }
  for (; k < depth; k++) {
    const p = a + (from ? <usize>load<u32>(from + (<usize>k << 2)) : <usize>k) * lda
    for (let i = 0; i < rows; i++) store<f32>(to + <usize>i * step + (<usize>k << 2), load<f32>(p + (<usize>i << 2)))
  }
}

/**
 * C_g (+)= A_gᵀ · B_g, where group g is the rows offsets[g] .. offsets[g + 1] of A_KM and B_KN: weight gradients.
 * First B is packed by all threads, then each tile transposes its own block of A.
 *
 * 0 c  1 a  2 b  3 M  4 N  5 ldc  6 lda  7 ldb (elements)  8 row numbers of A or 0  9 row numbers of B or 0
 * 10 accumulate  11 groups  12 row offsets  13 elements of C from group to group  14 rows in a tile
 * 15 space for packed B  16 scratch a thread: EDGE bytes and MC * BLOCK_STRIDE numbers
 */
export function gemmTransposed(): void {
  const c = address(0), a = address(1), b = address(2)
  const M = word(3), N = word(4)
  const ldc = <usize>word(5) << 2, lda = <usize>word(6) << 2, ldb = <usize>word(7) << 2
  const fromA = address(8), fromB = address(9)
  const accumulate = word(10) != 0
  const groups = word(11)
  const offsets = address(12)
  const strideC = <usize>word(13) << 2
  const height = word(14)
  const packed = address(15)
  const edge = address(16) + <usize>threadIndex() * (EDGE + MC * BLOCK_STRIDE * 4)
  const block = edge + EDGE
  const panels = ceilDiv(N, NR)

  for (let t = nextTile(0); t < groups * panels; t = nextTile(0)) {
    const group = t / panels
    const j = (t - group * panels) * NR
    const begin = load<i32>(offsets + (<usize>group << 2))
    const K = load<i32>(offsets + (<usize>group << 2), 4) - begin
    const to = packed + (<usize>begin * <usize>panels + <usize>K * <usize>(j / NR)) * STEP
    const source = fromB ? b : b + <usize>begin * ldb
    const list = fromB ? fromB + (<usize>begin << 2) : 0
    packPanel(to, source + (<usize>j << 2), ldb, list, K, N - j < NR ? N - j : NR)
  }
  barrier()

  const tiles = ceilDiv(M, height)
  for (let t = nextTile(1); t < groups * tiles; t = nextTile(1)) {
    const group = t / tiles
    const i = (t - group * tiles) * height
    const rows = M - i < height ? M - i : height
    const begin = load<i32>(offsets + (<usize>group << 2))
    const K = load<i32>(offsets + (<usize>group << 2), 4) - begin
    const to = c + <usize>group * strideC + <usize>i * ldc
    const panel = <usize>K * STEP
    const bGroup = packed + <usize>begin * <usize>panels * STEP
    for (let k = 0; k < K; k += KC) {
      const depth = K - k < KC ? K - k : KC
      const source = fromA ? a : a + <usize>(begin + k) * lda
      const list = fromA ? fromA + (<usize>(begin + k) << 2) : 0
      transposeBlock(block, source + (<usize>i << 2), lda, list, rows, depth)
      tile(to, ldc, block, BLOCK_STRIDE * 4, 0, rows, bGroup + <usize>k * STEP, panel, N, depth, accumulate || k > 0, edge)
    }
    if (K == 0 && !accumulate) for (let r = 0; r < rows; r++) memory.fill(to + <usize>r * ldc, 0, <usize>N << 2)
  }
}
