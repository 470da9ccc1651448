/**
 * Causal attention with unequal key and value widths, a key part shared by all heads, and documents that do not see
 * each other. No T x T matrix exists: a block of 48 queries keeps one strip of scores in L2.
 *
 *   score_ij = (qNope_i · kNope_j + qRope_i · kRope_j) * scale     for start_i ≤ j ≤ i
 *   out_i    = sum_j softmax(score_i)_j v_j
 *
 * q is [M, H (N + R)], head-major, each head [nope | rope]; kv is [M, H (N + W)], each head [key | value] (the layout of
 * `kv_b_proj`); kRope is [M, R]. M = B T; rows of a sequence are consecutive. All products go through `tile` in gemm.ts.
 *
 * Backward works on transposed strips, Pᵀ [keys, 48]: then the keys' and values' gradients read their operands where
 * they lie, and only dQ needs one transpose. It keeps the row's log-sum-exp from the forward pass instead of P.
 */
import { KC, BLOCK_STRIDE, packPanel, packPanelTransposed, tile, transposeBlock } from './gemm'
import { EDGE, NR } from './micro'
import { exp1, exp4, largest, madd, splat, sum } from './simd'
import { address, barrier, nextTile, number, threadIndex, word } from './threads'

/** Queries in a block: eight rows of micro-tiles. */
const QUERIES = 48

// @ts-ignore: decorator
@inline
function ceil8(x: i32): i32 {
  return (x + 7) & ~7
}

/** The first key that any query from..end may see, rounded down to a panel. */
function firstKey(starts: usize, from: i32, end: i32): i32 {
  if (!starts) return 0
  let first = from
  for (let i = from; i < end; i++) {
    const start = load<i32>(starts + (<usize>i << 2))
    if (start < first) first = start
  }
  return first & ~7
}

/** exp(score * scale - max) over the visible keys of one row, zero elsewhere. → the sum */
export function softmaxRow(row: usize, from: i32, to: i32, end: i32, scale: f32, log: usize): f32 {
  let j = 0
  for (; j < from; j++) store<f32>(row + (<usize>j << 2), 0)
  let top: f32 = -Infinity
  for (; j < to && (j & 3); j++) top = max(top, load<f32>(row + (<usize>j << 2)))
  let v = splat(top)
  for (; j + 4 <= to; j += 4) v = f32x4.pmax(v, v128.load(row + (<usize>j << 2)))
  top = largest(v)
  for (; j < to; j++) top = max(top, load<f32>(row + (<usize>j << 2)))
  const shift = top * scale
  const vShift = splat(shift), vScale = splat(scale)
  let total: f32 = 0
  j = from
  for (; j < to && (j & 3); j++) {
    const p = exp1(load<f32>(row + (<usize>j << 2)) * scale - shift)
    store<f32>(row + (<usize>j << 2), p)
    total += p
  }
  let sums = splat(0)
  for (; j + 8 <= to; j += 8) {
    const at = row + (<usize>j << 2)
    const p = exp4(f32x4.sub(f32x4.mul(v128.load(at), vScale), vShift))
    const q = exp4(f32x4.sub(f32x4.mul(v128.load(at, 16), vScale), vShift))
    v128.store(at, p)
    v128.store(at, q, 16)
    sums = f32x4.add(f32x4.add(sums, p), q)
  }
  for (; j + 4 <= to; j += 4) {
    const p = exp4(f32x4.sub(f32x4.mul(v128.load(row + (<usize>j << 2)), vScale), vShift))
    v128.store(row + (<usize>j << 2), p)
    sums = f32x4.add(sums, p)
  }
  total += sum(sums)
  for (; j < to; j++) {
    const p = exp1(load<f32>(row + (<usize>j << 2)) * scale - shift)
    store<f32>(row + (<usize>j << 2), p)
    total += p
  }
  for (; j < end; j++) store<f32>(row + (<usize>j << 2), 0)
  store<f32>(log, shift + <f32>Math.log(<f64>total))
  return total
}

