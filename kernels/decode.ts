/**
 * Decoding: one token of each of a few sequences goes through the whole model in one command.
 *
 * A command costs the host a microsecond and wakes the pool; a small model's step of decoding has dozens of products of a
 * few microseconds. So the host writes the step down once, as a list, and this kernel runs the list.
 *
 *   entry     one of the functions below: kind, whether a group ends behind it, arguments
 *   group     entries that need nothing of each other; it begins when the group before it is done
 *   share     of a group: consecutive panels of each entry's matrix, the same for equal widths, so entries of a group may
 *             add to the same numbers; what all shares need (a norm, a choice of experts) each thread works out for
 *             itself, with the same result. A thread does its own shares, in every layer the same columns, which are then
 *             in its cache, and then those of whoever is late: one that the system keeps from running holds nobody up
 *   sequence  four words: token id, position, address of its cache, bytes of one layer of it
 *
 * Weights are packed once in the panels of `gemm`, so that every product here is one of `fewRows`. What a thread has worked
 * out for a share of a group (a norm, a choice of experts) it keeps for the next share that it takes of it.
 * Plain twin: the model's own forward pass. Written by src/compute/ops/decode-steps.ts. Figures: src/apps/bench/generate.ts.
 */
import { decodeAttend, decodeCache } from './decode-attention'
import { aheadAt, aheadBytes, lookAhead } from './decode-ahead'
import {
  argument, at, beginList, beginShare, ENTRY, firstColumn, normalized, normalizedOnce, panelBytes, pointer, real, running, secondTile,
  SEQUENCE, share, shares, TILE, TILE_STRIDE, tile,
} from './decode-share'
import { storeSome } from './dots'
import { fewRows } from './few-rows'
import { NR } from './micro'
import { nextChosen, routeRow, sortChoices } from './router'
import { splat, swiglu4 } from './simd'
import { address, nap, SPINS, threadCount, threadIndex, word } from './threads'

/** Bytes of a counter: a cache line. */
const LINE: usize = 64
/** Rows of so many numbers are far apart. */
const WIDE = 1024
/** Where this thread has the choices of experts, and in which group it sorted them. */
let offsets: usize = 0
let chosenGroup: i32 = -1

