/** The report: events in, one page out. */
export * from './run-record.ts'
export { runEventSchemas } from './run-event-schemas.ts'
export { claims } from './claims/index.ts'
export { renderReport, type ReportParts } from './document.ts'
export { countOutcomes, judge, judgeAll, type JudgedClaim } from './judge.ts'
export { namedForRun } from './named-for-run.ts'
export { readRunFacts, type RunFacts, runFactsOf } from './run-facts.ts'
export type { Chapter, Claim, Drawing, FigureBlock, Outcome, TableBlock, TableColumn, Verdict } from './types.ts'
