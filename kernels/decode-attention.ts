/**
 * Attention of decoding, on the cache of latents, with W_UK and W_UV absorbed: for each head
 *
 *   q~ = W_UKᵀ q_nope     score_j = [q~ | q_rope] · [latent_j | key_j]     z = sum_j p_j latent_j     o = W_UV z
 *
 * A cached row is [latent (C) | rotated key (R)], so a score is one product. Source: the DeepSeek-V2 report, section 2.1.
 * Entries of the list in kernels/decode.ts. Plain twin: the model's own forward pass.
 */
import { softmaxRow } from './attention'
import { argument, at, forgetNormalized, normalized, pointer, real, SEQUENCE, share, shares } from './decode-share'
import { dot4, mixRows, storeSome } from './dots'
import { splat } from './simd'

/** Adjacent pairs of R numbers turned to a position: to = from rotated. */
function rotate(to: usize, from: usize, R: i32, cosines: usize, sines: usize, position: i32): void {
  const half = R >> 1
  for (let i = 0; i < half; i++) {
    const c = load<f32>(at(cosines, position * half + i)), s = load<f32>(at(sines, position * half + i))
    const a = load<f32>(at(from, 2 * i)), b = load<f32>(at(from, 2 * i + 1))
    store<f32>(at(to, 2 * i), a * c - b * s)
    store<f32>(at(to, 2 * i + 1), a * s + b * c)
  }
}

// @ts-ignore: decorator
@inline
function layerCache(sequence: usize, layer: i32): usize {
  return <usize>load<u32>(sequence, 8) + <usize>layer * <usize>load<u32>(sequence, 12)
}

/** Puts [norm(latent) | rotated key] at each sequence's position. 0 latent_M(C+R)  1 gain_C  2 epsilon  3 C  4 R  5 layer  6 cos  7 sin */
export function decodeCache(entry: usize, M: i32, sequences: usize): void {
  const C = argument(entry, 3), R = argument(entry, 4)
  for (let m = share; m < M; m += shares) {
    const sequence = sequences + <usize>m * SEQUENCE
    const position = load<i32>(sequence, 4)
    const from = at(pointer(entry, 0), m * (C + R))
    const to = at(layerCache(sequence, argument(entry, 5)), position * (C + R))
    normalized(from, pointer(entry, 1), real(entry, 2), 1, C, to)
    rotate(at(to, C), at(from, C), R, pointer(entry, 6), pointer(entry, 7), position)
  }
}

/**
 * One token's attention over its sequence, the token itself included; the heads of all tokens are shared out.
 * 0 out_M(HW)  1 q_M(H(N+R))  2 expand_(H(N+W))C  3 H  4 N  5 R  6 W  7 C  8 layer  9 scale  10 cos  11 sin
 * scratch: 2 C + R + 1 numbers and one for each position
 */
export function decodeAttend(entry: usize, M: i32, sequences: usize, scratch: usize): void {
  const H = argument(entry, 3), N = argument(entry, 4), R = argument(entry, 5), W = argument(entry, 6), C = argument(entry, 7)
  // What it writes is where normalised rows were.
  forgetNormalized()
  const width = C + R
  const stride = <usize>width << 2, latentStride = <usize>C << 2
  const query = scratch
  const mixed = at(query, width)
  const log = at(mixed, C)
  const scores = at(log, 1)
  const end = (M * H * (share + 1)) / shares
  for (let t = (M * H * share) / shares; t < end; t++) {
    const m = t / H, h = t - m * H
    const sequence = sequences + <usize>m * SEQUENCE
    const position = load<i32>(sequence, 4)
    const count = position + 1
    const cache = layerCache(sequence, argument(entry, 8))
    const q = at(pointer(entry, 1), t * (N + R))
    const keyRows = pointer(entry, 2) + <usize>(h * (N + W)) * latentStride
    const valueRows = keyRows + <usize>N * latentStride
    mixRows(query, q, keyRows, latentStride, N, C)
    rotate(at(query, C), at(q, N), R, pointer(entry, 10), pointer(entry, 11), position)
    for (let j = 0; j < count; j += 4) {
      storeSome(at(scores, j), dot4(cache + <usize>j * stride, stride, count - j, query, width), count - j, false)
    }
    const inverse = splat(1 / softmaxRow(scores, 0, count, count, real(entry, 9), log))
    mixRows(mixed, scores, cache, stride, count, C)
    const out = at(pointer(entry, 0), t * W)
    for (let w = 0; w < W; w += 4) {
      const value = dot4(valueRows + <usize>w * latentStride, latentStride, W - w, mixed, C)
      storeSome(at(out, w), f32x4.mul(value, inverse), W - w, false)
    }
  }
}
