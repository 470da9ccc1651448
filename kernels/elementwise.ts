/** Kernels that touch every number once: fill, copy, add, scale, SwiGLU, and the sums of squares behind clipping. */
import { madd, sigmoid1, sigmoid4, splat, sum, swiglu4 } from './simd'
import { address, nextTile, number, word } from './threads'

/** Numbers in a tile: 64 KiB of f32. Also the unit of every reduction, so sums have one fixed order. */
const CHUNK = 16384

// @ts-ignore: decorator
@inline
function chunks(count: i32): i32 {
  return (count + CHUNK - 1) / CHUNK
}

/** out = value. 0 out  1 count  2 value */
export function fill(): void {
  const out = address(0)
  const count = word(1)
  const value = splat(number(2))
  for (let t = nextTile(0); t < chunks(count); t = nextTile(0)) {
    let i = t * CHUNK
    const end = i + CHUNK < count ? i + CHUNK : count
    for (; i + 4 <= end; i += 4) v128.store(out + (<usize>i << 2), value)
    for (; i < end; i++) store<f32>(out + (<usize>i << 2), f32x4.extract_lane(value, 0))
  }
}

/** out = a x + b out. 0 out  1 x  2 count  3 a  4 b (b = 0 never reads out) */
export function addScaled(): void {
  const out = address(0), x = address(1)
  const count = word(2)
  const a = number(3), b = number(4)
  const va = splat(a), vb = splat(b)
  for (let t = nextTile(0); t < chunks(count); t = nextTile(0)) {
    let i = t * CHUNK
    const end = i + CHUNK < count ? i + CHUNK : count
    if (b == 0) {
      for (; i + 4 <= end; i += 4) v128.store(out + (<usize>i << 2), f32x4.mul(va, v128.load(x + (<usize>i << 2))))
      for (; i < end; i++) store<f32>(out + (<usize>i << 2), a * load<f32>(x + (<usize>i << 2)))
    } else {
      for (; i + 4 <= end; i += 4) {
        const o = <usize>i << 2
        v128.store(out + o, f32x4.add(f32x4.mul(va, v128.load(x + o)), f32x4.mul(vb, v128.load(out + o))))
      }
      for (; i < end; i++) {
        const o = <usize>i << 2
        store<f32>(out + o, a * load<f32>(x + o) + b * load<f32>(out + o))
      }
    }
  }
}

/** partial[t] = sum of squares of chunk t, which the host adds in order. 0 partial  1 x  2 count */
export function sumSquares(): void {
  const partial = address(0), x = address(1)
  const count = word(2)
  for (let t = nextTile(0); t < chunks(count); t = nextTile(0)) {
    let i = t * CHUNK
    const end = i + CHUNK < count ? i + CHUNK : count
    let s0 = splat(0), s1 = splat(0)
    for (; i + 8 <= end; i += 8) {
      const v0 = v128.load(x + (<usize>i << 2)), v1 = v128.load(x + (<usize>i << 2), 16)
      s0 = madd(v0, v0, s0)
      s1 = madd(v1, v1, s1)
    }
    let total = sum(f32x4.add(s0, s1))
    for (; i < end; i++) {
      const v = load<f32>(x + (<usize>i << 2))
      total += v * v
    }
    store<f32>(partial + (<usize>t << 2), total)
  }
}

/**
 * h_MF = silu(gate) * up * scale, with [gate | up] side by side in x_M(2F).
 * 0 out  1 x  2 M  3 F  4 scale_M or 0
 */
export function swiglu(): void {
  const out = address(0), x = address(1)
  const M = word(2), F = word(3)
  const scales = address(4)
  for (let t = nextTile(0); t < (M + 15) / 16; t = nextTile(0)) {
    const end = t * 16 + 16 < M ? t * 16 + 16 : M
    for (let m = t * 16; m < end; m++) {
      const gate = x + (<usize>(m * 2 * F) << 2)
      const up = gate + (<usize>F << 2)
      const to = out + (<usize>(m * F) << 2)
      const scale: f32 = scales ? load<f32>(scales + (<usize>m << 2)) : 1
      const vScale = splat(scale)
      let f = 0
      for (; f + 8 <= F; f += 8) {
        const o = <usize>f << 2
        const h0 = swiglu4(v128.load(gate + o), v128.load(up + o), vScale)
        const h1 = swiglu4(v128.load(gate + o, 16), v128.load(up + o, 16), vScale)
        v128.store(to + o, h0)
        v128.store(to + o, h1, 16)
      }
      for (; f + 4 <= F; f += 4) {
        const o = <usize>f << 2
        v128.store(to + o, swiglu4(v128.load(gate + o), v128.load(up + o), vScale))
      }
      for (; f < F; f++) {
        const o = <usize>f << 2
        const g = load<f32>(gate + o)
        store<f32>(to + o, g * sigmoid1(g) * load<f32>(up + o) * scale)
      }
    }
  }
}

