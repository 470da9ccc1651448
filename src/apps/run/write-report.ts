/** The report of a run, as a file. */
import path from 'node:path'
import { writeFileWhole } from '../../foundations/index.ts'
import { renderReport, type RunFacts } from '../../report/index.ts'

/** Where a run's report is unless somebody wants it elsewhere. */
export const reportFile = (folder: string): string => path.join(folder, 'report.html')

/** Writes the report whole. @returns its size in bytes @throws UsageError when the file cannot be written */
export function writeReport(facts: RunFacts, file: string): number {
  const bytes = new TextEncoder().encode(renderReport(facts))
  writeFileWhole(file, [bytes])
  return bytes.length
}
