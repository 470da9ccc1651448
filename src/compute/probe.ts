/** The machine's own ceilings, measured: multiply-adds from registers, bytes streamed from memory. */
import { bits, type Machine } from './machine.ts'

/** Ceilings of one run. Rates are 10^9 a second. */
export interface Probe {
  readonly gflopsOneThread: number
  readonly gflopsAllThreads: number
  readonly streamGBs: number
  readonly threads: number
}

/** FLOPs of one round of the multiply-add kernel: 12 chains, 2 for each lane. */
export const flopsPerRound = ({ vectorBits }: Machine) => (12 * 2 * vectorBits) / 32
const streamBytes = 2 ** 28

/** Seconds of the fastest of several runs of `work`, over about `seconds` in all. */
function fastest(seconds: number, work: () => void): number {
  work()
  let best = Infinity
  const end = performance.now() + seconds * 1000
  do {
    const start = performance.now()
    work()
    best = Math.min(best, performance.now() - start)
  } while (performance.now() < end)
  return best / 1000
}

/**
 * Multiply-add rate of all threads of `machine`, in GFLOP/s, best of several runs.
 *
 * @param seconds how long to measure, about
 */
export function probeMultiplyAdd(machine: Machine, seconds = 0.3): number {
  const rounds = 1_000_000
  const out = machine.heap.allocate(64 * machine.threads)
  const time = fastest(seconds, () => machine.run('probeMultiplyAdd', out, rounds, bits(0.9999999), bits(1e-7)))
  machine.heap.free(out)
  return (machine.threads * rounds * flopsPerRound(machine)) / time / 1e9
}

/** Bandwidth of reading 256 MiB with all threads of `machine`, in GB/s, best of several runs. */
export function probeStream(machine: Machine, seconds = 0.3): number {
  using _scope = machine.scope()
  const out = machine.heap.allocate(64 * machine.threads)
  const data = machine.zeros([streamBytes / 4])
  const time = fastest(seconds, () => machine.run('probeStream', out, data.address, streamBytes))
  return streamBytes / time / 1e9
}