/**
 * From dh_MF: dx_M(2F) in place of x, the activation h_MF (for the weight gradient) in place of dh, and
 * dscale_M = <dh, silu(gate) * up>. silu'(g) = s (1 + g (1 - s)) with s = sigmoid(g).
 * 0 dh, becomes h  1 x, becomes dx  2 M  3 F  4 scale_M or 0  5 dscale_M or 0
 */
export function swigluBackward(): void {
  const dh = address(0), x = address(1)
  const M = word(2), F = word(3)
  const scales = address(4), dScales = address(5)
  const one = splat(1)
  for (let t = nextTile(0); t < (M + 15) / 16; t = nextTile(0)) {
    const end = t * 16 + 16 < M ? t * 16 + 16 : M
    for (let m = t * 16; m < end; m++) {
      const gate = x + (<usize>(m * 2 * F) << 2)
      const up = gate + (<usize>F << 2)
      const at = dh + (<usize>(m * F) << 2)
      const scale: f32 = scales ? load<f32>(scales + (<usize>m << 2)) : 1
      const vScale = splat(scale)
      let products = splat(0)
      let f = 0
      for (; f + 8 <= F; f += 8) {
        const o = <usize>f << 2
        const g0 = v128.load(gate + o), u0 = v128.load(up + o), d0 = v128.load(at + o)
        const g1 = v128.load(gate + o, 16), u1 = v128.load(up + o, 16), d1 = v128.load(at + o, 16)
        const s0 = sigmoid4(g0), s1 = sigmoid4(g1)
        const silu0 = f32x4.mul(g0, s0), silu1 = f32x4.mul(g1, s1)
        const h0 = f32x4.mul(silu0, u0), h1 = f32x4.mul(silu1, u1)
        const scaled0 = f32x4.mul(d0, vScale), scaled1 = f32x4.mul(d1, vScale)
        products = madd(d1, h1, madd(d0, h0, products))
        const slope0 = f32x4.mul(s0, f32x4.add(one, f32x4.sub(g0, silu0)))
        const slope1 = f32x4.mul(s1, f32x4.add(one, f32x4.sub(g1, silu1)))
        v128.store(gate + o, f32x4.mul(f32x4.mul(scaled0, u0), slope0))
        v128.store(gate + o, f32x4.mul(f32x4.mul(scaled1, u1), slope1), 16)
        v128.store(up + o, f32x4.mul(scaled0, silu0))
        v128.store(up + o, f32x4.mul(scaled1, silu1), 16)
        v128.store(at + o, f32x4.mul(h0, vScale))
        v128.store(at + o, f32x4.mul(h1, vScale), 16)
      }
      for (; f + 4 <= F; f += 4) {
        const o = <usize>f << 2
        const g = v128.load(gate + o), u = v128.load(up + o), d = v128.load(at + o)
        const s = sigmoid4(g)
        const silu = f32x4.mul(g, s)
        const h = f32x4.mul(silu, u)
        const scaled = f32x4.mul(d, vScale)
        products = madd(d, h, products)
        const slope = f32x4.mul(s, f32x4.add(one, f32x4.sub(g, silu)))
        v128.store(gate + o, f32x4.mul(f32x4.mul(scaled, u), slope))
        v128.store(up + o, f32x4.mul(scaled, silu))
        v128.store(at + o, f32x4.mul(h, vScale))
      }
      let product = sum(products)
      for (; f < F; f++) {
        const o = <usize>f << 2
        const g = load<f32>(gate + o), u = load<f32>(up + o), d = load<f32>(at + o)
        const s = sigmoid1(g)
        product += d * g * s * u
        store<f32>(gate + o, d * scale * u * s * (1 + g - g * s))
        store<f32>(up + o, d * scale * g * s)
        store<f32>(at + o, g * s * u * scale)
      }
      if (dScales) store<f32>(dScales + (<usize>m << 2), product)
    }
  }
}
