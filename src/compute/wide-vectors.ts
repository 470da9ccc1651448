/**
 * Vectors of 256 bits, where the engine can be asked for them.
 *
 * WebAssembly's vectors have 128 bits. V8 has a pass that joins two neighbours to one of 256; it is behind a flag, and the
 * `wide` build of the kernels is written for it. Each lane does what it did before, so every number keeps its bits.
 *
 * The flag holds for all WebAssembly that the process compiles from then on, not for the kernels alone. So a program that owns
 * its process asks for it (the command line does), and a library leaves it alone until its user asks.
 */
import { said, usageError } from '../base/errors.ts'
import { isNode, node } from '../base/platform.ts'

/** The first V8 whose pass the tests were run with, that of Node 24. */
const firstVersion = [13, 6] as const

let areJoined = false

/** Whether this process can have vectors of 256 bits. Processors that lack them are rare, and slow with the `wide` build, not wrong. */
export function canJoinVectors(): boolean {
  if (!isNode || process.arch !== 'x64') return false
  const [major = 0, minor = 0] = (process.versions.v8 ?? '').split('.').map(Number)
  return major > firstVersion[0] || (major === firstVersion[0] && minor >= firstVersion[1])
}

/**
 * Asks the engine to join vectors, for as long as this process lives: machines that start from now on have 256 bits.
 *
 * @returns whether it can; where not, nothing has changed
 */
export function joinVectors(): boolean {
  if (!areJoined && canJoinVectors()) {
    node().v8.setFlagsFromString('--experimental-wasm-revectorize')
    areJoined = true
  }
  return areJoined
}

/**
 * Bits of a vector of a machine that starts now.
 *
 * @param wanted to insist on; 256 asks the engine for them
 * @throws UsageError where 256 are wanted and cannot be had
 */
export function vectorBits(wanted?: 128 | 256): 128 | 256 {
  if (![undefined, 128, 256].includes(wanted)) throw usageError('vectorBits', '128 or 256', said(wanted))
  if (wanted === 256 && !joinVectors())
    throw usageError('vectorBits', '128 on this engine', '256', 'Node 24 or newer on an x64 processor can join vectors.')
  return wanted ?? (areJoined ? 256 : 128)
}
