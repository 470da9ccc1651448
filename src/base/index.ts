/** The floor that everything stands on: errors, random streams, formats, statistics, settings, the run log, the platform. */
export * from './errors.ts'
export * from './format.ts'
export * from './nearest.ts'
export * from './platform.ts'
export * from './random.ts'
export * from './run-log.ts'
export * from './settings.ts'
export * from './statistics.ts'
