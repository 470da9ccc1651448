/** What trainings in emulated FP8 came to beside one in f32, and the errors of products and gradients. */
import { ablationMetrics, type AblationResultEvent, type PrecisionEvent } from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'
import { counted, digits, signed } from '../wording.ts'
import { allAblations } from './ablation-results.ts'

/** Published: a loss within a quarter of a percent of that in BF16 (DeepSeek-V3 report, appendix B.1). */
export const publishedLossError = 0.0025

/** A difference in loss as a share of the control's loss, with its 95 % interval. */
export interface LossError {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly result: AblationResultEvent
}

/** Difference in loss of two arms; null where they were not trained. @param name of the ablation */
export function lossError(run: RunFacts, name: string, variant: string, control: string): LossError | null {
  const { metric } = ablationMetrics.loss
  const result = allAblations(run).find(
    (one) => one.name === name && one.variant === variant && one.control === control && one.metric === metric,
  )
  if (!result) return null
  const loss = result.details.control.lossNats
  return { value: result.difference / loss, low: result.low / loss, high: result.high / loss, result }
}

const signedPercent = (share: number) => `${signed(100 * share)} %`

/** "+0.12 % (95 % interval −0.10 % to +0.34 %, 3 seeds)". */
export function lossErrorText({ value, low, high, result }: LossError): string {
  if (!Number.isFinite(value)) return 'not a number, since training broke'
  return `${signedPercent(value)} (95 % interval ${signedPercent(low)} to ${signedPercent(high)}, ${samplesText(result)})`
}

const samplesText = ({ n, intervalOver }: Pick<AblationResultEvent, 'n' | 'intervalOver'>) =>
  intervalOver === 'seeds' ? counted(n, 'seed') : `${n} held-out ${intervalOver} of one pair of runs`

/** An error of products or gradients in one way of rounding less that in another; null where it was not measured. */
export const precisionError = (run: RunFacts, metric: string, variant: string): PrecisionEvent | null =>
  run.lastOf('ablation/precision', (event) => event.metric === metric && event.variant === variant)

/** "3.8 % against 2.6 %". */
export const errorsText = ({ details: { variant, control } }: PrecisionEvent): string =>
  `${shareText(variant)} against ${shareText(control)}`

/** A small share in percent with the digits that count: "0.25 %", "3.81 %". */
export const shareText = (share: number): string => `${digits(100 * share)} %`
