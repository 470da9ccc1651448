/** An interval as events carry it. */
import { counted, measured, record } from '../base/event-schema.ts'
import type { Interval } from '../base/statistics.ts'

export const intervalSchema = record<Interval>()({ value: measured, low: measured, high: measured, count: counted })
