/**
 * Decoding: one token of each of a few sequences goes through the whole model in one command.
 *
 * A command costs the host a microsecond and wakes the pool; a small model's step of decoding has dozens of products of a
 * few microseconds. So the host writes the step down once, as a list, and this kernel runs the list.
 *
 *   entry     one of the functions below: kind, whether a group ends behind it, arguments
 *   group     entries that need nothing of each other; it begins when the group before it is done
 *   share     of a group: a block of consecutive rows of each entry's matrix, the same for equal row counts, so entries
 *             of a group may add to the same rows; what all shares need (a norm, a choice of experts) each of them
 *             works out for itself, with the same result. A thread takes the next share that nobody has taken: one
 *             that the system keeps from running holds nobody up
 *   sequence  four words: token id, position, address of its cache, bytes of one layer of it
 *
 * Attention works on the cache of latents, with W_UK and W_UV absorbed: for each head
 *
 *   q~ = W_UKᵀ q_nope     score_j = [q~ | q_rope] · [latent_j | key_j]     z = sum_j p_j latent_j     o = W_UV z
 *
 * A cached row is [latent (C) | rotated key (R)], so a score is one product. Source: the DeepSeek-V2 report, section 2.1.
 * Plain twin: the model's own forward pass. Written by src/compute/ops/decode-steps.ts. Figures: src/apps/bench/generate.ts.
 */
import { softmaxRow } from './attention'
import { dot4, dot4x2, loadSome, mixRows, storeSome, stream4x2 } from './dots'
import { routeRow, sortChoices } from './router'
import { inverseRoot } from './rowwise'
import { sigmoid4, splat } from './simd'
import { address, nap, threadIndex, word } from './threads'

/** Bytes of an entry of the list: kind, wait, then arguments. */
const ENTRY: usize = 96
/** Bytes of a sequence's four words. */
const SEQUENCE: usize = 16
/** Bytes of a group's two counters, shares taken and shares done: a cache line. */
const COUNTERS: usize = 64
/** Looks at the group's number before a thread sleeps: some microseconds, longer than any group's shares differ. */
const SPINS = 4000
/** Bytes at the front of a thread's scratch for the partial sums of `dot4x2`. */
const PARTS: usize = 512

/** The share that this thread works on, and how many there are. */
let share: i32 = 0
let shares: i32 = 1
/** Where this thread's partial sums are. */
let parts: usize = 0

