/** The events of reward models as schemas. */
import { z } from 'zod'
import { counted, type EventSchemas, list, measured, record } from '../../base/event-schema.ts'
import { intervalSchema as interval } from '../interval-schema.ts'
import type { BestOfEvent, RewardAgreementEvent, RewardEvent, RewardPolicyEvent, RewardTrainingEvent } from './events.ts'

const parts = z.enum(['trunk and head', 'head'])

export const rewardEventSchemas = {
  'reward/training': record<RewardTrainingEvent>()({
    type: z.literal('reward/training'),
    parts,
    problems: counted,
    mixedProblems: counted,
    samplesPerProblem: counted,
    pairs: counted,
    epochs: counted,
    steps: counted,
    firstLossNats: measured,
    lastLossNats: measured,
    seconds: measured,
  }),
  'reward/agreement': record<RewardAgreementEvent>()({
    type: z.literal('reward/agreement'),
    parts,
    problems: counted,
    pairs: counted,
    chance: measured,
    agreement: interval,
    byTask: list(record<RewardAgreementEvent['byTask'][number]>()({ task: z.string(), problems: counted, agreement: measured })),
  }),
  'reward/best-of': record<BestOfEvent>()({
    type: z.literal('reward/best-of'),
    n: counted,
    problems: counted,
    accuracy: interval,
    randomAccuracy: measured,
    oracleAccuracy: measured,
    gain: interval,
    reward: interval,
    klNats: measured,
  }),
  'reward/policy': record<RewardPolicyEvent>()({
    type: z.literal('reward/policy'),
    step: counted,
    problems: counted,
    reward: interval,
    accuracy: interval,
    gain: interval,
    klNats: measured,
  }),
} satisfies EventSchemas<RewardEvent>
