/** How often the verifiers' problems are answered rightly after each stage, and the reinforcement that is to change it. */
import { mean, meanInterval } from '../../base/statistics.ts'
import { rlTrace, type RlStepEvent } from '../../posttraining/index.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'
import type { Attempts } from './attempts.ts'

export type Accuracy = EventOf<'posttraining/accuracy'>

/** Accuracy of a stage on one task, or on all problems of all tasks; null where it was not measured. */
export function accuracyOf(run: RunFacts, stage: string, task = 'all'): Accuracy | null {
  return run.lastOf('posttraining/accuracy', (event) => event.stage === stage && event.task === task && event.n > 0)
}

/** The stage that fine-tuning began from: the last one before it that was tried on the problems. */
export function beforeSft(run: RunFacts): Accuracy | null {
  return ['extend-2', 'extend-1', 'pretrain'].map((stage) => accuracyOf(run, stage)).find((found) => found !== null) ?? null
}

/** Families of tasks that were tried after a stage ("letters", "arithmetic"), pooled over the family's tasks, in their order. */
export function families(
  run: RunFacts,
  stage: string,
): { readonly family: string; readonly attempts: Attempts; readonly chance: number }[] {
  const events = run
    .latestOf('posttraining/accuracy', (event) => `${event.stage} ${event.task}`)
    .filter((event) => event.stage === stage && event.task !== 'all' && event.n > 0)
  return [...new Set(events.map(({ family }) => family))].map((family) => {
    const own = events.filter((event) => event.family === family)
    const n = own.reduce((sum, event) => sum + event.n, 0)
    const correct = own.reduce((sum, event) => sum + event.correct, 0)
    return { family, attempts: { correct, n }, chance: own.reduce((sum, event) => sum + event.chance * event.n, 0) / n }
  })
}

/** Steps of a reinforcement, each once. */
export const rlSteps = (run: RunFacts, stage: 'rl' | 'rl-shuffled'): RlStepEvent[] => rlTrace(run.events, stage)

/** What a reinforcement looked like from inside; null without steps. */
export interface ReinforcementSummary {
  readonly steps: number
  readonly replies: number
  readonly firstReward: number
  readonly lastReward: number
  /** Half the 95 % interval of the last less the first, over the steps of both ends; infinite where an end is a single step. */
  readonly rewardPlusMinus: number
  /** Steps that each of the two is the mean of. */
  readonly endSteps: number
  readonly lastKlNats: number
  /** Largest distance of a first on-policy ratio from 1. */
  readonly ratioError: number
  /** Largest difference between the sampler's and the trainer's ln p. */
  readonly largestGap: number
  readonly skippedShare: number
  readonly rolloutShare: number
}

/** Ends are means over a fifth of the steps, so that one lucky batch is not a finding. */
export function summarizeReinforcement(steps: readonly RlStepEvent[]): ReinforcementSummary | null {
  if (steps.length === 0) return null
  const endSteps = Math.max(1, Math.floor(steps.length / 5))
  const [head, tail] = [steps.slice(0, endSteps), steps.slice(-endSteps)]
  const sum = (value: (step: RlStepEvent) => number) => steps.reduce((total, step) => total + value(step), 0)
  const groups = sum(({ groups: count }) => count)
  return {
    steps: steps.length,
    replies: sum(({ replies }) => replies),
    firstReward: mean(head.map(({ rewardMean }) => rewardMean)),
    lastReward: mean(tail.map(({ rewardMean }) => rewardMean)),
    rewardPlusMinus: endSteps < 2 ? Number.POSITIVE_INFINITY : Math.hypot(...[head, tail].map(halfOfReward)),
    endSteps,
    lastKlNats: mean(tail.map(({ klNats }) => klNats)),
    ratioError: Math.max(...steps.map(({ ratioFirst }) => Math.max(Math.abs(ratioFirst.min - 1), Math.abs(ratioFirst.max - 1)))),
    largestGap: Math.max(...steps.map(({ logProbabilityGap }) => logProbabilityGap.max)),
    skippedShare: groups > 0 ? sum(({ skippedGroups }) => skippedGroups) / groups : 0,
    rolloutShare:
      sum(({ rolloutSeconds }) => rolloutSeconds) /
      Math.max(
        1e-9,
        sum(({ stepSeconds }) => stepSeconds),
      ),
  }
}

/** Half the 95 % interval of the mean reward over steps. */
function halfOfReward(steps: readonly RlStepEvent[]): number {
  const { value, high } = meanInterval(steps.map(({ rewardMean }) => rewardMean))
  return high - value
}