// @ts-ignore: decorator
@inline
function argument(entry: usize, i: i32): i32 {
  return load<i32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
function pointer(entry: usize, i: i32): usize {
  return load<u32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
function real(entry: usize, i: i32): f32 {
  return load<f32>(entry + 8 + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
function at(base: usize, i: i32): usize {
  return base + (<usize>i << 2)
}

// @ts-ignore: decorator
@inline
/** The first of N rows that belongs to a share: whole fours, as even as they come. */
function firstRow(N: i32, part: i32): i32 {
  const row = ((((N + 3) >> 2) * part) / shares) << 2
  return row < N ? row : N
}

/** Rows times gain over their root mean square, for this thread alone. → their address; x itself without a gain */
function normalized(x: usize, gain: usize, epsilon: f32, M: i32, K: i32, scratch: usize): usize {
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

/** x_MD = table[id of the sequence]. 0 x  1 table  2 D */
export function decodeEmbed(entry: usize, M: i32, sequences: usize): void {
  if (share != 0) return
  const x = pointer(entry, 0), table = pointer(entry, 1)
  const D = argument(entry, 2)
  for (let m = 0; m < M; m++) {
    const id = load<u32>(sequences + <usize>m * SEQUENCE)
    memory.copy(at(x, m * D), table + ((<usize>id * <usize>D) << 2), <usize>D << 2)
  }
}

/**
 * y_MN (+)= w_NK · norm(x_MK). 0 y  1 w  2 x  3 gain or 0  4 epsilon  5 N  6 K  7 accumulate  8 from row to row of w, in numbers
 */
export function decodeLinear(entry: usize, M: i32, scratch: usize): void {
  const y = pointer(entry, 0), w = pointer(entry, 1)
  const N = argument(entry, 5), K = argument(entry, 6)
  const x = normalized(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, K, scratch)
  const accumulate = argument(entry, 7) != 0
  const stride = <usize>argument(entry, 8) << 2
  const end = firstRow(N, share + 1)
  for (let n = firstRow(N, share); n < end; n += 4) {
    const row = w + <usize>n * stride
    let m = 0
    for (; m + 2 <= M; m += 2) {
      const to = at(y, m * N + n)
      storeSome(to, two(m == 0, row, stride, N - n, at(x, m * K), at(x, (m + 1) * K), K), N - n, accumulate)
      storeSome(at(to, N), v128.load(parts), N - n, accumulate)
    }
    if (m < M) storeSome(at(y, m * N + n), dot4(row, stride, N - n, at(x, m * K), K), N - n, accumulate)
  }
}

// @ts-ignore: decorator
@inline
/** Four rows with two vectors: → of x, and of y in `parts`. The first pair finds the rows in memory, those after it in a cache. */
function two(isFirst: bool, w: usize, stride: usize, rows: i32, x: usize, y: usize, K: i32): v128 {
  return isFirst ? stream4x2(w, stride, rows, x, y, K, parts) : dot4x2(w, stride, rows, x, y, K, parts)
}

/** y_MD = norm(x_MD). 0 y  1 x  2 gain  3 epsilon  4 D */
export function decodeNorm(entry: usize, M: i32): void {
  const y = pointer(entry, 0), x = pointer(entry, 1)
  const D = argument(entry, 4)
  for (let m = share; m < M; m += shares) normalized(at(x, m * D), pointer(entry, 2), real(entry, 3), 1, D, at(y, m * D))
}

// @ts-ignore: decorator
@inline
/** h holds gates and becomes silu(gate) * u * scale; or takes the gates, which come first. */
function storeGated(isUp: bool, h: usize, u: v128, scale: f32, count: i32): void {
  if (!isUp) {
    storeSome(h, u, count, false)
    return
  }
  const g = count >= 4 ? v128.load(h) : loadSome(h, count)
  storeSome(h, f32x4.mul(f32x4.mul(f32x4.mul(g, sigmoid4(g)), u), splat(scale)), count, false)
}

/**
 * h_uF = silu(wGate x_r) * (wUp x_r) * scale_u, f from first to end, for the choices from begin to next; r = u / A.
 *
 * All gates before all ups: each is one stretch of memory. Without a list of choices u counts up; without scales they are 1.
 */
function gatedRows(
  h: usize, w: usize, x: usize, F: i32, K: i32, first: i32, end: i32, choice: usize, scales: usize, A: i32, begin: i32, next: i32,
): void {
  const stride = <usize>K << 2
  for (let half = 0; half < 2; half++) {
    const isUp = half == 1
    for (let f = first; f < end; f += 4) {
      const row = w + <usize>(half * F + f) * stride
      let c = begin
      for (; c + 2 <= next; c += 2) {
        const u = choice ? load<i32>(at(choice, c)) : c, v = choice ? load<i32>(at(choice, c + 1)) : c + 1
        const ofU = two(c == begin, row, stride, F - f, at(x, (u / A) * K), at(x, (v / A) * K), K)
        storeGated(isUp, at(h, u * F + f), ofU, scales ? load<f32>(at(scales, u)) : 1, F - f)
        storeGated(isUp, at(h, v * F + f), v128.load(parts), scales ? load<f32>(at(scales, v)) : 1, F - f)
      }
      if (c < next) {
        const u = choice ? load<i32>(at(choice, c)) : c
        const ofU = dot4(row, stride, F - f, at(x, (u / A) * K), K)
        storeGated(isUp, at(h, u * F + f), ofU, scales ? load<f32>(at(scales, u)) : 1, F - f)
      }
    }
  }
}

/** h_MF = silu(wGate norm(x)) * (wUp norm(x)), the gates' F rows above the ups'. 0 h  1 w  2 x  3 gain  4 epsilon  5 F  6 D */
export function decodeGated(entry: usize, M: i32, scratch: usize): void {
  const h = pointer(entry, 0), w = pointer(entry, 1)
  const F = argument(entry, 5), D = argument(entry, 6)
  const x = normalized(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, D, scratch)
  gatedRows(h, w, x, F, D, firstRow(F, share), firstRow(F, share + 1), 0, 0, 1, 0, M)
}

/**
 * Chooses each token's experts and runs their first halves: h_MAI = gate * silu(wGate_e norm(x)) * (wUp_e norm(x)).
 * An expert's weights are read once for all rows that chose it.
 * 0 h  1 sorted: offset_(E + 1), then choice_U  2 x  3 gain  4 epsilon  5 D  6 logits_ME  7 bias_E or 0  8 w_EGD (G = 2 I)
 * 9 I  10 E  11 A  12 groups  13 groups kept  14 divide by the sum  15 scale  16 softmax
 * scratch behind the rows of x: 2 E + groups + 3 M A numbers
 */
export function decodeExperts(entry: usize, M: i32, scratch: usize): void {
  const h = pointer(entry, 0), sorted = pointer(entry, 1)
  const D = argument(entry, 5)
  const x = normalized(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, D, scratch)
  const logits = pointer(entry, 6), bias = pointer(entry, 7), w = pointer(entry, 8)
  const I = argument(entry, 9), E = argument(entry, 10), A = argument(entry, 11), groups = argument(entry, 12)
  const scores = at(scratch, M * D)
  const work = at(scores, E)
  const experts = at(work, E + groups)
  const gates = at(experts, M * A)
  for (let m = 0; m < M; m++) {
    memory.copy(scores, at(logits, m * E), <usize>E << 2)
    routeRow(
      scores, bias, at(experts, m * A), at(gates, m * A), E, A, groups, argument(entry, 13), argument(entry, 14) != 0, real(entry, 15),
      argument(entry, 16) != 0, work,
    )
  }
  // Every share sorts for itself, with the same result; the first one's place is what the second half reads.
  const offset = share == 0 ? sorted : scores
  const choice = share == 0 ? at(sorted, E + 1) : at(gates, M * A)
  sortChoices(offset, choice, experts, E, M * A)
  const first = firstRow(I, share), end = firstRow(I, share + 1)
  for (let e = 0; e < E; e++) {
    const expert = w + ((<usize>e * <usize>(2 * I) * <usize>D) << 2)
    const begin = load<i32>(at(offset, e)), next = load<i32>(at(offset, e + 1))
    gatedRows(h, expert, x, I, D, first, end, choice, gates, A, begin, next)
  }
}

/**
 * x_MD += sum over chosen e of wDown_e · h, experts in their order. 0 x  1 h_MAI  2 sorted, as above  3 w_EDI  4 D  5 I  6 A  7 E
 */
export function decodeCombine(entry: usize): void {
  const x = pointer(entry, 0), h = pointer(entry, 1), offset = pointer(entry, 2), w = pointer(entry, 3)
  const D = argument(entry, 4), I = argument(entry, 5), A = argument(entry, 6), E = argument(entry, 7)
  const choice = at(offset, E + 1)
  const stride = <usize>I << 2
  const first = firstRow(D, share), end = firstRow(D, share + 1)
  for (let e = 0; e < E; e++) {
    const expert = w + <usize>(e * D) * stride
    const begin = load<i32>(at(offset, e)), next = load<i32>(at(offset, e + 1))
    if (begin == next) continue
    for (let d = first; d < end; d += 4) {
      const down = expert + <usize>d * stride
      let row = begin
      for (; row + 2 <= next; row += 2) {
        const u = load<i32>(at(choice, row)), v = load<i32>(at(choice, row + 1))
        storeSome(at(x, (u / A) * D + d), two(row == begin, down, stride, D - d, at(h, u * I), at(h, v * I), I), D - d, true)
        storeSome(at(x, (v / A) * D + d), v128.load(parts), D - d, true)
      }
      if (row < next) {
        const u = load<i32>(at(choice, row))
        storeSome(at(x, (u / A) * D + d), dot4(down, stride, D - d, at(h, u * I), I), D - d, true)
      }
    }
  }
}

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

/** Runs one share of the entries from this one on to the end of its group. */
function runGroup(entry: usize, M: i32, sequences: usize, scratch: usize): void {
  for (;;) {
    // The numbers are those of src/compute/ops/decode-steps.ts.
    switch (load<i32>(entry)) {
      case 0: decodeEmbed(entry, M, sequences); break
      case 1: decodeLinear(entry, M, scratch); break
      case 2: decodeGated(entry, M, scratch); break
      case 3: decodeExperts(entry, M, scratch); break
      case 4: decodeCombine(entry); break
      case 5: decodeCache(entry, M, sequences); break
      case 6: decodeAttend(entry, M, sequences, scratch); break
      case 7: decodeNorm(entry, M); break
      default: unreachable()
    }
    if (load<i32>(entry, 4) != 0) return
    entry += ENTRY
  }
}

/** The entry behind the group that begins at this one. */
function skipGroup(entry: usize): usize {
  while (load<i32>(entry, 4) == 0) entry += ENTRY
  return entry + ENTRY
}

/**
 * Waits until a group is done. → the group that runs now
 *
 * A worker that has slept looks again by itself: waking it for every group would cost more than its help is worth. The
 * main thread is woken, and so is everybody at the end.
 */
function awaitGroup(current: usize, group: i32): i32 {
  let spins = 0
  let now = atomic.load<i32>(current)
  while (now == group) {
    if (++spins > SPINS) nap(current, group, threadIndex() == 0)
    now = atomic.load<i32>(current)
  }
  return now
}

/**
 * Runs a list. 0 entries  1 count of groups  2 M: sequences  3 the sequences' words  4 scratch  5 bytes of it for a thread
 * 6 shares of a group  7 zeros: the number of the running group in a cache line of its own, then each group's counters
 */
export function decode(): void {
  const groups = word(1)
  const M = word(2)
  const sequences = address(3)
  parts = address(4) + <usize>threadIndex() * <usize>word(5)
  const scratch = parts + PARTS
  shares = word(6)
  const current = address(7)
  let entry = address(0)
  let group = 0
  while (group < groups) {
    const taken = current + <usize>(group + 1) * COUNTERS
    for (share = atomic.add<i32>(taken, 1); share < shares; share = atomic.add<i32>(taken, 1)) {
      runGroup(entry, M, sequences, scratch)
      if (atomic.add<i32>(taken, 1, 4) == shares - 1) {
        atomic.store<i32>(current, group + 1)
        if (threadIndex() != 0 || group + 1 == groups) atomic.notify(current, shares)
      }
    }
    for (const now = awaitGroup(current, group); group < now; group++) entry = skipGroup(entry)
  }
}
