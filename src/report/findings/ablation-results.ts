/** Results of all ablations in a run's log, and which of them decide. */
import { ablationMetrics, type AblationResultEvent } from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'

/** Seeds from which on an interval says something about other seeds. */
export const leastSeeds = 3

/** Every result in the order of the log; what was run again counts once. */
export const allAblations = (run: RunFacts): readonly AblationResultEvent[] =>
  run.latestOf('ablation/result', ({ name, variant, control, metric }) => [name, variant, control, metric].join('|'))

/** One result for each pair of arms: the one on the loss, which every ablation has, or its first. */
export function decidingResults(run: RunFacts): AblationResultEvent[] {
  const loss = ablationMetrics.loss.metric
  const pairs = new Map<string, AblationResultEvent>()
  for (const result of allAblations(run)) {
    const pair = [result.name, result.variant, result.control].join('|')
    const kept = pairs.get(pair)
    if (!kept || (kept.metric !== loss && result.metric === loss)) pairs.set(pair, result)
  }
  return [...pairs.values()]
}

/** How far a point of a sweep is from the recipe: 2 for twice the setting; null where its name does not say. */
export function sweepFactor({ variant, base }: AblationResultEvent): number | null {
  const [, factor, rows] = /^(?:x(\d*\.?\d+)|rows-(\d+))$/.exec(variant) ?? []
  if (factor !== undefined) return Number(factor)
  return rows === undefined ? null : Number(rows) / base.rows
}
