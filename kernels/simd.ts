/** Vectors of four f32: the few helpers that every kernel uses. Lengths are in elements, addresses in bytes. */

// @ts-ignore: decorator
@inline
/** a * b + c. Fused in the `relaxed` build, two roundings in the `plain` one: the only place where the builds' numbers differ. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_RELAXED) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

// @ts-ignore: decorator
@inline
/** The sum of the four lanes, always in the same order. */
export function sum(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

// @ts-ignore: decorator
@inline
/** The largest of the four lanes. */
export function largest(x: v128): f32 {
  const pairs = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1))
  const a = f32x4.extract_lane(pairs, 0)
  const b = f32x4.extract_lane(pairs, 1)
  return a > b ? a : b
}

// @ts-ignore: decorator
@inline
/** The square root of one number, by way of a vector: V8's own instruction for one is slow where 256 bits were just in use. */
export function sqrt1(x: f32): f32 {
  return f32x4.extract_lane(f32x4.sqrt(f32x4.splat(x)), 0)
}

/** Where the host lays out the constants below: src/compute/machine.ts. */
const CONSTANTS: usize = 2048

// @ts-ignore: decorator
@inline
/** From memory, because the engine would build a literal vector anew at every use. */
function constant(i: i32): v128 {
  return v128.load32_splat(CONSTANTS + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
/**
 * e^x, four at a time: x = n ln 2 + r, |r| ≤ ln 2 / 2, then a polynomial of degree 6 in r (Cephes' coefficients),
 * scaled by 2^n. Largest relative error 2e-7. Clamped to -87.3 .. 88, where f32 is still normal and finite.
 */
export function exp4(value: v128): v128 {
  // pmax and pmin return their first operand where a comparison fails, so NaN must come first to stay NaN.
  const x = f32x4.pmin(f32x4.pmax(value, constant(0)), constant(1))
  // To the nearest whole number: beside 1.5 * 2^23 there is no room for a fraction, and n is the sum's lowest bits.
  const shifted = f32x4.add(f32x4.mul(x, constant(2)), constant(12))
  const n = f32x4.sub(shifted, constant(12))
  // ln 2 in two parts, so that n * ln 2 loses nothing.
  let r = f32x4.sub(x, f32x4.mul(n, constant(3)))
  r = f32x4.sub(r, f32x4.mul(n, constant(4)))
  let p = constant(5)
  p = madd(p, r, constant(6))
  p = madd(p, r, constant(7))
  p = madd(p, r, constant(8))
  p = madd(p, r, constant(9))
  p = madd(p, r, constant(10))
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, constant(11)))
  // 2^n: n where the exponent is, on top of that of 1.
  return f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), constant(11)))
}

// @ts-ignore: decorator
@inline
/** e^x of one number. */
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(splat(x)), 0)
}

// @ts-ignore: decorator
@inline
/** 1 / (1 + e^-x) of one number. */
export function sigmoid1(x: f32): f32 {
  return f32x4.extract_lane(sigmoid4(splat(x)), 0)
}

// @ts-ignore: decorator
@inline
/** 1 / (1 + e^-x). */
export function sigmoid4(x: v128): v128 {
  return f32x4.div(constant(11), f32x4.add(constant(11), exp4(f32x4.neg(x))))
}

// @ts-ignore: decorator
@inline
/** silu(gate) * up * scale, SwiGLU's activation. */
export function swiglu4(gate: v128, up: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.mul(f32x4.mul(gate, sigmoid4(gate)), up), scale)
}

// @ts-ignore: decorator
@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x)
}
