/**
 * Vectors of 256 bits, where the engine can be asked for them.
 *
 * WebAssembly's vectors have 128 bits. V8 has a pass that joins two neighbours to one of 256; it is behind a flag, and the
 * `wide` build of the kernels is written for it. Each lane does what it did before, so every number keeps its bits.
 *
 * The flag holds for all WebAssembly that the process compiles from then on, not for the kernels alone. So a program that owns
 * its process asks for it (the command line does), and a library leaves it alone until its user asks.
 */
import { usageError } from '../base/errors.ts'
import { isNode, node } from '../base/platform.ts'

export type VectorBits = 128 | 256

/** The versions of V8 whose pass the tests were run with: those of Node 24 to 26. It is experimental, so others do without. */
const testedVersions = { from: [13, 6], below: [15, 0] } as const

/** What has them, for messages. */
export const joiningEngines = 'Node 24 to 26 on an x64 processor with AVX2 can join vectors.'

let areJoined = false

/** Whether this process can have vectors of 256 bits. */
export function canJoinVectors(): boolean {
  return isNode && process.arch === 'x64' && isTested(process.versions.v8 ?? '') && hasWideRegisters()
}

function isTested(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isBefore = ([otherMajor, otherMinor]: readonly [number, number]) =>
    major < otherMajor || (major === otherMajor && minor < otherMinor)
  return !isBefore(testedVersions.from) && isBefore(testedVersions.below)
}

/** Where the system says what the processor has, it must have them; elsewhere x64 is taken to. */
function hasWideRegisters(): boolean {
  if (process.platform !== 'linux') return true
  const features = /^flags\s*:(.*)$/m.exec(firstProcessor())?.[1]?.split(' ') ?? []
  return features.includes('avx2') && features.includes('fma')
}

/** What Linux says of its first processor, nothing where it says nothing. Not of all: it asks each for its frequency. */
function firstProcessor(): string {
  const { fs } = node()
  const text = Buffer.alloc(8192)
  try {
    const file = fs.openSync('/proc/cpuinfo', 'r')
    try {
      return text.toString('utf8', 0, fs.readSync(file, text))
    } finally {
      fs.closeSync(file)
    }
  } catch {
    return ''
  }
}

/**
 * Asks the engine to join vectors, for as long as this process lives: machines that start from now on have 256 bits. To be
 * called before the first machine, since what is compiled stays as it is.
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
 * Settles the bits of a vector of a machine that starts now.
 *
 * @param wanted to insist on; 256 asks the engine for them. Without it 128, or 256 where vectors have been joined
 * @throws UsageError where 256 are wanted and cannot be had
 */
export function settleVectorBits(wanted?: VectorBits): VectorBits {
  if (wanted === 256 && !joinVectors()) throw usageError('vectorBits', '128 on this engine', '256', joiningEngines)
  return wanted ?? (areJoined ? 256 : 128)
}
