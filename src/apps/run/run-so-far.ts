/**
 * What a run's folder says that was done: its document, and a log that has everything that its checkpoints come from. A run whose
 * log is lost is not gone on with, because its report would be silent about what cannot be measured again.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { readRunLog } from '../../base/run-log.ts'
import { eventsFile, lastCheckpointStep, readRecipe } from '../../infrastructure/index.ts'
import { type Stage, stageSchema } from '../../pretraining/index.ts'
import { checkRunDocument, type RunDocument, type RunRecordEvent, runEventSchemas } from '../../report/index.ts'

export interface RunSoFar {
  readonly document: RunDocument
  /** In order; none when the run was cut short before it did anything. */
  readonly events: readonly RunRecordEvent[]
}

/** A stage of which there are checkpoints. */
interface SavedStage {
  readonly stage: Stage
  /** Of the last of them. */
  readonly step: number
}

/**
 * Reads what a run has done, and changes nothing.
 *
 * @throws UsageError when the document or the log is damaged, and naming what the log lacks of what was done
 */
export function readRunSoFar(folder: string): RunSoFar {
  const document = checkRunDocument(readRecipe(folder), path.join(folder, 'recipe.json'))
  const file = eventsFile(folder)
  const isThere = existsSync(file)
  const events = isThere ? readRunLog<RunRecordEvent>(file, runEventSchemas) : []
  const saved = stageSchema.options.flatMap((stage): SavedStage[] => {
    const step = lastCheckpointStep(folder, stage)
    return step === null ? [] : [{ stage, step }]
  })
  const hasResults = saved.length > 0 || existsSync(path.join(folder, 'model'))
  if (events.length === 0 && hasResults)
    throw usageError(file, 'the events of a run that has checkpoints or a model', isThere ? 'no event' : 'nothing there', lostHint)
  rejectViolations(file, lostEvents(events, saved), lostHint)
  return { document, events }
}

const lostHint =
  'Put back a copy of it, or start a new run under another name; nothing here was changed. The model of this one can still be used.'

/** What the log must have of each saved stage: every step up to its last checkpoint, and its end where a later one began. */
function lostEvents(events: readonly RunRecordEvent[], saved: readonly SavedStage[]): string[] {
  const ended = new Set(events.flatMap((event) => (event.type === 'run/stage' ? [event.stage] : [])))
  const stepsOf = new Map(saved.map(({ stage }) => [stage, new Set<number>()]))
  for (const event of events)
    if (event.type === 'training/step' || event.type === 'training/skipped' || event.type === 'rl/step')
      stepsOf.get(event.stage)?.add(event.step)
  return saved.flatMap(({ stage, step }, index) => {
    const steps = [...stepsOf.get(stage)!].filter((logged) => logged <= step).length
    if (steps < step) return [`${stage}: expected the ${step} steps up to its last checkpoint, got ${steps} of them`]
    const next = saved.at(index + 1)
    return next && !ended.has(stage) ? [`${stage}: expected its end before ${next.stage}, got none`] : []
  })
}
