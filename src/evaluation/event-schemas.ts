/** The events of evaluation as schemas. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record, withPart } from '../base/event-schema.ts'
import { intervalSchema as interval } from '../posttraining/index.ts'
import type { BitsPerByte } from './bits-per-byte.ts'
import type { CompressorScores } from './compressors.ts'
import type {
  ContaminationEvent,
  DomainScoreEvent,
  EvaluationEvent,
  JudgesEvent,
  LongContextLeftOutEvent,
  NeedleEvent,
  PositionEvent,
  TaskLeftOutEvent,
  TaskScoreEvent,
} from './events.ts'
import type { JudgeScore, JudgesTogether } from './judges/verdicts.ts'
import type { PositionBucket } from './loss-by-position.ts'
import type { NeedleCell } from './needle.ts'
import type { NgramScore } from './ngram.ts'

const bitsPerByte = {
  domain: z.string(),
  documents: counted,
  tokens: counted,
  utf8Bytes: counted,
  lossNats: measured,
  bitsPerByte: measured,
  plusMinus: measured,
}

/** Schema of a score in bits per byte. */
export const bitsPerByteSchema = record<BitsPerByte>()(bitsPerByte)

export const evaluationEventSchemas = {
  'evaluation/domain': record<DomainScoreEvent>()({
    ...bitsPerByte,
    type: z.literal('evaluation/domain'),
    stage: z.string(),
    compressors: record<CompressorScores>()({ gzip: measured, xz: measured.nullable() }),
    ngram: record<NgramScore>()({ bitsPerByte: measured, contextBytes: counted, trainingBytes: counted }).nullable(),
  }),
  'evaluation/task': withPart(
    record<TaskScoreEvent>()({
      type: z.literal('evaluation/task'),
      stage: z.string(),
      task: z.string(),
      likeName: z.string(),
      scoring: z.enum(['per-byte', 'plain', 'exact']),
      n: counted,
      correct: counted,
      accuracy: measured,
      chance: measured,
      interval: z.tuple([measured, measured]).readonly(),
      isAboveChance: z.boolean(),
      tooLong: counted,
    }),
    'correct',
    'n',
  ),
  'evaluation/task-left-out': record<TaskLeftOutEvent>()({
    type: z.literal('evaluation/task-left-out'),
    stage: z.string(),
    task: z.string(),
    likeName: z.string(),
    reason: z.string(),
  }),
  'evaluation/position': record<PositionEvent>()({
    type: z.literal('evaluation/position'),
    stage: z.string(),
    windowLength: counted,
    rows: counted,
    buckets: list(record<PositionBucket>()({ from: counted, to: counted, lossNats: measured, plusMinus: measured, n: counted }), 1),
    lastBucketOfRow: list(measured),
  }),
  'evaluation/needle': record<NeedleEvent>()({
    type: z.literal('evaluation/needle'),
    stage: z.string(),
    cells: list(
      withPart(record<NeedleCell>()({ length: counted, depth: measured, n: counted, correct: counted, chance: measured }), 'correct', 'n'),
    ),
  }),
  'evaluation/long-context-left-out': record<LongContextLeftOutEvent>()({
    type: z.literal('evaluation/long-context-left-out'),
    stage: z.string(),
    length: counted,
    what: z.enum(['position', 'needle']),
    reason: z.string(),
  }),
  'evaluation/contamination': record<ContaminationEvent>()({
    type: z.literal('evaluation/contamination'),
    task: z.string(),
    n: counted,
    contaminated: counted,
    whole: counted,
    unchecked: counted,
    gramWords: z.tuple([counted, counted]).readonly(),
    examples: list(record<ContaminationEvent['examples'][number]>()({ item: z.string(), document: z.string() })),
  }),
  'evaluation/judges': record<JudgesEvent>()({
    type: z.literal('evaluation/judges'),
    stage: z.string(),
    chance: measured,
    judges: list(
      record<JudgeScore>()({
        judge: z.string(),
        isOrderFree: z.boolean(),
        pairs: counted,
        agreement: interval,
        firstShare: interval,
        selfAgreement: interval,
      }),
    ),
    together: list(record<JudgesTogether>()({ judges: z.tuple([z.string(), z.string()]).readonly(), pairs: counted, agreement: interval })),
  }),
} satisfies EventSchemas<EvaluationEvent>
