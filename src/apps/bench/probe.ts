/** `strata bench probe`: the ceilings themselves, with their spread. Kernels: kernels/probe.ts. */
import { invariant } from '../../base/errors.ts'
import type { Spread } from '../../base/statistics.ts'
import { bits, flopsPerRound } from '../../compute/index.ts'
import { type Effort, measureInTurn } from './measure.ts'
import { type BenchResult, resultOf } from './result.ts'
import type { Rig } from './rig.ts'

const rounds = 1_000_000
/** Bytes read in one run: far more than any cache holds. */
const streamBytes = 2 ** 28
const [factor, summand] = [0.5, 0.25]

/** What a thread leaves behind in each lane: chains start at 0..11 and all of them end at summand / (1 - factor). */
const chainSum = (12 * summand) / (1 - factor)

/** Measures both ceilings on one thread and on all; the fastest sample is the ceiling. */
export function benchProbe(rig: Rig, effort: Effort): BenchResult[] {
  return rig.machines.flatMap((machine) => {
    using _scope = machine.scope()
    const { threads, heap } = machine
    const out = heap.allocate(64 * threads)
    const ones = machine.tensor([streamBytes / 4])
    ones.data.fill(1)
    const sums = (lanes: number) =>
      Array.from({ length: threads }, (_, thread) => [...new Float32Array(heap.memory.buffer, out + 64 * thread, lanes)]).flat()
    const works = [
      () => machine.run('probeMultiplyAdd', out, rounds, bits(factor), bits(summand)),
      () => machine.run('probeStream', out, ones.address, streamBytes),
    ] as const

    works[0]()
    const chainErrors = sums(machine.vectorBits / 32).map((sum) => Math.abs(sum - chainSum) / chainSum)
    works[1]()
    const count = sums(1).reduce((total, sum) => total + sum, 0)
    const errors = [Math.max(...chainErrors), Math.abs(count / (streamBytes / 4) - 1)] as const
    invariant(errors[0] === 0 && errors[1] === 0, `probe: expected exact sums, got errors of ${errors.join(' and ')}`)

    const flops = threads * rounds * flopsPerRound(machine)
    const [multiplyAdd, stream] = measureInTurn(works, effort) as [Spread, Spread]
    const ceiling = { gflops: flops / multiplyAdd.minimum / 1e9, streamGBs: streamBytes / stream.minimum / 1e9 }
    rig.saw(machine, ceiling)
    const shape = { chains: 12, lanes: machine.vectorBits / 32, rounds }
    return [
      resultOf({ name: 'multiply-add', shape, threads, flops, bytes: 0, error: errors[0] }, multiplyAdd, ceiling),
      // Each number read is added to a sum.
      resultOf(
        { name: 'stream', shape: { bytes: streamBytes }, threads, flops: streamBytes / 4, bytes: streamBytes, error: errors[1] },
        stream,
        ceiling,
      ),
    ]
  })
}
