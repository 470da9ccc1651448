/** What is measured of one arm of an ablation: seed by seed as it is kept, and over the seeds as it is reported. */
import { z } from 'zod'
import { mean } from '../../base/statistics.ts'
import type { HeldOutRows } from './paired.ts'

const numbers = z.array(z.number())

/** One run of an arm, as it is kept in the cache. */
export const armRunSchema = z.strictObject({
  /** Mean loss of each held-out row in nats a token; empty when training broke. */
  rowLossNats: numbers,
  /** Mean loss of the quarters of a row. */
  lossByQuarter: numbers,
  /** Overload of the busiest expert in each batch of held-out rows, mean over the routers; empty without routers. */
  batchOverload: numbers,
  /** The same of the training batches, mean over the last quarter of the steps. */
  trainedOverload: z.number(),
  steps: z.number(),
  /** Steps whose gradient was longer than the clipping norm, 0..1. */
  clippedShare: z.number(),
  /** Steps whose loss was more than a nat above the mean of the sixteen before. */
  spikes: z.number(),
  skippedSteps: z.number(),
  /** The step at which the loss had not been finite for too long; null when training came to its end. */
  brokeAtStep: z.number().nullable(),
  /** What the caller measured beside. */
  scores: z.record(z.string(), z.number()).nullable(),
  seconds: z.number(),
})

export type ArmRun = z.infer<typeof armRunSchema>

/** What follows from an arm's sizes. */
export interface ArmSizes {
  /** MTP modules included. */
  readonly parameters: number
  /** Weights that a token is multiplied with in the main model. */
  readonly activated: number
  /** In BF16. */
  readonly cacheBytesPerToken: number
  /** Of training, MTP included. */
  readonly flopsPerToken: number
  /** Of generation at the window's end, main model. */
  readonly decodeFlopsPerToken: number
}

/** An arm over all its seeds: means, where nothing else is said. */
export interface ArmNumbers extends ArmSizes {
  /** Infinite when training broke under any seed. */
  readonly lossNats: number
  /** Of the quarters of a row, first to last. */
  readonly lossByQuarter: readonly number[]
  /** Of the held-out rows of each domain that has some. */
  readonly bitsPerByteByDomain: Readonly<Record<string, number>>
  /** Overload of the busiest expert on held-out text, (max - mean) / mean; null without routers. */
  readonly maxViolation: number | null
  /** The same in training, over the last quarter of the steps. */
  readonly trainedMaxViolation: number
  readonly steps: number
  readonly clippedShare: number
  readonly spikes: number
  readonly skippedSteps: number
  /** The earliest of any seed. */
  readonly brokeAtStep: number | null
  readonly scores: Readonly<Record<string, number>>
  readonly secondsPerRun: number
}

/** Element by element. @param rows of one length */
export function meanOfRows(rows: readonly (readonly number[])[]): number[] {
  return rows[0].map((_, index) => mean(rows.map((row) => row[index])))
}

/** Bits per byte of each domain: sum of the losses / (ln 2 x bytes of the targets). */
function bitsPerByte({ rowLossNats }: ArmRun, { domainOfRow, bytesOfRow, length }: HeldOutRows): Record<string, number> {
  const sums = new Map<string, { nats: number; bytes: number }>()
  for (const [row, domain] of domainOfRow.entries()) {
    const { nats, bytes } = sums.get(domain) ?? { nats: 0, bytes: 0 }
    sums.set(domain, { nats: nats + rowLossNats[row] * length, bytes: bytes + bytesOfRow[row] })
  }
  return Object.fromEntries([...sums].map(([domain, { nats, bytes }]) => [domain, nats / (Math.LN2 * bytes)]))
}

/** Name by name. @param records of the same names */
function meanOfRecords(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  return Object.fromEntries(Object.keys(records[0] ?? {}).map((name) => [name, mean(records.map((record) => record[name]))]))
}

/** An arm's runs taken together. @param runs one a seed, at least one @param heldOut the rows that they were scored on */
export function summarizeArm(runs: readonly ArmRun[], sizes: ArmSizes, heldOut: HeldOutRows): ArmNumbers {
  const over = (of: (run: ArmRun) => number) => mean(runs.map(of))
  const isBroken = runs.some(({ brokeAtStep }) => brokeAtStep !== null)
  const whole = runs.filter(({ brokeAtStep }) => brokeAtStep === null)
  return {
    ...sizes,
    lossNats: isBroken ? Number.POSITIVE_INFINITY : over(({ rowLossNats }) => mean(rowLossNats)),
    lossByQuarter: whole.length > 0 ? meanOfRows(whole.map(({ lossByQuarter }) => lossByQuarter)) : [],
    bitsPerByteByDomain: meanOfRecords(whole.map((run) => bitsPerByte(run, heldOut))),
    maxViolation:
      whole.every(({ batchOverload }) => batchOverload.length > 0) && whole.length > 0
        ? mean(whole.map(({ batchOverload }) => mean(batchOverload)))
        : null,
    trainedMaxViolation: over(({ trainedOverload }) => trainedOverload),
    steps: over(({ steps }) => steps),
    clippedShare: over(({ clippedShare }) => clippedShare),
    spikes: over(({ spikes }) => spikes),
    skippedSteps: over(({ skippedSteps }) => skippedSteps),
    brokeAtStep: isBroken ? Math.min(...runs.map(({ brokeAtStep }) => brokeAtStep ?? Number.POSITIVE_INFINITY)) : null,
    scores: meanOfRecords(whole.map(({ scores }) => scores ?? {})),
    secondsPerRun: over(({ seconds }) => seconds),
  }
}
