/** For tests: events of a reward model, of judges and of generated data, shaped like those of a short run of `nano`. */
import type { Interval } from '../base/statistics.ts'
import type { JudgesEvent } from '../evaluation/index.ts'
import type { GeneratedDataEvent, RewardEvent } from '../posttraining/index.ts'

const around = (value: number, half: number, count: number): Interval => ({ value, low: value - half, high: value + half, count })

/** Everything that `strata reward` appends. */
export const testRewardEvents = (): (RewardEvent | JudgesEvent)[] => [
  {
    type: 'reward/training',
    parts: 'trunk and head',
    problems: 1000,
    mixedProblems: 420,
    samplesPerProblem: 8,
    pairs: 1500,
    epochs: 2,
    steps: 188,
    firstLossNats: 0.69,
    lastLossNats: 0.31,
    seconds: 40,
  },
  {
    type: 'reward/agreement',
    parts: 'trunk and head',
    problems: 180,
    pairs: 6200,
    chance: 0.5,
    agreement: around(0.82, 0.03, 180),
    byTask: [
      { task: 'copy', problems: 60, agreement: 0.9 },
      { task: 'add', problems: 120, agreement: 0.78 },
    ],
  },
  ...[1, 2, 4, 8, 16].map((n, index): RewardEvent => ({
    type: 'reward/best-of',
    n,
    problems: 400,
    accuracy: around(0.6 + 0.05 * index, 0.04, 400),
    randomAccuracy: 0.6,
    oracleAccuracy: Math.min(0.99, 0.6 + 0.1 * index),
    gain: around(0.05 * index, index === 0 ? 0 : 0.02, 400),
    reward: around(0.8 * index, 0.1, 400),
    klNats: Math.log(n) - (n - 1) / n,
  })),
  {
    type: 'evaluation/judges',
    stage: 'sft',
    chance: 0.5,
    judges: [
      {
        judge: 'asked',
        isOrderFree: false,
        pairs: 180,
        agreement: around(0.51, 0.03, 180),
        firstShare: around(0.8, 0.03, 180),
        selfAgreement: around(0.35, 0.07, 180),
      },
      ...['likelihood', 'reward model'].map((judge, index) => ({
        judge,
        isOrderFree: true,
        pairs: 180,
        agreement: around(0.7 + 0.1 * index, 0.06, 180),
        firstShare: around(0.5, 0, 180),
        selfAgreement: { value: 1, low: 0.98, high: 1, count: 180 },
      })),
    ],
    together: [{ judges: ['asked', 'likelihood'], pairs: 180, agreement: around(0.52, 0.04, 180) }],
  },
  ...[0, 10, 20, 30].map((step): RewardEvent => ({
    type: 'reward/policy',
    step,
    problems: 400,
    reward: around(0.05 * step, 0.1, 400),
    accuracy: around(0.6 + 0.004 * step, 0.05, 400),
    gain: around(0.004 * step, step === 0 ? 0 : 0.03, 400),
    klNats: 0.02 * step,
  })),
]

/** What `strata ablate filtered-data` appends. */
export const testGeneratedEvent = (): GeneratedDataEvent => ({
  type: 'posttraining/generated-data',
  problems: 1000,
  samplesPerProblem: 8,
  rightCount: 6400,
  duplicateCount: 5500,
  size: 900,
  steps: 160,
  tokens: 81_920,
  heldOutProblems: 1000,
  chance: 0.13,
  arms: [
    {
      arm: 'start',
      rightShare: null,
      distinctProblems: 0,
      accuracy: around(0.6, 0.03, 1000),
      formatRate: 0.97,
      overStart: null,
      overRaw: null,
    },
    {
      arm: 'raw',
      rightShare: 0.62,
      distinctProblems: 900,
      accuracy: around(0.605, 0.03, 1000),
      formatRate: 0.97,
      overStart: around(0.005, 0.02, 1000),
      overRaw: null,
    },
    ...(['filtered', 're-weighted'] as const).map((arm, index) => ({
      arm,
      rightShare: 1,
      distinctProblems: 900,
      accuracy: around(0.66 + 0.01 * index, 0.03, 1000),
      formatRate: 0.98,
      overStart: around(0.06 + 0.01 * index, 0.02, 1000),
      overRaw: around(0.055 + 0.01 * index, 0.02, 1000),
    })),
  ],
  seconds: 70,
})
