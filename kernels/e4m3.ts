/**
 * Numbers as FP8 keeps them: E4M3 has a sign, 4 bits of exponent (bias 7) and 3 of mantissa, subnormals from 2^-9 on, no
 * infinity, and ends at 448. A block of numbers shares a scale, its largest magnitude over 448; what is kept is
 * x / scale, rounded to nearest even.
 *
 * Products of such numbers are the business of gemm.ts: here they become f32 again, so FP8 is emulated and never faster.
 * Plain twin: src/compute/reference/e4m3.ts. Source: DeepSeek-V3 report, section 3.3.2; Micikevicius et al. (2022).
 */
import { largest, splat } from './simd'
import { address, nextTile, number, word } from './threads'

/** Numbers of a row that share a scale where they are stored as codes. */
const TILE = 128
/** Rows that a thread takes at once, at least. */
const ROWS = 16
/** The smallest scale: a block of zeros, or of numbers below it, is divided by something. */
const LEAST: f32 = 1.1754943508222875e-38

// @ts-ignore: decorator
@inline
/** Four numbers to the nearest of E4M3, ties to even, saturating; NaN stays. */
function round4(x: v128): v128 {
  // min and max keep NaN, unlike pmin and pmax.
  const q = f32x4.max(f32x4.min(x, splat(448)), splat(-448))
  const odd = v128.and(i32x4.shr_u(q, 20), i32x4.splat(1))
  const normal = v128.and(i32x4.add(i32x4.add(q, i32x4.splat(0x7ffff)), odd), i32x4.splat(0xfff00000))
  const subnormal = f32x4.mul(f32x4.nearest(f32x4.mul(q, splat(512))), splat(0.001953125))
  const rounded = v128.bitselect(subnormal, normal, f32x4.lt(f32x4.abs(q), splat(0.015625)))
  return v128.bitselect(rounded, q, f32x4.eq(q, q))
}

// @ts-ignore: decorator
@inline
function round1(x: f32): f32 {
  return f32x4.extract_lane(round4(splat(x)), 0)
}

// @ts-ignore: decorator
@inline
/** The code of a number that E4M3 has: sign, exponent, mantissa. */
function codeOf(rounded: f32): u32 {
  const bits = reinterpret<u32>(rounded)
  const sign = (bits >> 24) & 0x80
  if (rounded != rounded) return 0x7f
  const size = abs(rounded)
  return sign | (size < 0.015625 ? <u32>(size * 512) : ((bits >> 20) & 0x7ff) - 960)
}

// @ts-ignore: decorator
@inline
/** The codes of four such numbers, one in each lane. */
function codesOf4(rounded: v128): v128 {
  const size = f32x4.abs(rounded)
  const subnormal = i32x4.trunc_sat_f32x4_s(f32x4.mul(size, splat(512)))
  const normal = i32x4.sub(v128.and(i32x4.shr_u(rounded, 20), i32x4.splat(0x7ff)), i32x4.splat(960))
  const finite = v128.or(
    v128.bitselect(subnormal, normal, f32x4.lt(size, splat(0.015625))),
    v128.and(i32x4.shr_u(rounded, 24), i32x4.splat(0x80)),
  )
  return v128.bitselect(finite, i32x4.splat(0x7f), f32x4.eq(rounded, rounded))
}

// @ts-ignore: decorator
@inline
function scaleOf(top: f32): f32 {
  return max(top / 448, LEAST)
}

// @ts-ignore: decorator
@inline
/** Row r of a group of rows, which lie one after the other or where a list says. */
function rowAt(x: usize, stride: usize, from: usize, r: i32): usize {
  return x + <usize>(from ? load<i32>(from + (<usize>r << 2)) : r) * stride
}

/** Largest magnitude of `count` numbers; NaN is passed over. */
function topOf(p: usize, count: i32): f32 {
  let v = splat(0)
  let i = 0
  for (; i + 4 <= count; i += 4) v = f32x4.pmax(v, f32x4.abs(v128.load(p + (<usize>i << 2))))
  let top = largest(v)
  for (; i < count; i++) {
    const size = abs(load<f32>(p + (<usize>i << 2)))
    if (size > top) top = size
  }
  return top
}

