/** Kernels over the rows of the residual stream: embedding, RMSNorm, RoPE, the sum over a token's experts. */
import { madd, splat, sqrt1, sum } from './simd'
import { address, barrier, nextTile, number, threadCount, threadIndex, word } from './threads'

/** Rows in a tile, and in one partial sum of a gain's gradient. */
const ROWS = 32

/** out_MD = table[id_M]. 0 out  1 table  2 ids  3 M  4 D */
export function embed(): void {
  const out = address(0), table = address(1), ids = address(2)
  const M = word(3)
  const bytes = <usize>word(4) << 2
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      memory.copy(out + <usize>m * bytes, table + <usize>load<u32>(ids + (<usize>m << 2)) * bytes, bytes)
    }
  }
}

/**
 * dTable[id_m] += dx_m, rows in order. Threads share the columns, never a row's order, so the sums are fixed.
 * 0 dTable  1 dx  2 ids  3 M  4 D
 */
export function embedBackward(): void {
  const dTable = address(0), dx = address(1), ids = address(2)
  const M = word(3), D = word(4)
  const width = 64
  for (let t = nextTile(0); t < (D + width - 1) / width; t = nextTile(0)) {
    const from = t * width
    const end = from + width < D ? from + width : D
    for (let m = 0; m < M; m++) {
      const to = dTable + ((<usize>load<u32>(ids + (<usize>m << 2)) * <usize>D) << 2)
      const x = dx + (<usize>(m * D) << 2)
      let d = from
      for (; d + 4 <= end; d += 4) {
        const o = <usize>d << 2
        v128.store(to + o, f32x4.add(v128.load(to + o), v128.load(x + o)))
      }
      for (; d < end; d++) {
        const o = <usize>d << 2
        store<f32>(to + o, load<f32>(to + o) + load<f32>(x + o))
      }
    }
  }
}

// @ts-ignore: decorator
@inline
/** 1 / sqrt(mean of squares + epsilon) of one row. */
export function inverseRoot(x: usize, D: i32, epsilon: f32): f32 {
  let s0 = splat(0), s1 = splat(0)
  let d = 0
  for (; d + 8 <= D; d += 8) {
    const v0 = v128.load(x + (<usize>d << 2)), v1 = v128.load(x + (<usize>d << 2), 16)
    s0 = madd(v0, v0, s0)
    s1 = madd(v1, v1, s1)
  }
  let total = sum(f32x4.add(s0, s1))
  for (; d < D; d++) {
    const v = load<f32>(x + (<usize>d << 2))
    total += v * v
  }
  return 1 / sqrt1(total / <f32>D + epsilon)
}

/** y_m = x_m * gain / sqrt(mean x_m² + epsilon). 0 y  1 x  2 gain  3 M  4 D  5 stride of x  6 stride of y  7 epsilon */
export function rmsNorm(): void {
  const y = address(0), x = address(1), gain = address(2)
  const M = word(3), D = word(4)
  const strideX = <usize>word(5) << 2, strideY = <usize>word(6) << 2
  const epsilon = number(7)
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      const from = x + <usize>m * strideX
      const to = y + <usize>m * strideY
      const r = inverseRoot(from, D, epsilon)
      const vr = splat(r)
      let d = 0
      for (; d + 4 <= D; d += 4) {
        const o = <usize>d << 2
        v128.store(to + o, f32x4.mul(f32x4.mul(v128.load(from + o), vr), v128.load(gain + o)))
      }
      for (; d < D; d++) {
        const o = <usize>d << 2
        store<f32>(to + o, load<f32>(from + o) * r * load<f32>(gain + o))
      }
    }
  }
}

/**
 * With n = x r and r = 1 / sqrt(mean x² + epsilon):  dx (+)= r (g - n mean(g n)),  g = dy * gain;  dgain += sum dy * n.
 * Each tile of rows keeps its own partial dgain; they are added in order at the end.
 * 0 dx  1 dy  2 x  3 gain  4 dgain  5 M  6 D  7 stride of x and dx  8 stride of dy  9 epsilon  10 accumulate dx  11 partials: D numbers a tile
 */
