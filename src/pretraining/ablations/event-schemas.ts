/** The events of ablations as schemas. */
import { z } from 'zod'
import { byName, counted, type EventSchemas, list, measured, record } from '../../base/event-schema.ts'
import type { AccumulationArm } from './accumulation.ts'
import type { ArmNumbers } from './arm-numbers.ts'
import type {
  AblationBase,
  AblationDifference,
  AblationEvent,
  AblationResultEvent,
  AccumulationEvent,
  MemoryEvent,
  MemorySaving,
  PrecisionEvent,
} from './events.ts'

const base = record<AblationBase>()({
  width: counted,
  layerCount: counted,
  vocabSize: counted,
  rowLength: counted,
  rows: counted,
})

const difference = {
  difference: measured,
  low: measured,
  high: measured,
  n: counted,
  intervalOver: z.enum(['seeds', 'rows', 'batches', 'tensors', 'products']),
  verdict: z.enum(['lower', 'higher', 'not established']),
}

const arm = record<ArmNumbers>()({
  parameters: counted,
  activated: counted,
  cacheBytesPerToken: measured,
  flopsPerToken: measured,
  decodeFlopsPerToken: measured,
  lossNats: measured,
  lossByQuarter: list(measured),
  bitsPerByteByDomain: byName(measured),
  maxViolation: measured.nullable(),
  trainedMaxViolation: measured,
  steps: measured,
  clippedShare: measured,
  spikes: measured,
  skippedSteps: measured,
  brokeAtStep: measured.nullable(),
  scores: byName(measured),
  secondsPerRun: measured,
})

const accumulationArm = record<AccumulationArm>()({
  gradientError: measured,
  medianUlps: measured,
  ulps99: measured,
  lossDriftNats: measured,
  weightDriftShare: measured,
})

const saving = record<MemorySaving>()({
  name: z.string(),
  says: z.string(),
  changesNumbers: z.boolean(),
  predictedBytes: counted,
  measuredBytes: counted,
  outsideBytes: counted,
  hasSameNumbers: z.boolean(),
  stepRatio: record<MemorySaving['stepRatio']>()({ median: measured, lowerQuartile: measured, upperQuartile: measured, pairs: counted }),
})

export const ablationEventSchemas = {
  'ablation/result': record<AblationResultEvent>()({
    ...difference,
    type: z.literal('ablation/result'),
    name: z.string(),
    claims: list(z.string()),
    variant: z.string(),
    control: z.string(),
    says: record<AblationResultEvent['says']>()({ variant: z.string(), control: z.string() }),
    seeds: counted,
    tokens: counted,
    metric: z.string(),
    unit: z.string(),
    domain: z.string().nullable(),
    base,
    details: record<AblationResultEvent['details']>()({
      variant: arm,
      control: arm,
      byDomain: byName(record<AblationDifference>()(difference)),
    }),
    wasCached: z.boolean(),
    seconds: measured,
  }),
  'ablation/accumulation': record<AccumulationEvent>()({
    ...difference,
    type: z.literal('ablation/accumulation'),
    name: z.literal('accumulation'),
    claims: list(z.string()),
    variant: z.literal('bf16 sums'),
    control: z.literal('f32 sums'),
    metric: z.string(),
    unit: z.string(),
    base,
    parts: counted,
    steps: counted,
    details: record<AccumulationEvent['details']>()({ variant: accumulationArm, control: accumulationArm }),
    wasCached: z.boolean(),
    seconds: measured,
  }),
  'ablation/memory': record<MemoryEvent>()({
    type: z.literal('ablation/memory'),
    name: z.string(),
    claims: list(z.string()),
    base,
    parameters: counted,
    rowsAtOnce: counted,
    steps: counted,
    plain: record<MemoryEvent['plain']>()({ predictedBytes: counted, measuredBytes: counted, stepSeconds: measured }),
    savings: list(saving),
    wasCached: z.boolean(),
    seconds: measured,
  }),
  'ablation/precision': record<PrecisionEvent>()({
    ...difference,
    type: z.literal('ablation/precision'),
    name: z.literal('fp8-products'),
    claims: list(z.string()),
    variant: z.string(),
    control: z.string(),
    metric: z.string(),
    unit: z.string(),
    base,
    tokens: counted,
    batchTokens: counted,
    details: record<PrecisionEvent['details']>()({ variant: measured, control: measured }),
    wasCached: z.boolean(),
    seconds: measured,
  }),
} satisfies EventSchemas<AblationEvent>
