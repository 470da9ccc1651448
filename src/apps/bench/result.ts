/** One measurement as a record, from seconds and counted work to rates and shares of the ceiling; and all of them as a table. */
import { formatSeconds, formatShare } from '../../base/format.ts'
import type { Spread } from '../../base/statistics.ts'
import { formatTable } from '../table.ts'
import type { Ceiling } from './rig.ts'

/** What was run, and how much work it is. */
export interface Work {
  readonly name: string
  /** What the letters of its sizes are. */
  readonly shape: Readonly<Record<string, number | string>>
  readonly threads: number
  /** FLOPs of one run; 0 where nothing is computed that counts. */
  readonly flops: number
  /** Bytes that one run must at least read and write; 0 where that says nothing. */
  readonly bytes: number
  /** Distance from the float64 reference, as a share of the largest number compared; null where there is none. */
  readonly error: number | null
}

/** A row of the document that `strata bench … --json` prints. Rates are 10^9 a second, shares 0..1. */
export interface BenchResult extends Work {
  /** Arithmetic rate by the median; null where nothing is computed that counts. */
  readonly gflops: number | null
  readonly bestGflops: number | null
  /** Bytes a second by the median; null where that says nothing. */
  readonly gbs: number | null
  /**
   * By the median, of the ceiling around the measurement: the longer of the times that arithmetic and bytes take at the
   * ceiling, over the time taken.
   */
  readonly share: number | null
  /** By the fastest sample, of the highest ceiling of the whole run. */
  readonly bestShare: number | null
  /** Which of the two ceilings is the lower one here. */
  readonly limit: 'multiply-add' | 'stream' | null
  /** The ceiling around this measurement. */
  readonly ceiling: Ceiling | null
  /** Whether that ceiling was so far below the run's highest that another program must have been at work. */
  readonly isDisturbed: boolean
  readonly samples: number
  readonly medianSeconds: number
  readonly bestSeconds: number
  readonly lowerQuartileSeconds: number
  readonly upperQuartileSeconds: number
}

/** A clock that wanders stays above this share of its highest; a core that is shared with another program does not. */
const undisturbedShare = 0.8

/** Seconds that the work takes at the ceiling: the longer of arithmetic and bytes. */
const secondsAt = ({ gflops, streamGBs }: Ceiling, { flops, bytes }: Work) => Math.max(flops / (gflops * 1e9), bytes / (streamGBs * 1e9))

/**
 * Rates and shares of one measurement.
 *
 * @param work    what was run
 * @param seconds of one run
 * @param ceiling around the measurement; null for work that has nothing to do with it
 */
export function resultOf(work: Work, seconds: Spread, ceiling: Ceiling | null): BenchResult {
  const { flops, bytes } = work
  const { median, minimum } = seconds
  const rate = (amount: number, time: number) => (amount === 0 ? null : amount / time / 1e9)
  const hasShare = ceiling !== null && flops + bytes > 0
  return {
    ...work,
    gflops: rate(flops, median),
    bestGflops: rate(flops, minimum),
    gbs: rate(bytes, median),
    share: hasShare ? secondsAt(ceiling, work) / median : null,
    bestShare: hasShare ? secondsAt(ceiling, work) / minimum : null,
    limit: hasShare ? (flops / ceiling.gflops >= bytes / ceiling.streamGBs ? 'multiply-add' : 'stream') : null,
    ceiling,
    isDisturbed: false,
    samples: seconds.count,
    medianSeconds: median,
    bestSeconds: minimum,
    lowerQuartileSeconds: seconds.lowerQuartile,
    upperQuartileSeconds: seconds.upperQuartile,
  }
}

/**
 * The same result, its best sample held against what the machine turned out to be capable of.
 *
 * @param highest the machine's highest ceiling, known when the run is over
 */
export function withHighest<Result extends BenchResult>(result: Result, highest: Ceiling): Result {
  const { ceiling } = result
  if (!ceiling || result.bestShare === null) return result
  const isDisturbed = ceiling.gflops < undisturbedShare * highest.gflops
  return { ...result, isDisturbed, bestShare: secondsAt(highest, result) / result.bestSeconds }
}

const or = (value: number | null, format: (value: number) => string) => (value === null ? '' : format(value))

/** Three digits at least, where a step's time in whole tenths would hide what tuning gains. */
export const formatSample = (seconds: number): string =>
  seconds >= 0.9995 && seconds < 60 ? `${seconds.toPrecision(4)} s` : formatSeconds(seconds)
const rate = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))

/** The results as a table, a line each; disturbed ones have a star. */
export function resultTable(results: readonly BenchResult[]): string {
  const titles = ['', 'sizes', 'threads', 'error', 'median', 'best', 'spread', 'GFLOP/s', 'GB/s', 'share', 'best', 'of'] as const
  const columns = titles.map((title, i) => ({ title, align: i < 2 || i === 11 ? ('left' as const) : ('right' as const) }))
  const rows = results.map((result) => [
    result.isDisturbed ? `${result.name} *` : result.name,
    Object.entries(result.shape)
      .map(([letter, size]) => `${letter} ${size}`)
      .join(' '),
    String(result.threads),
    or(result.error, (error) => error.toExponential(1)),
    formatSample(result.medianSeconds),
    formatSample(result.bestSeconds),
    formatShare((result.upperQuartileSeconds - result.lowerQuartileSeconds) / result.medianSeconds),
    or(result.gflops, rate),
    or(result.gbs, rate),
    or(result.share, formatShare),
    or(result.bestShare, formatShare),
    result.limit ?? '',
  ])
  const table = formatTable(columns, rows)
  if (!results.some(({ isDisturbed }) => isDisturbed)) return table
  return `${table}\n\n* another program was at work: the ceiling around it was below ${formatShare(undisturbedShare)} of the highest`
}