/**
 * 0 out  1 lse_MH  2 q  3 kv  4 kRope  5 row stride of kRope (elements)  6 starts_M (position in the row) or 0
 * 7 B  8 T  9 H  10 N  11 R  12 W  13 scale  14 space for packed keys and values: B H ceil8(T) (N + R + ceil8(W))
 * 15 scratch a thread: EDGE bytes and QUERIES * (ceil8(T) + 16) numbers
 */
export function attention(): void {
  const out = address(0), lse = address(1), q = address(2), kv = address(3), kRope = address(4)
  const ropeStride = <usize>word(5) << 2
  const starts = address(6)
  const B = word(7), T = word(8), H = word(9), N = word(10), R = word(11), W = word(12)
  const scale = number(13)
  const qStride = <usize>(H * (N + R)) << 2, kvStride = <usize>(H * (N + W)) << 2, outStride = <usize>(H * W) << 2
  const keyPanel = <usize>(N + R) * NR * 4
  const valuePanel = <usize>T * NR * 4
  const T8 = ceil8(T)
  const packedHead = (<usize>T8 * <usize>(N + R + ceil8(W))) << 2
  const valuesAt = (<usize>T8 * <usize>(N + R)) << 2
  const packed = address(14)
  const stripStride = <usize>(T8 + 16) << 2
  const edge = address(15) + <usize>threadIndex() * (EDGE + <usize>QUERIES * stripStride)
  const strip = edge + EDGE

  for (let t = nextTile(0); t < B * H; t = nextTile(0)) {
    const b = t / H, h = t - b * H
    const row = <usize>(b * T)
    const keys = kv + row * kvStride + (<usize>(h * (N + W)) << 2)
    const to = packed + <usize>t * packedHead
    for (let j = 0; j < T; j += NR) {
      const width = T - j < NR ? T - j : NR
      const panel = to + <usize>(j / NR) * keyPanel
      packPanelTransposed(panel, keys + <usize>j * kvStride, kvStride, N, width)
      packPanelTransposed(panel + <usize>N * NR * 4, kRope + (row + <usize>j) * ropeStride, ropeStride, R, width)
    }
    for (let w = 0; w < W; w += NR) {
      const width = W - w < NR ? W - w : NR
      packPanel(to + valuesAt + <usize>(w / NR) * valuePanel, keys + (<usize>(N + w) << 2), kvStride, 0, T, width)
    }
  }
  barrier()

  const blocks = (T + QUERIES - 1) / QUERIES
  for (let t = nextTile(1); t < B * H * blocks; t = nextTile(1)) {
    const head = t / blocks
    // The longest blocks first, so that the threads end together.
    const from = (blocks - 1 - (t - head * blocks)) * QUERIES
    const b = head / H, h = head - b * H
    const end = from + QUERIES < T ? from + QUERIES : T
    const rows = end - from
    const rowStarts = starts ? starts + (<usize>(b * T) << 2) : 0
    const first = firstKey(rowStarts, from, end)
    const to = packed + <usize>head * packedHead
    const row = <usize>(b * T + from)
    tile(
      strip, stripStride, q + row * qStride + (<usize>(h * (N + R)) << 2), qStride, 0, rows,
      to + <usize>(first / NR) * keyPanel, keyPanel, end - first, N + R, false, edge,
    )
    const result = out + row * outStride + (<usize>(h * W) << 2)
    const logs = lse + ((row * <usize>H + <usize>h) << 2)
    for (let i = 0; i < rows; i++) {
      const start = rowStarts ? load<i32>(rowStarts + (<usize>(from + i) << 2)) : 0
      const line = strip + <usize>i * stripStride
      const total = softmaxRow(line, start - first, from + i + 1 - first, end - first, scale, logs + (<usize>(i * H) << 2))
      const inverse = splat(1 / total)
      let j = 0
      for (; j + 8 <= end - first; j += 8) {
        const at = line + (<usize>j << 2)
        const e0 = v128.load(at), e1 = v128.load(at, 16)
        v128.store(at, f32x4.mul(e0, inverse))
        v128.store(at, f32x4.mul(e1, inverse), 16)
      }
      for (; j + 4 <= end - first; j += 4) {
        v128.store(line + (<usize>j << 2), f32x4.mul(v128.load(line + (<usize>j << 2)), inverse))
      }
      for (; j < end - first; j++) store<f32>(line + (<usize>j << 2), load<f32>(line + (<usize>j << 2)) / total)
    }
    tile(
      result, outStride, strip, stripStride, 0, rows,
      to + valuesAt + <usize>first * NR * 4, valuePanel, W, end - first, false, edge,
    )
  }
}

