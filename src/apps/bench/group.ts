/** Some cases that belong together, verified, then measured in turn under one watched ceiling. */
import { invariant } from '../../base/errors.ts'
import type { Machine } from '../../compute/index.ts'
import { type Effort, measureInTurn } from './measure.ts'
import { type BenchResult, resultOf } from './result.ts'
import type { Rig } from './rig.ts'

/** How far a result is from its reference, and how far rounding lets it be; shares of the largest number compared. */
export interface Verdict {
  readonly error: number
  readonly allowed: number
}

/** One thing to measure. */
export interface BenchCase {
  readonly name: string
  readonly shape: Readonly<Record<string, number | string>>
  readonly flops: number
  readonly bytes: number
  readonly run: () => void
  /** Looks at what `run` has left; it has been run once. */
  readonly verify: () => Verdict
}

/**
 * Verifies and measures.
 *
 * @param machine one of the rig's: its ceiling is what the shares are of
 * @throws InvariantError when a result is wrong: a wrong answer has no speed
 */
export function measureGroup(rig: Rig, machine: Machine, cases: readonly BenchCase[], effort: Effort): BenchResult[] {
  const errors = cases.map(({ name, run, verify }) => {
    run()
    const { error, allowed } = verify()
    invariant(error <= allowed, `${name}: expected an error of at most ${allowed.toExponential(1)}, got ${error.toExponential(1)}`)
    return error
  })
  const watch = rig.watch(machine)
  const spreads = measureInTurn(
    cases.map(({ run }) => run),
    effort,
    watch.glance,
  )
  const ceiling = watch.end()
  return cases.map(({ name, shape, flops, bytes }, i) =>
    resultOf({ name, shape, threads: machine.threads, flops, bytes, error: errors[i] }, spreads[i], ceiling),
  )
}
