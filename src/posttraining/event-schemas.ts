/** The events of post-training as schemas. */
import { z } from 'zod'
import { byName, counted, type EventSchemas, measured, record, withPart } from '../base/event-schema.ts'
import { intervalSchema } from './interval-schema.ts'
import { stageSchema as stage } from '../pretraining/index.ts'
import type {
  AccuracyEvent,
  GroupExampleEvent,
  PosttrainingEvent,
  PosttrainingSampleEvent,
  Range,
  RlStepEvent,
  SftDataEvent,
  VerifierFaultEvent,
} from './events.ts'
import { generatedEventSchemas } from './generated/event-schemas.ts'
import { rewardEventSchemas } from './reward/event-schemas.ts'

const rlStage = z.enum(['rl', 'rl-shuffled'])
const range = record<Range>()({ min: measured, max: measured })
const shownReply = record<GroupExampleEvent['best']>()({ reply: z.string(), reward: measured, advantage: measured })

export const posttrainingEventSchemas = {
  'sft/data': record<SftDataEvent>()({
    type: z.literal('sft/data'),
    conversations: counted,
    bySource: byName(counted),
    rows: counted,
    rowLength: counted,
    replayedRows: counted,
    tokens: counted,
    supervisedTokens: counted,
    droppedTooLong: counted,
    droppedWithoutTargets: counted,
    filledShare: measured,
  }),
  'rl/step': record<RlStepEvent>()({
    type: z.literal('rl/step'),
    stage: rlStage,
    step: counted,
    tokens: counted,
    replies: counted,
    rewardMean: measured,
    rewardStd: measured,
    accuracy: measured,
    formatRate: measured,
    stopRate: measured,
    skippedGroups: counted,
    groups: counted,
    replyTokensMean: measured,
    klNats: measured,
    clipShare: measured,
    ratioFirst: range,
    ratioLast: range,
    logProbabilityGap: record<RlStepEvent['logProbabilityGap']>()({ max: measured, mean: measured }),
    entropyNats: measured,
    gradientNorm: measured,
    learningRate: measured,
    updates: counted,
    stepSeconds: measured,
    rolloutSeconds: measured,
    trainSeconds: measured,
    rolloutTokensPerSecond: measured,
    heapBytes: counted,
  }),
  'rl/verifier-fault': record<VerifierFaultEvent>()({
    type: z.literal('rl/verifier-fault'),
    stage: rlStage,
    step: counted,
    count: counted,
    replies: counted,
    problem: z.string(),
    fault: z.string(),
  }),
  'rl/example': record<GroupExampleEvent>()({
    type: z.literal('rl/example'),
    stage: rlStage,
    step: counted,
    task: z.string(),
    prompt: z.string(),
    best: shownReply,
    worst: shownReply,
  }),
  'posttraining/accuracy': withPart(
    record<AccuracyEvent>()({
      type: z.literal('posttraining/accuracy'),
      stage,
      task: z.string(),
      family: z.string(),
      temperature: measured,
      n: counted,
      correct: counted,
      accuracy: measured,
      chance: measured,
      interval: intervalSchema,
      formatRate: measured,
      stopRate: measured,
      meanTokens: measured,
    }),
    'correct',
    'n',
  ),
  'posttraining/sample': record<PosttrainingSampleEvent>()({
    type: z.literal('posttraining/sample'),
    stage,
    task: z.string(),
    prompt: z.string(),
    reply: z.string(),
    answer: z.string(),
    isCorrect: z.boolean(),
    isWellFormed: z.boolean(),
    reward: measured,
  }),
  ...rewardEventSchemas,
  ...generatedEventSchemas,
} satisfies EventSchemas<PosttrainingEvent>
