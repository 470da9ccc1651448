/**
 * `strata bench ops`: every op of the table at the sizes of the `bench` model, forward alone and with both gradients.
 *
 * Before an op is timed it is held beside its float64 reference, gradients included, with the same widths and fewer rows,
 * as many as the reference takes a moment for.
 */
import { Random } from '../../base/random.ts'
import type { Machine } from '../../compute/index.ts'
import { prepareOp } from '../../compute/op-bench.ts'
import { compare, opCase, runOp } from '../../compute/op-check.ts'
import { completeSizes, type OpSpec, type Sizes, type Work } from '../../compute/op-spec.ts'
import { opTable } from '../../compute/op-table.ts'
import { type BenchCase, measureGroup, type Verdict } from './group.ts'
import type { Effort } from './measure.ts'
import type { BenchResult } from './result.ts'
import type { Rig } from './rig.ts'

/** FLOPs that one run of the reference may take, about: it runs a dozen times. */
const referenceFlops = 2e7
/** What may be made smaller for the reference: sequences, rows, positions, and numbers of ops that have nothing else. */
const rowLetters = ['B', 'M', 'T', 'K']
/** Rows M that the reference sees, at most: the tolerance is for as many draws as the op table's own checks make. */
const mostRows = 128

/** The same op with fewer rows. */
function checkableSizes(op: OpSpec, sizes: Sizes): Sizes {
  const smaller: Record<string, number> = { ...sizes, ...(sizes['M'] && { M: Math.min(sizes['M'], mostRows) }) }
  for (const letter of rowLetters) {
    while ((smaller[letter] ?? 1) > 1 && op.work(completeSizes(op, smaller)).forward.flops > referenceFlops) {
      smaller[letter] = Math.ceil(smaller[letter] / 2)
    }
  }
  return smaller
}

/** The comparison that comes closest to its limit, or passes it furthest. */
function verifyOp(machine: Machine, op: OpSpec, sizes: Sizes, rng: Random): Verdict {
  const testCase = opCase(op, checkableSizes(op, sizes), rng)
  const closeness = ({ error, allowed }: Verdict) => (error <= allowed ? error / (allowed || 1) : Infinity)
  const comparisons: readonly Verdict[] = compare(testCase, runOp(machine, testCase))
  return comparisons.reduce((worst, next) => (closeness(next) > closeness(worst) ? next : worst))
}

const sum = (works: readonly Work[]): Work => ({
  flops: works.reduce((total, { flops }) => total + flops, 0),
  bytes: works.reduce((total, { bytes }) => total + bytes, 0),
})

/** Forward, and forward with backward; operands live in the caller's scope. */
function opCases(machine: Machine, op: OpSpec, sizes: Sizes, rng: Random): BenchCase[] {
  const { work, forward, forwardAndBackward } = prepareOp(machine, op, sizes, rng.fork('timed'))
  const verdict = verifyOp(machine, op, sizes, rng.fork('verified'))
  const shape = { ...sizes }
  const verify = () => verdict
  const alone: BenchCase = { name: op.name, shape, ...work.forward, run: forward, verify }
  if (!forwardAndBackward) return [alone]
  const all = sum([work.forward, work.inputs, work.weights])
  return [alone, { name: `${op.name} and back`, shape, ...all, run: forwardAndBackward, verify }]
}

/**
 * Measures the ops on all threads.
 *
 * @param report called after each group, with groups done and in all
 * @param sizesOf what sizes to run an op at; those of the `bench` model unless a test asks for smaller ones
 */
export function benchOps(
  rig: Rig,
  effort: Effort,
  report: (done: number, all: number) => void,
  sizesOf: (op: OpSpec) => readonly Sizes[] = ({ benchSizes }) => benchSizes,
): BenchResult[] {
  const machine = rig.all
  const groups = opTable.flatMap((op) => sizesOf(op).map((sizes) => ({ op, sizes })))
  return groups.flatMap(({ op, sizes }, i) => {
    using _scope = machine.scope()
    const results = measureGroup(rig, machine, opCases(machine, op, sizes, Random.seeded(0).fork(`bench/ops/${op.name}`)), effort)
    report(i + 1, groups.length)
    return results
  })
}
