/** Results of ablations as claims read them: by name, the last one of each pair of arms, and a sentence for each. */
import { ablationMetrics, type AblationResultEvent } from '../../pretraining/index.ts'
import { allAblations } from '../findings/ablation-results.ts'
import type { RunFacts } from '../run-facts.ts'
import { between, digits, signed } from '../wording.ts'

/** Results of an ablation, one for each pair of arms and metric. @param name as in `strata ablate <name>` */
export function ablationsOf(run: RunFacts, name: string): readonly AblationResultEvent[] {
  return allAblations(run).filter((result) => result.name === name)
}

/** What an interval was taken over, in words. */
export const overWhat = ({ n, intervalOver }: Pick<AblationResultEvent, 'n' | 'intervalOver'>): string =>
  intervalOver === 'seeds' ? `over ${n} seeds` : `over ${n} held-out ${intervalOver} of one pair of runs`

/** "−0.03 nats a token (95 % interval between −0.05 and −0.01, over 64 held-out rows of one pair of runs)". @param size adds how small the runs were */
export function differenceText(result: AblationResultEvent, withSize = false): string {
  const { difference, low, high, unit } = result
  const value = Number.isFinite(difference) ? `${signed(difference)} ${unitText(unit)}` : 'not finite, since training broke'
  return `${value} (95 % interval ${between(low, high)}, ${overWhat(result)}${withSize ? `; ${result.intervalOver === 'seeds' ? runText(result) : sizeText(result)}` : ''})`
}

/** A unit as a sentence has it. */
export const unitText = (unit: string): string =>
  unit === 'nats/token' ? 'nats a token' : unit === 'share of the mean load' ? 'of the mean load' : unit

/** Results in loss on all held-out text, which every ablation has. */
export const lossResults = (results: readonly AblationResultEvent[]) =>
  results.filter(({ metric, domain }) => metric === ablationMetrics.loss.metric && domain === null)

/** "0.1M tokens each, width 64": how small the runs of an ablation were. */
export const sizeText = (result: AblationResultEvent): string =>
  `${runText(result)}, ${result.seeds === 1 ? 'one seed' : `${result.seeds} seeds`}`

const runText = ({ tokens, base }: AblationResultEvent) => `width ${base.width}, ${digits(tokens)} tokens a run`