/** out = E4M3(x / scale) * scale for `count` numbers. */
function roundRun(out: usize, p: usize, count: i32, scale: f32): void {
  const s = splat(scale)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const o = <usize>i << 2
    v128.store(out + o, f32x4.mul(round4(f32x4.div(v128.load(p + o), s)), s))
  }
  for (; i < count; i++) {
    const o = <usize>i << 2
    store<f32>(out + o, round1(load<f32>(p + o) / scale) * scale)
  }
}

/** A block of rows, each column with a scale of its own: four columns at once. */
function roundColumns(out: usize, x: usize, stride: usize, from: usize, begin: i32, end: i32, columns: i32): void {
  const width = <usize>columns << 2
  let c = 0
  for (; c + 4 <= columns; c += 4) {
    const o = <usize>c << 2
    let top = splat(0)
    for (let r = begin; r < end; r++) top = f32x4.pmax(top, f32x4.abs(v128.load(rowAt(x, stride, from, r) + o)))
    const s = f32x4.pmax(f32x4.div(top, splat(448)), splat(LEAST))
    for (let r = begin; r < end; r++) {
      v128.store(out + <usize>r * width + o, f32x4.mul(round4(f32x4.div(v128.load(rowAt(x, stride, from, r) + o), s)), s))
    }
  }
  for (; c < columns; c++) {
    const o = <usize>c << 2
    let top: f32 = 0
    for (let r = begin; r < end; r++) {
      const size = abs(load<f32>(rowAt(x, stride, from, r) + o))
      if (size > top) top = size
    }
    const s = scaleOf(top)
    for (let r = begin; r < end; r++) store<f32>(out + <usize>r * width + o, round1(load<f32>(rowAt(x, stride, from, r) + o) / s) * s)
  }
}

/**
 * Rounds a matrix to what E4M3 keeps of it, block by block, as f32. Blocks begin anew with each group of rows.
 *
 * 0 out (dense rows; may be x where x is dense)  1 x  2 columns  3 row stride of x (elements)  4 row numbers of x or 0
 * 5 groups  6 row offsets (groups + 1 numbers)  7 rows of a block  8 columns of a block  9 scale of all, or 0: each block's own
 */
export function roundE4m3(): void {
  const out = address(0), x = address(1)
  const columns = word(2)
  const stride = <usize>word(3) << 2
  const from = address(4)
  const groups = word(5)
  const offsets = address(6)
  const blockRows = word(7), blockColumns = word(8)
  const fixed = number(9)
  const width = <usize>columns << 2
  const height = blockRows * ((ROWS + blockRows - 1) / blockRows)

  // Strips are numbered by groups, then rows; a thread's numbers only grow, so it walks them once.
  let group = 0
  let first = 0
  for (let t = nextTile(0); ; t = nextTile(0)) {
    let begin = 0, end = 0
    while (group < groups) {
      begin = load<i32>(offsets + (<usize>group << 2))
      end = load<i32>(offsets + (<usize>group << 2), 4)
      const strips = (end - begin + height - 1) / height
      if (t < first + strips) break
      first += strips
      group++
    }
    if (group >= groups) return
    const top = begin + (t - first) * height
    const bottom = top + height < end ? top + height : end
    for (let row = top; row < bottom; row += blockRows) {
      const last = row + blockRows < bottom ? row + blockRows : bottom
      if (blockColumns == 1 && fixed == 0) {
        roundColumns(out, x, stride, from, row, last, columns)
        continue
      }
      for (let c = 0; c < columns; c += blockColumns) {
        const count = columns - c < blockColumns ? columns - c : blockColumns
        const o = <usize>c << 2
        let scale = fixed
        if (scale == 0) {
          let size: f32 = 0
          for (let r = row; r < last; r++) size = max(size, topOf(rowAt(x, stride, from, r) + o, count))
          scale = scaleOf(size)
        }
        for (let r = row; r < last; r++) roundRun(out + <usize>r * width + o, rowAt(x, stride, from, r) + o, count, scale)
      }
    }
  }
}

