/** One measurement as a record, from seconds and counted work to rates and shares of the ceiling; and all of them as a table. */
import { formatSeconds, formatShare } from '../../base/format.ts'
import type { Spread } from '../../base/statistics.ts'
import { formatTable } from '../table.ts'
import type { Ceiling } from './rig.ts'

/** A row of the document that `strata bench … --json` prints. Rates are 10^9 a second, shares 0..1. */
export interface BenchResult {
  readonly name: string
  /** What the letters of its sizes are. */
  readonly shape: Readonly<Record<string, number | string>>
  readonly threads: number
  /** Arithmetic rate by the median; null where nothing is computed that counts. */
  readonly gflops: number | null
  readonly bestGflops: number | null
  /** Bytes that must at least be read and written, by the median; null where that says nothing. */
  readonly gbs: number | null
  /** Of what the ceiling allows: the longer of the times that arithmetic and bytes take there, over the median. */
  readonly share: number | null
  readonly bestShare: number | null
  /** Which of the two ceilings is the lower one here. */
  readonly limit: 'multiply-add' | 'stream' | null
  /** The ceiling around this measurement. */
  readonly ceiling: Ceiling | null
  /** Distance from the float64 reference, as a share of the largest number compared; null where there is none. */
  readonly error: number | null
  readonly samples: number
  readonly medianSeconds: number
  readonly bestSeconds: number
  readonly lowerQuartileSeconds: number
  readonly upperQuartileSeconds: number
  /** Whatever else a benchmark says about itself. */
  readonly [extra: string]: unknown
}

/** What was run, and how much work it is. */
export interface Work {
  readonly name: string
  readonly shape: Readonly<Record<string, number | string>>
  readonly threads: number
  /** FLOPs of one run; 0 where nothing is computed that counts. */
  readonly flops: number
  /** Bytes that one run must read and write; 0 where that says nothing. */
  readonly bytes: number
  readonly error: number | null
}

/**
 * Rates and shares of one measurement.
 *
 * @param work    what was run
 * @param seconds of one run
 * @param ceiling around the measurement; null for work that has nothing to do with it
 */
export function resultOf({ flops, bytes, ...work }: Work, seconds: Spread, ceiling: Ceiling | null): BenchResult {
  const { median, minimum } = seconds
  const arithmeticSeconds = ceiling ? flops / (ceiling.gflops * 1e9) : 0
  const streamSeconds = ceiling ? bytes / (ceiling.streamGBs * 1e9) : 0
  const leastSeconds = Math.max(arithmeticSeconds, streamSeconds)
  const rate = (amount: number, time: number) => (amount === 0 ? null : amount / time / 1e9)
  return {
    ...work,
    gflops: rate(flops, median),
    bestGflops: rate(flops, minimum),
    gbs: rate(bytes, median),
    share: leastSeconds === 0 ? null : leastSeconds / median,
    bestShare: leastSeconds === 0 ? null : leastSeconds / minimum,
    limit: leastSeconds === 0 ? null : arithmeticSeconds >= streamSeconds ? 'multiply-add' : 'stream',
    ceiling,
    samples: seconds.count,
    medianSeconds: median,
    bestSeconds: minimum,
    lowerQuartileSeconds: seconds.lowerQuartile,
    upperQuartileSeconds: seconds.upperQuartile,
  }
}

const or = (value: number | null, format: (value: number) => string) => (value === null ? '' : format(value))
const rate = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))

/** The results as a table, a line each. */
export function resultTable(results: readonly BenchResult[]): string {
  const titles = ['', 'sizes', 'threads', 'error', 'median', 'best', 'spread', 'GFLOP/s', 'GB/s', 'share', 'best', 'of'] as const
  const columns = titles.map((title, i) => ({ title, align: i < 2 || i === 11 ? ('left' as const) : ('right' as const) }))
  const rows = results.map((result) => [
    result.name,
    Object.entries(result.shape)
      .map(([letter, size]) => `${letter} ${size}`)
      .join(' '),
    String(result.threads),
    or(result.error, (error) => error.toExponential(1)),
    formatSeconds(result.medianSeconds),
    formatSeconds(result.bestSeconds),
    formatShare((result.upperQuartileSeconds - result.lowerQuartileSeconds) / result.medianSeconds),
    or(result.gflops, rate),
    or(result.gbs, rate),
    or(result.share, formatShare),
    or(result.bestShare, formatShare),
    result.limit ?? '',
  ])
  return formatTable(columns, rows)
}
