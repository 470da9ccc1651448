/** What measurements of inference say, as schemas. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record, withPart } from '../base/event-schema.ts'
import { loadsSchema } from '../pretraining/event-schemas.ts'
import type {
  DecodeRoundsEvent,
  DecodeSplit,
  DraftedText,
  DraftRoundsEvent,
  ExpertLoadEvent,
  InferenceEvent,
  RegimeEvent,
  RolloutSpeedEvent,
  SpeculationEvent,
  StepTimes,
} from './events.ts'
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
  'inference/decode-rounds': record<DecodeRoundsEvent>()({
    type: z.literal('inference/decode-rounds'),
    contextLengths: list(counted, 2),
    rounds: list(list(record<StepTimes>()({ tokenSeconds: measured, withoutCacheSeconds: measured, withoutExpertsSeconds: measured }), 2)),
    promptSeconds: list(measured),
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
  'inference/draft-rounds': record<DraftRoundsEvent>()({
    type: z.literal('inference/draft-rounds'),
    runTokens: counted,
    rounds: counted,
    texts: list(
      record<DraftedText>()({
        domain: z.string(),
        tokens: counted,
        repeatedTokens: counted,
        drafted: counted,
        accepted: counted,
        offSeconds: measured,
        onSeconds: measured,
      }),
    ),
  }),
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
