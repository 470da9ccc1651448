/** The report: events in, one page out. */
export * from './run-record.ts'
