/** Scores of tasks after each stage: which lie above chance, and which changed by more than their intervals. */
import type { Interval } from '../../base/statistics.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'
import { shareDifference } from './attempts.ts'

export type TaskScore = EventOf<'evaluation/task'>

/** Scores of a stage in the order of the log. */
export function taskScores(run: RunFacts, stage: string): TaskScore[] {
  return run.latestOf('evaluation/task', (event) => `${event.stage} ${event.task}`).filter((event) => event.stage === stage && event.n > 0)
}

/** Stages whose tasks were scored, in the order of a run. */
function taskStages(run: RunFacts): string[] {
  return [...new Set(run.ofType('evaluation/task').map(({ stage }) => stage))]
}

/** The last stage of the run's model that was scored, controls left out; null without scores. */
export function lastTaskStage(run: RunFacts): string | null {
  return taskStages(run).findLast((stage) => stage !== 'rl-shuffled' && stage !== 'extend-jump') ?? null
}

/** One task after two stages, on the same items. */
export interface TaskChange {
  readonly before: TaskScore
  readonly after: TaskScore
  readonly difference: Interval
}

/** Tasks that were scored after both stages. */
export function taskChanges(run: RunFacts, before: string, after: string): TaskChange[] {
  const later = taskScores(run, after)
  return taskScores(run, before).flatMap((score) => {
    const found = later.find(({ task }) => task === score.task)
    return found ? [{ before: score, after: found, difference: shareDifference(found, score) }] : []
  })
}
