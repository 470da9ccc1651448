/** How long work stands, in one line: the same words on a terminal, where it is updated, and in a log, where lines follow each other. */
import { formatCount, formatSeconds } from '../base/format.ts'
import { pad } from './table.ts'

/** Where a piece of long work stands. What is not known is left out. */
export interface Progress {
  /** What is going on: "pretrain", "tokenizer", "fetch". */
  readonly stage: string
  /** Steps done, and steps in all. */
  readonly step?: number
  readonly stepCount?: number
  readonly lossNats?: number
  readonly learningRate?: number
  readonly gradientNorm?: number
  readonly tokensPerSecond?: number
  /** Speed as a share of this machine's measured peak, 0..1. */
  readonly peakShare?: number
  /** MaxVio: largest expert load over the mean load, minus 1. */
  readonly maxViolation?: number
  readonly secondsLeft?: number
  /** Shown in any case, and stays; the last step is, unless this says otherwise. */
  readonly isLast?: boolean
  /** Anything else worth a word: a file's name, a domain. */
  readonly detail?: string
}

const fixed = (digits: number) => (value: number) => value.toFixed(digits)

const fields: readonly { readonly of: (progress: Progress) => string | undefined; readonly width: number }[] = [
  {
    of: (p) => (p.step === undefined ? undefined : p.stepCount === undefined ? `step ${p.step}` : `step ${p.step}/${p.stepCount}`),
    width: 14,
  },
  { of: (p) => said('loss', p.lossNats, fixed(4)), width: 12 },
  { of: (p) => said('lr', p.learningRate, (value) => value.toExponential(2)), width: 11 },
  { of: (p) => said('grad', p.gradientNorm, (value) => (value < 100 ? value.toFixed(3) : value.toExponential(1))), width: 12 },
  { of: (p) => (p.tokensPerSecond === undefined ? undefined : `${formatCount(Math.round(p.tokensPerSecond))} tok/s`), width: 11 },
  { of: (p) => (p.peakShare === undefined ? undefined : `${(p.peakShare * 100).toFixed(0)} % of peak`), width: 12 },
  { of: (p) => said('MaxVio', p.maxViolation, fixed(2)), width: 11 },
  { of: (p) => (p.secondsLeft === undefined || p.secondsLeft < 1 ? undefined : `${formatSeconds(p.secondsLeft)} left`), width: 12 },
]

const said = (word: string, value: number | undefined, format: (value: number) => string) =>
  value === undefined ? undefined : `${word} ${format(value)}`

/**
 * The line.
 *
 * @param columns cells there are; what does not fit is left out from the right, whole fields at a time
 */
export function progressLine(progress: Progress, columns = Number.POSITIVE_INFINITY): string {
  const known = fields.map(({ of, width }) => ({ text: of(progress), width })).filter(({ text }) => text !== undefined)
  const parts = [
    pad(progress.stage, 11),
    ...known.map(({ text, width }) => pad(text!, width)),
    ...(progress.detail ? [progress.detail] : []),
  ]
  let line = parts.shift()!
  for (const part of parts) {
    const longer = `${line}  ${part}`
    if (longer.trimEnd().length > columns) break
    line = longer
  }
  return line.trimEnd().slice(0, columns)
}