export function rmsNormBackward(): void {
  const dx = address(0), dy = address(1), x = address(2), gain = address(3), dGain = address(4)
  const M = word(5), D = word(6)
  const strideX = <usize>word(7) << 2, strideY = <usize>word(8) << 2
  const epsilon = number(9)
  const accumulate = word(10) != 0
  const partials = address(11)
  const tiles = (M + ROWS - 1) / ROWS
  for (let t = nextTile(0); t < tiles; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    const partial = partials + (<usize>(t * D) << 2)
    memory.fill(partial, 0, <usize>D << 2)
    for (let m = t * ROWS; m < end; m++) {
      const from = x + <usize>m * strideX
      const g = dy + <usize>m * strideY
      const to = dx + <usize>m * strideX
      const r = inverseRoot(from, D, epsilon)
      const vr = splat(r)
      let products = splat(0)
      let d = 0
      for (; d + 4 <= D; d += 4) {
        const o = <usize>d << 2
        const n = f32x4.mul(v128.load(from + o), vr)
        const grad = v128.load(g + o)
        v128.store(partial + o, madd(grad, n, v128.load(partial + o)))
        products = madd(f32x4.mul(grad, v128.load(gain + o)), n, products)
      }
      let product = sum(products)
      for (; d < D; d++) {
        const o = <usize>d << 2
        const n = load<f32>(from + o) * r
        const grad = load<f32>(g + o)
        store<f32>(partial + o, load<f32>(partial + o) + grad * n)
        product += grad * load<f32>(gain + o) * n
      }
      const mean = product / <f32>D
      const vMean = splat(mean)
      d = 0
      for (; d + 4 <= D; d += 4) {
        const o = <usize>d << 2
        const n = f32x4.mul(v128.load(from + o), vr)
        const value = f32x4.mul(vr, f32x4.sub(f32x4.mul(v128.load(g + o), v128.load(gain + o)), f32x4.mul(n, vMean)))
        v128.store(to + o, accumulate ? f32x4.add(v128.load(to + o), value) : value)
      }
      for (; d < D; d++) {
        const o = <usize>d << 2
        const value = r * (load<f32>(g + o) * load<f32>(gain + o) - load<f32>(from + o) * r * mean)
        store<f32>(to + o, accumulate ? load<f32>(to + o) + value : value)
      }
    }
  }
  barrier()
  // Columns are shared out in fours; each is added over the tiles in order.
  const quarter = (D + 3) / 4
  for (let q = threadIndex(); q < quarter; q += threadCount()) {
    for (let d = q * 4; d < q * 4 + 4 && d < D; d++) {
      let total: f32 = load<f32>(dGain + (<usize>d << 2))
      for (let t = 0; t < tiles; t++) total += load<f32>(partials + (<usize>(t * D + d) << 2))
      store<f32>(dGain + (<usize>d << 2), total)
    }
  }
}

/**
 * Rotates adjacent pairs (x0, x1), (x2, x3), … of `heads` slices of R numbers in each row, in place.
 * 0 x  1 M  2 heads  3 R  4 row stride  5 head stride (elements; x is at the first slice)  6 cos  7 sin (rows of R / 2)
 * 8 positions_M  9 sign: 1 forward, -1 backward
 */
export function rope(): void {
  const x = address(0)
  const M = word(1), heads = word(2), R = word(3)
  const rowStride = <usize>word(4) << 2, headStride = <usize>word(5) << 2
  const cosines = address(6), sines = address(7), positions = address(8)
  const sign = number(9)
  const half = R / 2
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      const row = <usize>(load<i32>(positions + (<usize>m << 2)) * half) << 2
      for (let h = 0; h < heads; h++) {
        const p = x + <usize>m * rowStride + <usize>h * headStride
        for (let i: usize = 0; i < <usize>half; i++) {
          const c = load<f32>(cosines + row + (i << 2))
          const s = sign * load<f32>(sines + row + (i << 2))
          const a = load<f32>(p + (i << 3)), b = load<f32>(p + (i << 3), 4)
          store<f32>(p + (i << 3), a * c - b * s)
          store<f32>(p + (i << 3), a * s + b * c, 4)
        }
      }
    }
  }
}

/**
 * y_m (+)= sum over a < A of rows[slot_(m, a)], a in order: what a token's experts return, added up.
 * 0 y  1 rows  2 slots_MA  3 M  4 D  5 A  6 accumulate
 */
export function combine(): void {
  const y = address(0), rows = address(1), slots = address(2)
  const M = word(3), D = word(4), A = word(5)
  const accumulate = word(6) != 0
  for (let t = nextTile(0); t < (M + ROWS - 1) / ROWS; t = nextTile(0)) {
    const end = (t + 1) * ROWS < M ? (t + 1) * ROWS : M
    for (let m = t * ROWS; m < end; m++) {
      const to = y + (<usize>(m * D) << 2)
      const list = slots + (<usize>(m * A) << 2)
      let d = 0
      for (; d + 8 <= D; d += 8) {
        const o = <usize>d << 2
        let s0 = accumulate ? v128.load(to + o) : splat(0)
        let s1 = accumulate ? v128.load(to + o, 16) : splat(0)
        for (let a: usize = 0; a < <usize>A; a++) {
          const p = rows + ((<usize>load<u32>(list + (a << 2)) * <usize>D) << 2) + o
          s0 = f32x4.add(s0, v128.load(p))
          s1 = f32x4.add(s1, v128.load(p, 16))
        }
        v128.store(to + o, s0)
        v128.store(to + o, s1, 16)
      }
      for (; d < D; d++) {
        const o = <usize>d << 2
        let s: f32 = accumulate ? load<f32>(to + o) : 0
        for (let a: usize = 0; a < <usize>A; a++) s += load<f32>(rows + ((<usize>load<u32>(list + (a << 2)) * <usize>D) << 2) + o)
        store<f32>(to + o, s)
      }
    }
  }
}
