/** The event of generated data as a schema. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record } from '../../base/event-schema.ts'
import { intervalSchema as interval } from '../interval-schema.ts'
import type { GeneratedArm, GeneratedDataEvent } from './events.ts'

export const generatedEventSchemas = {
  'posttraining/generated-data': record<GeneratedDataEvent>()({
    type: z.literal('posttraining/generated-data'),
    problems: counted,
    samplesPerProblem: counted,
    rightCount: counted,
    duplicateCount: counted,
    size: counted,
    steps: counted,
    tokens: counted,
    heldOutProblems: counted,
    chance: measured,
    arms: list(
      record<GeneratedArm>()({
        arm: z.enum(['start', 'raw', 'filtered', 're-weighted']),
        rightShare: measured.nullable(),
        distinctProblems: counted,
        accuracy: interval,
        formatRate: measured,
        overStart: interval.nullable(),
        overRaw: interval.nullable(),
      }),
    ),
    seconds: measured,
  }),
} satisfies EventSchemas<GeneratedDataEvent>
