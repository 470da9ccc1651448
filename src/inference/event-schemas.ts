/** What measurements of inference say, as schemas. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record, withPart } from '../base/event-schema.ts'
import { loadsSchema } from '../pretraining/event-schemas.ts'
import type { DecodeSplit, ExpertLoadEvent, InferenceEvent, RegimeEvent, RolloutSpeedEvent, SpeculationEvent } from './events.ts'
import type { RoutingEvent } from './routing-probe.ts'

export const inferenceEventSchemas = {
  'inference/regime': record<RegimeEvent>()({
    type: z.literal('inference/regime'),
    kind: z.enum(['prefill', 'decode']),
    contextLength: counted,
    rows: counted,
    tokensPerSecond: measured,
    flopsPerToken: measured,
    bytesPerToken: measured,
    cacheBytesPerToken: measured,
    gflops: measured,
    gbs: measured,
    arithmeticIntensity: measured,
    split: record<DecodeSplit>()({
      tokenSeconds: measured,
      cacheSeconds: measured,
      expertSeconds: measured,
      weightSeconds: measured,
    }).nullable(),
  }),
  'inference/speculation': withPart(
    record<SpeculationEvent>()({
      type: z.literal('inference/speculation'),
      drafted: counted,
      accepted: counted,
      steps: counted,
      tokensPerSecondOff: measured,
      tokensPerSecondOn: measured,
      isSameText: z.boolean(),
    }),
    'accepted',
    'drafted',
  ),
  'inference/rollout': record<RolloutSpeedEvent>()({ type: z.literal('inference/rollout'), rows: counted, tokensPerSecond: measured }),
  'inference/expert-load': record<ExpertLoadEvent>()({
    type: z.literal('inference/expert-load'),
    domain: z.string(),
    loadByRouter: loadsSchema,
  }),
  'inference/routing': record<RoutingEvent>()({
    type: z.literal('inference/routing'),
    stage: z.string(),
    activeGroupCount: counted,
    isAsTrained: z.boolean(),
    hasBias: z.boolean(),
    tokens: counted,
    rows: counted,
    lossNats: measured,
    addedNats: measured.nullable(),
    plusMinus: measured.nullable(),
    layers: list(counted, 1),
    visits: list(record<RoutingEvent['visits'][number]>()({ nodeCount: counted, perTokenByLayer: list(measured, 1) })),
  }),
} satisfies EventSchemas<InferenceEvent | RoutingEvent>