/** Packs `rows` rows of `columns` numbers as panels of B_KN (K = rows). */
function packRows(to: usize, from: usize, stride: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < columns; j += NR) {
    packPanel(to + <usize>(j / NR) * <usize>rows * NR * 4, from + (<usize>j << 2), stride, 0, rows, columns - j < NR ? columns - j : NR)
  }
}

/** Packs `rows` rows of `depth` numbers as panels of B stored transposed (N = rows, K = depth). */
function packRowsTransposed(to: usize, from: usize, stride: usize, rows: i32, depth: i32): void {
  for (let j = 0; j < rows; j += NR) {
    packPanelTransposed(to + <usize>(j / NR) * <usize>depth * NR * 4, from + <usize>j * stride, stride, depth, rows - j < NR ? rows - j : NR)
  }
}

/** Pᵀ from scores: exp(score * scale - lse), zero where the query may not look; then dSᵀ = Pᵀ (dPᵀ - delta) scale, in dP's place. */
function softmaxStrip(
  strip: usize, dStrip: usize, keys: i32, key: i32, rows: i32, query: i32, starts: usize, logs: usize, deltas: usize, scale: f32,
): void {
  const vScale = splat(scale)
  for (let j = 0; j < keys; j++) {
    const line = strip + (<usize>(j * QUERIES) << 2)
    const dLine = dStrip + (<usize>(j * QUERIES) << 2)
    for (let o: usize = 0; o < <usize>QUERIES * 4; o += 32) {
      const p = exp4(f32x4.sub(f32x4.mul(v128.load(line + o), vScale), v128.load(logs + o)))
      const q = exp4(f32x4.sub(f32x4.mul(v128.load(line + o, 16), vScale), v128.load(logs + o, 16)))
      v128.store(line + o, p)
      v128.store(line + o, q, 16)
    }
    const absolute = key + j
    // Queries before this key do not see it; nor do those whose document starts after it; nor rows past the end.
    for (let i = 0; i < QUERIES; i++) {
      const isHidden = i >= rows || query + i < absolute || (starts && absolute < load<i32>(starts + (<usize>(query + i) << 2)))
      if (isHidden) store<f32>(line + (<usize>i << 2), 0)
      else if (!starts) break
    }
    if (rows < QUERIES) memory.fill(line + (<usize>rows << 2), 0, <usize>(QUERIES - rows) << 2)
    for (let o: usize = 0; o < <usize>QUERIES * 4; o += 32) {
      const p = v128.load(line + o), q = v128.load(line + o, 16)
      const d = f32x4.sub(v128.load(dLine + o), v128.load(deltas + o))
      const e = f32x4.sub(v128.load(dLine + o, 16), v128.load(deltas + o, 16))
      v128.store(dLine + o, f32x4.mul(f32x4.mul(p, d), vScale))
      v128.store(dLine + o, f32x4.mul(f32x4.mul(q, e), vScale), 16)
    }
  }
}

