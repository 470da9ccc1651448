/**
 * Everything that a report knows: recipe.json, events.jsonl and model/config.json of one run folder. A report is a pure
 * function of this record. Times of day are left out, so that the same run gives the same bytes whenever it is reported on.
 */
import type { ModelConfig } from '../architecture/index.ts'
import { usageError } from '../base/errors.ts'
import { node } from '../base/platform.ts'
import { isTornLog, readRunLog } from '../base/run-log.ts'
import { readModelFiles } from '../infrastructure/index.ts'
import { type Stage, type StepEvent, stepTrace } from '../pretraining/index.ts'
import { runEventSchemas } from './run-event-schemas.ts'
import { checkRunDocument, type RunDocument, type RunRecordEvent } from './run-record.ts'

/** Type of an event of a run. */
export type EventType = RunRecordEvent['type']

/** The event of a type. */
export type EventOf<T extends EventType> = Extract<RunRecordEvent, { readonly type: T }>

export interface RunFacts {
  /** Of the run's folder. */
  readonly name: string
  readonly document: RunDocument
  /** In the order of the log; a stage that was cut short and done again is there twice. */
  readonly events: readonly RunRecordEvent[]
  /** Of the finished model; null while there is none. The recipe's model is what pre-training began with. */
  readonly config: ModelConfig | null
  /** What the folder lacks, a sentence each. */
  readonly missing: readonly string[]
  /** Whether there is an event of this type. */
  readonly has: (type: string) => boolean
  /** Events of a type in order. */
  readonly ofType: <T extends EventType>(type: T) => readonly EventOf<T>[]
  /** The last event of a type that fits, or null. */
  readonly lastOf: <T extends EventType>(type: T, fits?: (event: EventOf<T>) => boolean) => EventOf<T> | null
  /** One event for each key, the last one logged: what was done again replaces what was done before. Keys as first seen. */
  readonly latestOf: <T extends EventType>(type: T, key: (event: EventOf<T>) => string) => readonly EventOf<T>[]
  /** Steps of a stage, each once. */
  readonly steps: (stage: Stage) => readonly StepEvent[]
}

/** The facts of a run whose parts are read already. */
export function runFactsOf(
  name: string,
  document: RunDocument,
  logged: readonly RunRecordEvent[],
  config: ModelConfig | null,
  missing: readonly string[] = [],
): RunFacts {
  const byType = new Map<string, RunRecordEvent[]>()
  const events = logged.map((event): RunRecordEvent => {
    const { at: _, ...rest } = event as RunRecordEvent & { readonly at?: number }
    return rest
  })
  for (const event of events) {
    const before = byType.get(event.type)
    if (before) before.push(event)
    else byType.set(event.type, [event])
  }
  const ofType = <T extends EventType>(type: T) => (byType.get(type) ?? []) as unknown as readonly EventOf<T>[]
  const traces = new Map<Stage, readonly StepEvent[]>()
  return {
    name,
    document,
    events,
    config,
    missing,
    has: (type) => byType.has(type),
    ofType,
    lastOf: (type, fits = () => true) => ofType(type).findLast(fits) ?? null,
    latestOf: (type, key) => [...new Map(ofType(type).map((event) => [key(event), event])).values()],
    steps: (stage) => {
      let trace = traces.get(stage)
      if (!trace) traces.set(stage, (trace = stepTrace(events, stage)))
      return trace
    },
  }
}

/**
 * Reads a run's folder. What is not there yet is said, not fatal: a run cut short has a report too.
 *
 * @param folder of a run
 * @throws UsageError when there is no run, it is of another version, or one of its files is damaged
 */
export function readRunFacts(folder: string): RunFacts {
  const { fs, path } = node()
  const recipeFile = path.join(folder, 'recipe.json')
  if (!fs.existsSync(recipeFile))
    throw usageError(folder, 'the folder of a run (recipe.json and events.jsonl)', 'none', 'Make one with: strata run nano')
  const document = checkRunDocument(parseJson(recipeFile), recipeFile)
  const missing: string[] = []
  const eventsFile = path.join(folder, 'events.jsonl')
  const hasEvents = fs.existsSync(eventsFile)
  if (!hasEvents) missing.push('events.jsonl is not there, so nothing that was measured is known.')
  const configFile = path.join(folder, 'model', 'config.json')
  const hasModel = fs.existsSync(configFile)
  if (!hasModel) missing.push('model/config.json is not there: the run has not come to its model.')
  const config = hasModel ? readModelFiles({ kind: 'config', configFile }).config : null
  const events = hasEvents ? readRunLog<RunRecordEvent>(eventsFile, runEventSchemas) : []
  if (hasEvents && isTornLog(eventsFile))
    missing.push('The last line of events.jsonl is cut off, as a crash leaves it: that event is left out.')
  if (hasEvents && events.length === 0) missing.push('events.jsonl holds no event, so nothing that was measured is known.')
  return runFactsOf(path.basename(path.resolve(folder)), document, events, config, missing)
}

function parseJson(file: string): unknown {
  const { fs } = node()
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (cause) {
    throw usageError(file, 'JSON', (cause as Error).message, 'The run’s record is damaged; start a new run under another name.', cause)
  }
}
