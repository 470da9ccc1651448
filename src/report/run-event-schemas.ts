/**
 * Every event of a run as a schema: the tables of the floors below, and what the run itself says. An event that any layer may
 * append and that is missing here does not compile.
 */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record } from '../base/event-schema.ts'
import { kernelEventSchemas } from '../compute/index.ts'
import { bitsPerByteSchema, evaluationEventSchemas } from '../evaluation/index.ts'
import { inferenceEventSchemas } from '../inference/index.ts'
import { posttrainingEventSchemas } from '../posttraining/index.ts'
import { ablationEventSchemas, dataEventSchemas, stageSchema, trainingEventSchemas } from '../pretraining/index.ts'
import type { ProgressScoreEvent, RunRecordEvent, SampleEvent, StageEvent, WarningEvent } from './run-record.ts'

const partSchema = z.union([
  stageSchema,
  z.enum(stageSchema.options.map((stage) => `evaluate-${stage}` as const)),
  z.enum(['data', 'samples', 'inference', 'ablations']),
])

export const runEventSchemas = {
  ...kernelEventSchemas,
  ...dataEventSchemas,
  ...trainingEventSchemas,
  ...evaluationEventSchemas,
  ...posttrainingEventSchemas,
  ...inferenceEventSchemas,
  ...ablationEventSchemas,
  'evaluation/on-the-way': record<ProgressScoreEvent>()({
    type: z.literal('evaluation/on-the-way'),
    step: counted,
    scores: list(bitsPerByteSchema),
  }),
  'samples/text': record<SampleEvent>()({
    type: z.literal('samples/text'),
    domain: z.string(),
    prompt: z.string(),
    text: z.string(),
    temperature: measured,
    topP: measured,
  }),
  'run/stage': record<StageEvent>()({ type: z.literal('run/stage'), stage: partSchema, seconds: measured }),
  'run/warning': record<WarningEvent>()({ type: z.literal('run/warning'), message: z.string() }),
} satisfies EventSchemas<RunRecordEvent>
