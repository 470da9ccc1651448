/** The events of the training loop as schemas: what a log's lines must have. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record } from '../base/event-schema.ts'
import type {
  CheckpointEvent,
  EndEvent,
  LoadEvent,
  Overload,
  SkippedStepEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
  UnsupervisedEvent,
} from './events.ts'

/** The stages that train. */
export const stageSchema = z.enum(['pretrain', 'extend-1', 'extend-2', 'extend-jump', 'sft', 'rl', 'rl-shuffled'])

const stage = stageSchema

/** Rows of each expert, router by router; a dense model has none. */
export const loadsSchema = list(list(counted, 1))

export const trainingEventSchemas = {
  'training/start': record<StartEvent>()({
    type: z.literal('training/start'),
    stage,
    step: counted,
    tokens: counted,
    stepCount: counted,
  }),
  'training/step': record<StepEvent>()({
    type: z.literal('training/step'),
    stage,
    step: counted,
    tokens: counted,
    batchTokens: counted,
    lossNats: measured,
    mtpNats: list(measured),
    balance: measured.nullable(),
    learningRate: measured,
    gradientNorm: measured,
    biasSpeed: measured,
    mtpWeight: measured,
    maxViolation: record<Overload>()({ mean: measured, max: measured }),
    stepSeconds: measured,
    tokensPerSecond: measured,
    modelFlops: measured,
    peakShare: measured.nullable(),
    heapBytes: counted,
  }),
  'training/skipped': record<SkippedStepEvent>()({
    type: z.literal('training/skipped'),
    stage,
    step: counted,
    tokens: counted,
    lossNats: measured,
    gradientNorm: measured,
    inARow: counted,
    batch: record<SkippedStepEvent['batch']>()({
      data: z.unknown(),
      rows: list(record<SkippedStepEvent['batch']['rows'][number]>()({ domain: z.string(), text: z.string() })),
    }),
  }),
  'training/unsupervised': record<UnsupervisedEvent>()({ type: z.literal('training/unsupervised'), stage, tokens: counted }),
  'training/load': record<LoadEvent>()({ type: z.literal('training/load'), stage, step: counted, loadByRouter: loadsSchema }),
  'training/checkpoint': record<CheckpointEvent>()({
    type: z.literal('training/checkpoint'),
    stage,
    step: counted,
    tokens: counted,
    folder: z.string(),
    seconds: measured,
  }),
  'training/end': record<EndEvent>()({
    type: z.literal('training/end'),
    stage,
    reason: z.enum(['complete', 'interrupted']),
    step: counted,
    tokens: counted,
    seconds: measured,
  }),
} satisfies EventSchemas<TrainingEvent>