/** Numbers of a tile's row to where they belong, added to what is there if `accumulate`. */
function storeRow(to: usize, from: usize, count: i32, accumulate: bool): void {
  for (let i = 0; i < count; i += 4) storeSome(at(to, i), v128.load(at(from, i)), count - i, accumulate)
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

/** y_MN (+)= w_NK · norm(x_MK). 0 y  1 packed w  2 x  3 gain or 0  4 epsilon  5 N  6 K  7 accumulate */
export function decodeLinear(entry: usize, M: i32, scratch: usize): void {
  const y = pointer(entry, 0), w = pointer(entry, 1)
  const N = argument(entry, 5), K = argument(entry, 6)
  const x = normalizedOnce(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, K, scratch)
  const accumulate = argument(entry, 7) != 0
  const first = firstColumn(N, share), end = firstColumn(N, share + 1)
  lookAhead(entry)
  if (M == 1 || N < WIDE) {
    fewRows(at(y, first), <usize>N << 2, x, <usize>K << 2, 0, M, at(w, first * K), K, end - first, accumulate, aheadAt, aheadBytes)
    return
  }
  // Rows a power of two apart meet in the same sets of the cache, again for every panel: they go there by way of a tile.
  for (let n = first; n < end; n += TILE) {
    const count = end - n < TILE ? end - n : TILE
    const left = min(end - n - TILE, TILE)
    const next = left > 0 ? at(w, (n + TILE) * K) : aheadAt, nextBytes = left > 0 ? panelBytes(left, K) : aheadBytes
    fewRows(tile, TILE_STRIDE, x, <usize>K << 2, 0, M, at(w, n * K), K, count, false, next, nextBytes)
    for (let m = 0; m < M; m++) storeRow(at(y, m * N + n), tile + <usize>m * TILE_STRIDE, count, accumulate)
  }
}

/** y_MD = norm(x_MD). 0 y  1 x  2 gain  3 epsilon  4 D */
export function decodeNorm(entry: usize, M: i32): void {
  const y = pointer(entry, 0), x = pointer(entry, 1)
  const D = argument(entry, 4)
  for (let m = share; m < M; m += shares) normalized(at(x, m * D), pointer(entry, 2), real(entry, 3), 1, D, at(y, m * D))
}

/** h_count = silu(gate) * up * scale */
function gate(h: usize, gates: usize, ups: usize, scale: f32, count: i32): void {
  const by = splat(scale)
  for (let i = 0; i < count; i += 4) {
    storeSome(at(h, i), swiglu4(v128.load(at(gates, i)), v128.load(at(ups, i)), by), count - i, false)
  }
}

/**
 * h_mF = silu(wGate x_r) * (wUp x_r) * scale_m for M rows and this share of F; r = rows[m] if there is a list of them, m
 * otherwise. `w`: the gates' panels, then the ups'. `next`: weights that are read after these.
 */
function gatedRows(
  h: usize, w: usize, x: usize, F: i32, K: i32, rows: usize, scales: usize, M: i32, next: usize, nextBytes: usize,
): void {
  const ups = at(w, ((F + NR - 1) / NR) * NR * K)
  const end = firstColumn(F, share + 1)
  for (let f = firstColumn(F, share); f < end; f += TILE) {
    const count = end - f < TILE ? end - f : TILE
    const left = min(end - f - TILE, TILE)
    const then = left > 0 ? at(w, (f + TILE) * K) : next, thenBytes = left > 0 ? panelBytes(left, K) : nextBytes
    fewRows(tile, TILE_STRIDE, x, <usize>K << 2, rows, M, at(w, f * K), K, count, false, at(ups, f * K), panelBytes(count, K))
    fewRows(secondTile, TILE_STRIDE, x, <usize>K << 2, rows, M, at(ups, f * K), K, count, false, then, thenBytes)
    for (let m = 0; m < M; m++) {
      const o = <usize>m * TILE_STRIDE
      gate(at(h, m * F + f), tile + o, secondTile + o, scales ? load<f32>(at(scales, m)) : 1, count)
    }
  }
}

/** h_MF = silu(wGate norm(x)) * (wUp norm(x)). 0 h  1 packed w, the gates' panels above the ups'  2 x  3 gain  4 epsilon  5 F  6 D */
export function decodeGated(entry: usize, M: i32, scratch: usize): void {
  const F = argument(entry, 5), D = argument(entry, 6)
  const x = normalizedOnce(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, D, scratch)
  lookAhead(entry)
  gatedRows(pointer(entry, 0), pointer(entry, 1), x, F, D, 0, 0, M, aheadAt, aheadBytes)
}

/**
 * Chooses each token's experts and sorts the choices by expert: offset_(E + 1), token_U, gate_U, one behind the other.
 * The first share's stand where the second half reads them; another thread's are its own, with the same result.
 */
function chooseExperts(entry: usize, M: i32, scratch: usize): void {
  const logits = pointer(entry, 6), bias = pointer(entry, 7)
  const E = argument(entry, 10), A = argument(entry, 11), groups = argument(entry, 12)
  const scores = scratch
  const work = at(scores, E)
  const experts = at(work, E + groups)
  const gates = at(experts, M * A)
  const choice = at(gates, M * A)
  for (let m = 0; m < M; m++) {
    memory.copy(scores, at(logits, m * E), <usize>E << 2)
    routeRow(
      scores, bias, at(experts, m * A), at(gates, m * A), E, A, groups, argument(entry, 13), argument(entry, 14) != 0, real(entry, 15),
      argument(entry, 16) != 0, work,
    )
  }
  offsets = share == 0 ? pointer(entry, 1) : at(choice, M * A)
  sortChoices(offsets, choice, experts, E, M * A)
  const tokens = at(offsets, E + 1), sortedGates = at(tokens, M * A)
  for (let u = 0; u < M * A; u++) {
    const chosen = load<i32>(at(choice, u))
    store<i32>(at(tokens, u), chosen / A)
    store<f32>(at(sortedGates, u), load<f32>(at(gates, chosen)))
  }
}

/**
 * Runs the first halves of the chosen experts, choices in the order of their experts: h_UI = gate * silu(wGate_e norm(x)) *
 * (wUp_e norm(x)). An expert's weights are read once for all rows that chose it.
 * 0 h  1 sorted: offset_(E + 1), token_U, gate_U  2 x  3 gain  4 epsilon  5 D  6 logits_ME  7 bias_E or 0  8 packed w, 2 E matrices
 * 9 I  10 E  11 A  12 groups  13 groups kept  14 divide by the sum  15 scale  16 softmax
 * scratch behind the rows of x: 3 E + 1 + groups + 5 M A numbers
 */
export function decodeExperts(entry: usize, M: i32, scratch: usize): void {
  const h = pointer(entry, 0), w = pointer(entry, 8)
  const D = argument(entry, 5), I = argument(entry, 9), E = argument(entry, 10), U = M * argument(entry, 11)
  const x = normalizedOnce(pointer(entry, 2), pointer(entry, 3), real(entry, 4), M, D, scratch)
  // The first share's choices are read by the second half: who takes that share late works them out again.
  if (chosenGroup != running || share == 0) {
    chooseExperts(entry, M, at(scratch, M * D))
    chosenGroup = running
  }
  const tokens = at(offsets, E + 1), gates = at(tokens, U)
  const matrix = 2 * ((I + NR - 1) / NR) * NR * D
  const first = firstColumn(I, share)
  const tileBytes = panelBytes(min(firstColumn(I, share + 1) - first, TILE), D)
  lookAhead(entry)
  for (let e = nextChosen(offsets, -1, E); e < E; ) {
    const begin = load<i32>(at(offsets, e)), count = load<i32>(at(offsets, e + 1)) - begin
    const after = nextChosen(offsets, e, E)
    const next = after < E ? at(w, after * matrix + first * D) : aheadAt, nextBytes = after < E ? tileBytes : aheadBytes
    gatedRows(at(h, begin * I), at(w, e * matrix), x, I, D, at(tokens, begin), at(gates, begin), count, next, nextBytes)
    e = after
  }
}

/**
 * x_MD += sum over chosen e of wDown_e · h, experts in their order. 0 x  1 h_UI  2 sorted, as above  3 packed w, E matrices  4 D
 * 5 I  6 A  7 E
 */
export function decodeCombine(entry: usize, M: i32): void {
  const x = pointer(entry, 0), h = pointer(entry, 1), offset = pointer(entry, 2), w = pointer(entry, 3)
  const D = argument(entry, 4), I = argument(entry, 5), E = argument(entry, 7)
  const tokens = at(offset, E + 1)
  const matrix = ((D + NR - 1) / NR) * NR * I
  const first = firstColumn(D, share), end = firstColumn(D, share + 1)
  lookAhead(entry)
  for (let e = nextChosen(offset, -1, E); e < E; ) {
    const begin = load<i32>(at(offset, e)), rows = load<i32>(at(offset, e + 1)) - begin
    const after = nextChosen(offset, e, E)
    for (let d = first; d < end; d += TILE) {
      const count = min(end - d, TILE), left = min(end - d - TILE, TILE)
      let next = aheadAt, nextBytes = aheadBytes
      if (left > 0) {
        next = at(w, e * matrix + (d + TILE) * I)
        nextBytes = panelBytes(left, I)
      } else if (after < E) {
        next = at(w, after * matrix + first * I)
        nextBytes = panelBytes(min(end - first, TILE), I)
      }
      fewRows(tile, TILE_STRIDE, at(h, begin * I), <usize>I << 2, 0, rows, at(w, e * matrix + d * I), I, count, false, next, nextBytes)
      for (let r = 0; r < rows; r++) {
        const to = at(x, load<i32>(at(tokens, begin + r)) * D + d)
        storeRow(to, tile + <usize>r * TILE_STRIDE, count, true)
      }
    }
    e = after
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
      case 4: decodeCombine(entry, M); break
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
 * 6 shares of a group, as many for each thread  7 zeros, a cache line each: the number of the running group, then for each
 * group the shares done and those taken of each thread's
 */
export function decode(): void {
  const groups = word(1)
  const M = word(2)
  const sequences = address(3)
  const scratch = beginList(address(4) + <usize>threadIndex() * <usize>word(5), M, word(6), groups)
  chosenGroup = -1
  const current = address(7)
  const threads = threadCount()
  const own = shares / threads
  let entry = address(0)
  let group = 0
  while (group < groups) {
    const done = current + LINE + <usize>(group * (1 + threads)) * LINE
    for (let i = 0; i < threads; i++) {
      // Its own shares first, always the same columns; then those of whoever is late.
      const owner = (threadIndex() + i) % threads
      const taken = done + LINE + <usize>owner * LINE
      for (let part = atomic.add<i32>(taken, 1); part < own; part = atomic.add<i32>(taken, 1)) {
        beginShare(group, entry, owner * own + part)
        runGroup(entry, M, sequences, scratch)
        if (atomic.add<i32>(done, 1) == shares - 1) {
          atomic.store<i32>(current, group + 1)
          if (threadIndex() != 0 || group + 1 == groups) atomic.notify(current, shares)
        }
      }
    }
    for (const now = awaitGroup(current, group); group < now; group++) entry = skipGroup(entry)
  }
}
