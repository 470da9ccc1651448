/** The public API of the infrastructure floor. */
export * from './schedules/catalogue.ts'
export * from './schedules/chrome-trace.ts'
export * from './schedules/describe.ts'
export * from './schedules/operations.ts'
export * from './schedules/pair-lanes.ts'
export * from './schedules/simulate.ts'
export * from './schedules/timeline-svg.ts'
