/** What this machine can do at best: multiply-adds from registers, and bytes streamed through memory. */
import { madd, splat, sum } from './simd'
import { address, nextTile, number, threadIndex, word } from './threads'

/** Twelve independent chains of multiply-adds, no memory: 12 * 4 * 2 FLOPs a round. Arguments: out, rounds, a, b (x = x a + b). */
export function probeMultiplyAdd(): void {
  const rounds = word(1)
  // From memory, because the engine would load a constant anew for every use.
  const a = splat(number(2))
  const b = splat(number(3))
  let c0 = splat(0), c1 = splat(1), c2 = splat(2), c3 = splat(3), c4 = splat(4), c5 = splat(5)
  let c6 = splat(6), c7 = splat(7), c8 = splat(8), c9 = splat(9), c10 = splat(10), c11 = splat(11)
  for (let i = 0; i < rounds; i++) {
    c0 = madd(c0, a, b); c1 = madd(c1, a, b); c2 = madd(c2, a, b); c3 = madd(c3, a, b)
    c4 = madd(c4, a, b); c5 = madd(c5, a, b); c6 = madd(c6, a, b); c7 = madd(c7, a, b)
    c8 = madd(c8, a, b); c9 = madd(c9, a, b); c10 = madd(c10, a, b); c11 = madd(c11, a, b)
  }
  const low = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(c4, c5))
  const high = f32x4.add(f32x4.add(f32x4.add(c6, c7), f32x4.add(c8, c9)), f32x4.add(c10, c11))
  store<f32>(address(0) + (<usize>threadIndex() << 6), sum(f32x4.add(low, high)))
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
