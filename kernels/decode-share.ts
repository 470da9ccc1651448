/**
 * What the entries of a list of decoding have in common: their arguments, the share that a thread works on, its scratch.
 *
 * A thread's scratch: tile | second tile | rows that are normalised on the way, and what an entry needs beside them.
 * The list is explained in kernels/decode.ts.
 */
import { NR } from './micro'
import { inverseRoot } from './rowwise'
import { splat } from './simd'

/** Bytes of a sequence's four words. */
export const SEQUENCE: usize = 16
/** Bytes of an entry of the list: kind, wait, then arguments. */
export const ENTRY: usize = 96
/** Columns of the two tiles, one row a sequence each: products on their way to somewhere else. */
export const TILE = 32
export const TILE_STRIDE: usize = TILE * 4

/** The share that this thread works on, and how many there are. */
export let share: i32 = 0
export let shares: i32 = 1
/** Groups of the list, the running one by its number, and its first entry. */
export let groups: i32 = 0
export let running: i32 = 0
export let groupEntry: usize = 0
/** Tiles in this thread's scratch. */
export let tile: usize = 0
export let secondTile: usize = 0
/** Rows that this thread has normalised last: whose, by which gain, in which group. */
let normedRows: usize = 0
let normedGain: usize = 0
let normedGroup: i32 = -1

// @ts-ignore: decorator
@inline
export function argument(entry: usize, i: i32): i32 {
  return load<i32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
export function pointer(entry: usize, i: i32): usize {
  return load<u32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
export function real(entry: usize, i: i32): f32 {
  return load<f32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
export function at(base: usize, i: i32): usize {
  return base + (<usize>i << 2)
}

// @ts-ignore: decorator
@inline
/** The first of N columns that belongs to a share: whole panels, as even as they come. */
export function firstColumn(N: i32, part: i32): i32 {
  const column = ((((N + NR - 1) / NR) * part) / shares) * NR
  return column < N ? column : N
}

// @ts-ignore: decorator
@inline
/** Bytes of the panels that hold so many columns, K deep. */
export function panelBytes(columns: i32, K: i32): usize {
  return <usize>(((columns + NR - 1) / NR) * NR * K) << 2
}

/** Rows times gain over their root mean square, for this thread alone. → their address; x itself without a gain */
export function normalized(x: usize, gain: usize, epsilon: f32, M: i32, K: i32, scratch: usize): usize {
  if (!gain) return x
  for (let m = 0; m < M; m++) {
    const from = at(x, m * K), to = at(scratch, m * K)
    const r = inverseRoot(from, K, epsilon)
    const vr = splat(r)
    let k = 0
    for (; k + 4 <= K; k += 4) {
      v128.store(at(to, k), f32x4.mul(f32x4.mul(v128.load(at(from, k)), vr), v128.load(at(gain, k))))
    }
    for (; k < K; k++) store<f32>(at(to, k), load<f32>(at(from, k)) * r * load<f32>(at(gain, k)))
  }
  return scratch
}

/** The same for a product's input; a thread that comes back with another share of the group finds them done. */
export function normalizedOnce(x: usize, gain: usize, epsilon: f32, M: i32, K: i32, scratch: usize): usize {
  if (!gain) return x
  if (normedGroup != running || normedRows != x || normedGain != gain) {
    normalized(x, gain, epsilon, M, K, scratch)
    normedRows = x
    normedGain = gain
    normedGroup = running
  }
  return scratch
}

/** A list begins on this thread. `scratch`: its own, for M sequences. → the scratch behind the tiles */
export function beginList(scratch: usize, M: i32, shareCount: i32, groupCount: i32): usize {
  tile = scratch
  groups = groupCount
  secondTile = tile + <usize>M * TILE_STRIDE
  shares = shareCount
  normedGroup = -1
  return secondTile + <usize>M * TILE_STRIDE
}

/** This thread turns to a share of a group. */
export function beginShare(group: i32, entry: usize, part: i32): void {
  running = group
  groupEntry = entry
  share = part
}

/** What was normalised is about to be overwritten. */
export function forgetNormalized(): void {
  normedGroup = -1
}
