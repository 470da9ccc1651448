/**
 * The pool, seen from inside: one command at a time, the same for all threads, each takes tiles from a shared counter.
 *
 * The main thread writes opcode and arguments, bumps `generation`, does its own share and waits until all others are
 * done. Workers never return to JavaScript between commands. Every word that threads fight over has a cache line of
 * its own. Which thread computes a tile never changes the tile's result: that is what makes results independent of
 * the number of threads.
 */

/** Byte addresses of the control block; `src/compute/machine.ts` knows OPCODE, ARGUMENTS and STOP. */
const GENERATION: usize = 64
const OPCODE: usize = 128
const THREADS: usize = 132
const STOP: usize = 136
const SLEEPERS: usize = 192
const DONE: usize = 256
const BARRIER_COUNT: usize = 320
const BARRIER_PHASE: usize = 384
/** Four tile counters, one for each phase of a kernel. */
const TILES: usize = 448
const ARGUMENTS: usize = 1024

/**
 * Looks at a word before a thread sleeps: by count of instructions some tens of microseconds, since who sleeps wakes late.
 * Training of nano was 3 % faster with 500,000 than with 20,000; decoding 16 rows was as fast with 50,000 as with 200,000.
 */
export const SPINS = 100_000

let thread: i32 = 0
/** Whether this thread may block in a wait: false on a browser's main thread. */
let canWait: bool = false

// @ts-ignore: decorator
@inline
export function threadIndex(): i32 {
  return thread
}

// @ts-ignore: decorator
@inline
export function threadCount(): i32 {
  return load<i32>(THREADS)
}

// @ts-ignore: decorator
@inline
/** Argument number i of the running command, as an address or a signed count. */
export function word(i: i32): i32 {
  return load<i32>(ARGUMENTS + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
export function address(i: i32): usize {
  return load<u32>(ARGUMENTS + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
export function number(i: i32): f32 {
  return load<f32>(ARGUMENTS + (<usize>i << 2))
}

// @ts-ignore: decorator
@inline
/** The next tile of a phase (0..3) that no thread has taken yet; the caller stops when it is past the last one. */
export function nextTile(phase: i32): i32 {
  return atomic.add<i32>(TILES + (<usize>phase << 6), 1)
}

function pause(at: usize, seen: i32): void {
  if (canWait) atomic.wait<i32>(at, seen, 1_000_000)
}

/** Sleeps while a word is what was seen: until a notification (or a millisecond), or for a tenth of a millisecond only. */
export function nap(at: usize, seen: i32, isLong: bool): void {
  if (canWait) atomic.wait<i32>(at, seen, isLong ? 1_000_000 : 100_000)
}

/** Waits until every thread of the pool has come here. */
export function barrier(): void {
  const threads = load<i32>(THREADS)
  if (threads == 1) return
  const phase = atomic.load<i32>(BARRIER_PHASE)
  if (atomic.add<i32>(BARRIER_COUNT, 1) == threads - 1) {
    atomic.store<i32>(BARRIER_COUNT, 0)
    atomic.add<i32>(BARRIER_PHASE, 1)
    atomic.notify(BARRIER_PHASE, threads)
    return
  }
  let spins = 0
  while (atomic.load<i32>(BARRIER_PHASE) == phase) {
    if (++spins > SPINS) pause(BARRIER_PHASE, phase)
  }
}

/** Called once by each thread before anything else. */
export function enter(index: i32, mayWait: bool): void {
  thread = index
  canWait = mayWait
}

/** Main thread: makes the other threads run the command whose arguments are in place. */
export function release(opcode: i32): void {
  for (let phase = 0; phase < 4; phase++) atomic.store<i32>(TILES + (<usize>phase << 6), 0)
  const threads = load<i32>(THREADS)
  if (threads == 1) return
  store<i32>(OPCODE, opcode)
  atomic.store<i32>(DONE, 0)
  atomic.add<i32>(GENERATION, 1)
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(GENERATION, threads)
}

/** Main thread: waits until all others have finished the command. */
export function gather(): void {
  const others = load<i32>(THREADS) - 1
  if (others == 0) return
  let spins = 0
  for (;;) {
    const done = atomic.load<i32>(DONE)
    if (done == others) return
    if (++spins > SPINS) pause(DONE, done)
  }
}

/** Worker: waits for a command that is newer than `seen`. → its generation, or -1 when the pool is closing. */
export function awaitCommand(seen: i32): i32 {
  let spins = 0
  while (atomic.load<i32>(STOP) == 0) {
    const generation = atomic.load<i32>(GENERATION)
    if (generation != seen) return generation
    if (++spins > SPINS) {
      atomic.add<i32>(SLEEPERS, 1)
      atomic.wait<i32>(GENERATION, seen, -1)
      atomic.sub<i32>(SLEEPERS, 1)
      spins = 0
    }
  }
  return -1
}

// @ts-ignore: decorator
@inline
export function command(): i32 {
  return load<i32>(OPCODE)
}

/** Worker: says that its share of the command is done. */
export function finish(): void {
  if (atomic.add<i32>(DONE, 1) == load<i32>(THREADS) - 2) atomic.notify(DONE, 1)
}
