/** What this machine can do at best: multiply-adds from registers, and bytes streamed through memory. */
import { madd, splat, sum } from './simd'
import { address, nextTile, number, threadIndex, word } from './threads'

// @ts-ignore: decorator
@inline
/** The sum of six vectors. */
function six(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128): v128 {
  return f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(e, f))
}

/**
 * Twelve independent chains of multiply-adds, no memory, as in the micro-kernels: 12 * 4 * 2 FLOPs a round, twice that in the
 * `wide` build, where a chain is a pair of vectors. Arguments: out (64 bytes a thread), rounds, a, b (x = x a + b).
 */
export function probeMultiplyAdd(): void {
  const rounds = word(1)
  // From memory, because the engine would load a constant anew for every use.
  const a = splat(number(2))
  const b = splat(number(3))
  let c0 = splat(0), c1 = splat(1), c2 = splat(2), c3 = splat(3), c4 = splat(4), c5 = splat(5)
  let c6 = splat(6), c7 = splat(7), c8 = splat(8), c9 = splat(9), c10 = splat(10), c11 = splat(11)
  let d0 = splat(0), d1 = splat(1), d2 = splat(2), d3 = splat(3), d4 = splat(4), d5 = splat(5)
  let d6 = splat(6), d7 = splat(7), d8 = splat(8), d9 = splat(9), d10 = splat(10), d11 = splat(11)
  for (let i = 0; i < rounds; i++) {
    c0 = madd(c0, a, b); c1 = madd(c1, a, b); c2 = madd(c2, a, b); c3 = madd(c3, a, b)
    c4 = madd(c4, a, b); c5 = madd(c5, a, b); c6 = madd(c6, a, b); c7 = madd(c7, a, b)
    c8 = madd(c8, a, b); c9 = madd(c9, a, b); c10 = madd(c10, a, b); c11 = madd(c11, a, b)
    if (ASC_WIDE) {
      d0 = madd(d0, a, b); d1 = madd(d1, a, b); d2 = madd(d2, a, b); d3 = madd(d3, a, b)
      d4 = madd(d4, a, b); d5 = madd(d5, a, b); d6 = madd(d6, a, b); d7 = madd(d7, a, b)
      d8 = madd(d8, a, b); d9 = madd(d9, a, b); d10 = madd(d10, a, b); d11 = madd(d11, a, b)
    }
  }
  const to = address(0) + (<usize>threadIndex() << 6)
  v128.store(to, f32x4.add(six(c0, c1, c2, c3, c4, c5), six(c6, c7, c8, c9, c10, c11)))
  if (ASC_WIDE) v128.store(to, f32x4.add(six(d0, d1, d2, d3, d4, d5), six(d6, d7, d8, d9, d10, d11)), 16)
}

/** Reads `bytes` from memory in tiles of 1 MiB and adds them up. Arguments: out (64 bytes a thread), from, bytes. */
export function probeStream(): void {
  const from = address(1)
  const bytes = address(2)
  const tiles = <i32>((bytes + 0xfffff) >> 20)
  let total = splat(0)
  for (let tile = nextTile(0); tile < tiles; tile = nextTile(0)) {
    const start = from + (<usize>tile << 20)
    let end = start + (1 << 20)
    if (end > from + bytes) end = from + bytes
    let t0 = splat(0), t1 = splat(0), t2 = splat(0), t3 = splat(0)
    for (let p = start; p < end; p += 64) {
      t0 = f32x4.add(t0, v128.load(p))
      t1 = f32x4.add(t1, v128.load(p, 16))
      t2 = f32x4.add(t2, v128.load(p, 32))
      t3 = f32x4.add(t3, v128.load(p, 48))
    }
    total = f32x4.add(total, f32x4.add(f32x4.add(t0, t1), f32x4.add(t2, t3)))
  }
  store<f32>(address(0) + (<usize>threadIndex() << 6), sum(total))
}
