/**
 * Where the time goes: every kernel that a piece of work runs, with its calls, seconds, and the arithmetic that its own
 * arguments ask for. Timers sit around the dispatch, so a kernel's barrier and its idle threads are in its time.
 *
 * The counts read a kernel's arguments as src/compute/ops passes them; a test holds the two together.
 */
import type { Machine } from '../../compute/index.ts'
import type { KernelName } from '../../compute/opcodes.ts'

/** One kernel at one size. */
interface KernelTime {
  readonly kernel: KernelName
  /** "16384x256x256 in 16 groups" for products, empty for others. */
  readonly size: string
  readonly calls: number
  readonly seconds: number
  /** FLOPs of all calls, recomputation included; null where they are not counted. */
  readonly flops: number | null
  /** Bytes that all calls must read and write; counted for kernels that only stream. */
  readonly bytes: number | null
}

/** All that a piece of work ran. */
export interface KernelProfile {
  /** Longest first. */
  readonly kernels: readonly KernelTime[]
  readonly seconds: number
  /** Time between kernels: host code and dispatch. */
  readonly outsideSeconds: number
}

interface KernelWork {
  readonly size?: string
  readonly flops?: number
  readonly bytes?: number
}

type Arguments = readonly number[]

/** The last of `groupCount` + 1 row offsets: rows in all. */
const rowsOf = (machine: Machine, offsets: number, groupCount: number) =>
  new Int32Array(machine.heap.memory.buffer, offsets, groupCount + 1)[groupCount]

const product = (M: number, N: number, K: number, groupCount: number, flops: number): KernelWork => ({
  size: `${M}x${N}x${K}${groupCount > 1 ? ` in ${groupCount} groups` : ''}`,
  flops,
})

/** Causal pairs of query and key in B rows of T for H heads. */
const causalPairs = ([B, T, H]: Arguments) => (B * H * T * (T + 1)) / 2

const workOf: { readonly [Kernel in KernelName]?: (machine: Machine, values: Arguments) => KernelWork } = {
  gemm: (machine, values) => {
    const [N, K, groupCount] = [values[3], values[4], values[9]]
    const M = rowsOf(machine, values[10], groupCount)
    return product(M, N, K, groupCount, 2 * M * N * K)
  },
  gemmTransposed: (machine, values) => {
    const [M, N, groupCount] = [values[3], values[4], values[11]]
    const K = rowsOf(machine, values[12], groupCount)
    return product(M, N, K, groupCount, 2 * M * N * K)
  },
  attention: (_machine, values) => {
    const sizes = values.slice(7, 13)
    const [nope, rope, value] = sizes.slice(3) as [number, number, number]
    return { flops: 2 * causalPairs(sizes) * (nope + rope + value) }
  },
  // Scores again, gradients of the weights, of values, of queries and of keys.
  attentionBackward: (_machine, values) => {
    const sizes = values.slice(11, 17)
    const [nope, rope, value] = sizes.slice(3) as [number, number, number]
    return { flops: 2 * causalPairs(sizes) * (3 * (nope + rope) + 2 * value) }
  },
  pack: (_machine, values) => ({ bytes: 2 * 4 * values[2] * values[3] * values[6] }),
  fill: (_machine, values) => ({ bytes: 4 * values[1] }),
  addScaled: (_machine, values) => ({ bytes: (values[4] === 0 ? 8 : 12) * values[2] }),
  sumSquares: (_machine, values) => ({ bytes: 4 * values[2] }),
  // Reads and writes weight and both moments (and the average, where there is one), reads the gradient.
  adamw: (_machine, values) => ({ bytes: (values[4] === 0 ? 28 : 36) * values[5] }),
}

/** Runs `work` once with a timer around every kernel of `machine`. */
function profileOnce(machine: Machine, work: () => void): KernelProfile {
  const times = new Map<string, { kernel: KernelName; size: string; calls: number; seconds: number; flops: number; bytes: number }>()
  const run = machine.run.bind(machine)
  machine.run = (kernel, ...values) => {
    const { size = '', flops = 0, bytes = 0 } = workOf[kernel]?.(machine, values) ?? {}
    const key = `${kernel} ${size}`
    let time = times.get(key)
    if (!time) times.set(key, (time = { kernel, size, calls: 0, seconds: 0, flops: 0, bytes: 0 }))
    const start = performance.now()
    run(kernel, ...values)
    time.seconds += (performance.now() - start) / 1e3
    time.calls++
    time.flops += flops
    time.bytes += bytes
  }
  const start = performance.now()
  try {
    work()
  } finally {
    // The timed method shadows the class's own; without it, that one is back.
    Reflect.deleteProperty(machine, 'run')
  }
  const seconds = (performance.now() - start) / 1e3
  const kernels = [...times.values()]
    .map(({ kernel, size, calls, seconds, flops, bytes }) => ({ kernel, size, calls, seconds, flops: flops || null, bytes: bytes || null }))
    .sort((a, b) => b.seconds - a.seconds)
  const inside = kernels.reduce((sum, kernel) => sum + kernel.seconds, 0)
  return { kernels, seconds, outsideSeconds: seconds - inside }
}

/**
 * Runs `work` some times with a timer around every kernel of `machine`.
 *
 * @returns the profile of the fastest run
 */
export function profileKernels(machine: Machine, work: () => void, runs = 1): KernelProfile {
  const profiles = Array.from({ length: runs }, () => profileOnce(machine, work))
  return profiles.reduce((fastest, profile) => (profile.seconds < fastest.seconds ? profile : fastest))
}
