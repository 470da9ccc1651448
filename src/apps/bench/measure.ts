/**
 * Timing on a machine that wobbles: alternatives take turns (A B C A B C), so that a slow second slows all of them, and
 * each is sampled until there are enough samples and enough seconds of it.
 */
import { spread, type Spread } from '../../base/statistics.ts'

/** When to stop sampling (both must be reached), and how long to look at the ceilings. */
export interface Effort {
  readonly samples: number
  readonly seconds: number
  /** Of one look at each ceiling, before and after. */
  readonly probeSeconds: number
}

/** What figures that are written down are measured with, and what a quick look is. */
export const efforts = {
  full: { samples: 20, seconds: 1, probeSeconds: 0.15 },
  quick: { samples: 5, seconds: 0.1, probeSeconds: 0.1 },
} as const satisfies Record<string, Effort>

/**
 * Seconds of each alternative, warm-up left out.
 *
 * @param works   the alternatives; each is run once unmeasured first
 * @param effort  how long to go on
 * @param between called after every round, outside the measured time: where the ceiling is sampled
 * @returns a spread of seconds for each alternative
 */
export function measureInTurn(works: readonly (() => void)[], effort: Effort, between: () => void = () => {}): Spread[] {
  for (const work of works) work()
  const samples = works.map(() => ({ seconds: [] as number[], total: 0 }))
  const isDone = ({ seconds, total }: (typeof samples)[number]) => seconds.length >= effort.samples && total >= effort.seconds
  while (!samples.every(isDone)) {
    for (const [i, sample] of samples.entries()) {
      if (isDone(sample)) continue
      const start = performance.now()
      works[i]()
      const seconds = (performance.now() - start) / 1e3
      sample.seconds.push(seconds)
      sample.total += seconds
    }
    between()
  }
  return samples.map(({ seconds }) => spread(seconds))
}