/**
 * 0 dq  1 dkv  2 dkRope  3 row stride of kRope and dkRope  4 dout  5 out  6 lse_MH  7 q  8 kv  9 kRope  10 starts_M or 0
 * 11 B  12 T  13 H  14 N  15 R  16 W  17 scale  18 space: M H R numbers
 * 19 scratch a thread, in numbers: `attentionScratch` in src/compute/ops/attention.ts counts it
 */
export function attentionBackward(): void {
  const dq = address(0), dkv = address(1), dkRope = address(2)
  const ropeStride = <usize>word(3) << 2
  const dout = address(4), out = address(5), lse = address(6)
  const q = address(7), kv = address(8), kRope = address(9), starts = address(10)
  const B = word(11), T = word(12), H = word(13), N = word(14), R = word(15), W = word(16)
  const scale = number(17)
  const headRope = address(18)
  const X = N + R
  const X8 = ceil8(X), W8 = ceil8(W), T8 = ceil8(T)
  const qStride = <usize>(H * X) << 2, kvStride = <usize>(H * (N + W)) << 2, outStride = <usize>(H * W) << 2
  const numbers = EDGE / 4 + T8 * (X + X8 + X + W) + QUERIES * (2 * X8 + 2 * W8 + 2 + 2 * KC + BLOCK_STRIDE)
  let space = address(19) + ((<usize>threadIndex() * <usize>numbers) << 2)
  const edge = space
  space += EDGE
  const keyRows = space // [T, X]
  space += <usize>(T8 * X) << 2
  const packedKeys = space // panels of a chunk of keys, [keys, X]
  space += <usize>(T8 * X8) << 2
  const dKeys = space // [T, X]
  space += <usize>(T8 * X) << 2
  const dValues = space // [T, W]
  space += <usize>(T8 * W) << 2
  const packedQ = space
  space += <usize>(QUERIES * X8) << 2
  const packedQT = space
  space += <usize>(QUERIES * X8) << 2
  const packedDout = space
  space += <usize>(QUERIES * W8) << 2
  const packedDoutT = space
  space += <usize>(QUERIES * W8) << 2
  const logs = space
  space += QUERIES * 4
  const deltas = space
  space += QUERIES * 4
  const strip = space // [keys of a chunk, QUERIES]
  space += QUERIES * KC * 4
  const dStrip = space
  space += QUERIES * KC * 4
  const dScores = space // [QUERIES, keys of a chunk]

  for (let t = nextTile(0); t < B * H; t = nextTile(0)) {
    const b = t / H, h = t - b * H
    const row = <usize>(b * T)
    const keys = kv + row * kvStride + (<usize>(h * (N + W)) << 2)
    const values = keys + (<usize>N << 2)
    const rowStarts = starts ? starts + (row << 2) : 0
    for (let j = 0; j < T; j++) {
      const to = keyRows + (<usize>(j * X) << 2)
      memory.copy(to, keys + <usize>j * kvStride, <usize>N << 2)
      memory.copy(to + (<usize>N << 2), kRope + (row + <usize>j) * ropeStride, <usize>R << 2)
    }
    for (let j = 0; j < T; j += KC) {
      packRows(packedKeys + (<usize>(j * X8) << 2), keyRows + (<usize>(j * X) << 2), <usize>X << 2, T - j < KC ? T - j : KC, X)
    }
    memory.fill(dKeys, 0, <usize>(T * X) << 2)
    memory.fill(dValues, 0, <usize>(T * W) << 2)

    for (let from = 0; from < T; from += QUERIES) {
      const end = from + QUERIES < T ? from + QUERIES : T
      const rows = end - from
      const at = row + <usize>from
      const queries = q + at * qStride + (<usize>(h * X) << 2)
      const dResult = dout + at * outStride + (<usize>(h * W) << 2)
      const result = out + at * outStride + (<usize>(h * W) << 2)
      packRows(packedQ, queries, qStride, rows, X)
      packRowsTransposed(packedQT, queries, qStride, rows, X)
      packRows(packedDout, dResult, outStride, rows, W)
      packRowsTransposed(packedDoutT, dResult, outStride, rows, W)
      for (let i = 0; i < QUERIES; i++) {
        let delta: f32 = 0
        if (i < rows) {
          const p = dResult + <usize>i * outStride, o = result + <usize>i * outStride
          let products = splat(0)
          let w = 0
          for (; w + 4 <= W; w += 4) products = madd(v128.load(p + (<usize>w << 2)), v128.load(o + (<usize>w << 2)), products)
          delta = sum(products)
          for (; w < W; w++) delta += load<f32>(p + (<usize>w << 2)) * load<f32>(o + (<usize>w << 2))
        }
        store<f32>(deltas + (<usize>i << 2), delta)
        store<f32>(logs + (<usize>i << 2), i < rows ? load<f32>(lse + (((at + <usize>i) * <usize>H + <usize>h) << 2)) : 0)
      }
      const first = firstKey(rowStarts, from, end)
      const dQueries = dq + at * qStride + (<usize>(h * X) << 2)
      for (let block = first / KC; block * KC < end; block++) {
        const key = block * KC > first ? block * KC : first
        const count = ((block + 1) * KC < end ? (block + 1) * KC : end) - key
        const chunk = (block + 1) * KC < T ? KC : T - block * KC
        const keysAt = keyRows + (<usize>(key * X) << 2)
        tile(strip, QUERIES * 4, keysAt, <usize>X << 2, 0, count, packedQT, <usize>X * NR * 4, rows, X, false, edge)
        tile(dStrip, QUERIES * 4, values + <usize>key * kvStride, kvStride, 0, count, packedDoutT, <usize>W * NR * 4, rows, W, false, edge)
        softmaxStrip(strip, dStrip, count, key, rows, from, rowStarts, logs, deltas, scale)
        tile(dValues + (<usize>(key * W) << 2), <usize>W << 2, strip, QUERIES * 4, 0, count, packedDout, <usize>rows * NR * 4, W, rows, true, edge)
        tile(dKeys + (<usize>(key * X) << 2), <usize>X << 2, dStrip, QUERIES * 4, 0, count, packedQ, <usize>rows * NR * 4, X, rows, true, edge)
        transposeBlock(dScores, dStrip, QUERIES * 4, 0, rows, count)
        tile(
          dQueries, qStride, dScores, BLOCK_STRIDE * 4, 0, rows,
          packedKeys + (<usize>(block * KC * X8) << 2) + <usize>(key - block * KC) * NR * 4, <usize>chunk * NR * 4, X, count, key > first, edge,
        )
      }
    }

    for (let j = 0; j < T; j++) {
      const to = dkv + (row + <usize>j) * kvStride + (<usize>(h * (N + W)) << 2)
      const from = dKeys + (<usize>(j * X) << 2)
      memory.copy(to, from, <usize>N << 2)
      memory.copy(to + (<usize>N << 2), dValues + (<usize>(j * W) << 2), <usize>W << 2)
      memory.copy(headRope + (((row + <usize>j) * <usize>H + <usize>h) * <usize>R << 2), from + (<usize>N << 2), <usize>R << 2)
    }
  }
  barrier()

  // The rope key is shared: its gradient is the heads' sum, in order.
  const M = B * T
  for (let t = nextTile(1); t < (M + 63) / 64; t = nextTile(1)) {
    const end = (t + 1) * 64 < M ? (t + 1) * 64 : M
    for (let m = t * 64; m < end; m++) {
      for (let r: usize = 0; r < <usize>R; r++) {
        let total: f32 = 0
        for (let h = 0; h < H; h++) total += load<f32>(headRope + ((<usize>((m * H + h) * R) + r) << 2))
        store<f32>(dkRope + <usize>m * ropeStride + (r << 2), total)
      }
    }
  }
}
