/** `strata bench report`: from the folder of a finished run to its report in memory, on one core. */
import { formatBytes, formatSeconds } from '../../base/format.ts'
import { invariant, usageError } from '../../base/errors.ts'
import { readRunFacts, renderReport } from '../../report/index.ts'
import { type Effort, measureInTurn } from './measure.ts'
import { type BenchResult, resultOf } from './result.ts'

/** What `benchReport` adds to a result. */
export interface ReportResult extends BenchResult {
  /** UTF-8 of the page. */
  readonly reportBytes: number
}

/**
 * Measures reading a run's folder and rendering its report.
 *
 * @param folder of the run
 * @throws UsageError without a folder
 */
export function benchReport(effort: Effort, folder: string | undefined): ReportResult[] {
  if (folder === undefined) throw usageError('bench report', '--model and a run folder', 'none', 'Example: --model runs/first')
  const facts = readRunFacts(folder)
  const page = renderReport(facts)
  const reportBytes = new TextEncoder().encode(page).length
  invariant(renderReport(readRunFacts(folder)) === page, 'report: expected the same page twice, got another')
  const [seconds] = measureInTurn([() => void renderReport(readRunFacts(folder))], effort)
  const work = { name: 'report', shape: { events: facts.events.length, bytes: reportBytes }, threads: 1, flops: 0, bytes: 0, error: 0 }
  return [Object.assign(resultOf(work, seconds, null), { reportBytes })]
}

/** What the table of results does not say. */
export const reportText = ([{ reportBytes, medianSeconds }]: readonly ReportResult[]): string =>
  `a report of ${formatBytes(reportBytes)} in ${formatSeconds(medianSeconds)}`