/**
 * Stores rows as codes of a byte each, with a scale for every 128 numbers of a row.
 * 0 codes_MD, bytes  1 scales, f32: ceil(D / 128) a row  2 x_MD  3 M  4 D  5 row stride of x
 */
export function encodeE4m3(): void {
  const codes = address(0), scales = address(1), x = address(2)
  const M = word(3), D = word(4)
  const stride = <usize>word(5) << 2
  const tiles = (D + TILE - 1) / TILE
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      for (let j = 0; j < tiles; j++) {
        const d = j * TILE
        const count = D - d < TILE ? D - d : TILE
        const p = x + <usize>m * stride + (<usize>d << 2)
        const to = codes + <usize>(m * D + d)
        const scale = scaleOf(topOf(p, count))
        store<f32>(scales + (<usize>(m * tiles + j) << 2), scale)
        const s = splat(scale)
        let i: usize = 0
        for (; i + 16 <= <usize>count; i += 16) {
          const o = p + (i << 2)
          const c0 = codesOf4(round4(f32x4.div(v128.load(o), s))), c1 = codesOf4(round4(f32x4.div(v128.load(o, 16), s)))
          const c2 = codesOf4(round4(f32x4.div(v128.load(o, 32), s))), c3 = codesOf4(round4(f32x4.div(v128.load(o, 48), s)))
          v128.store(to + i, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(c0, c1), i16x8.narrow_i32x4_u(c2, c3)))
        }
        for (; i < <usize>count; i++) store<u8>(to + i, <u8>codeOf(round1(load<f32>(p + (i << 2)) / scale)))
      }
    }
  }
}

// @ts-ignore: decorator
@inline
/** The number of a code. */
function valueOf(code: u32): f32 {
  const sign = (code & 0x80) << 24
  const size = code & 0x7f
  if (size == 0x7f) return f32.NaN
  const magnitude: f32 = size < 8 ? <f32>size * 0.001953125 : reinterpret<f32>((size + 960) << 20)
  return reinterpret<f32>(reinterpret<u32>(magnitude) | sign)
}

// @ts-ignore: decorator
@inline
/** The numbers of four codes, one in each lane. */
function valuesOf4(codes: v128): v128 {
  const size = v128.and(codes, i32x4.splat(0x7f))
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(size), splat(0.001953125))
  const normal = i32x4.shl(i32x4.add(size, i32x4.splat(960)), 20)
  const magnitude = v128.bitselect(subnormal, normal, i32x4.lt_s(size, i32x4.splat(8)))
  const finite = v128.or(magnitude, i32x4.shl(v128.and(codes, i32x4.splat(0x80)), 24))
  return v128.bitselect(splat(f32.NaN), finite, i32x4.eq(size, i32x4.splat(0x7f)))
}

/** Reads stored rows back. 0 out_MD (dense)  1 codes_MD  2 scales  3 M  4 D */
export function decodeE4m3(): void {
  const out = address(0), codes = address(1), scales = address(2)
  const M = word(3), D = word(4)
  const tiles = (D + TILE - 1) / TILE
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      for (let j = 0; j < tiles; j++) {
        const d = j * TILE
        const count = <usize>(D - d < TILE ? D - d : TILE)
        const from = codes + <usize>(m * D + d)
        const to = out + (<usize>(m * D + d) << 2)
        const scale = load<f32>(scales + (<usize>(m * tiles + j) << 2))
        const s = splat(scale)
        let i: usize = 0
        for (; i + 4 <= count; i += 4) {
          const four = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from + i)))
          v128.store(to + (i << 2), f32x4.mul(valuesOf4(four), s))
        }
        for (; i < count; i++) store<f32>(to + (i << 2), valueOf(load<u8>(from + i)) * scale)
      }
    }
  }
}
