/** Damage across events: every line is one that this version writes, and together they are no run's log. Each must still end in a report. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../base/random.ts'
import { stageSchema } from '../pretraining/index.ts'
import { claims } from './claims/index.ts'
import { renderReport } from './document.ts'
import { judgeAll } from './judge.ts'
import { runFactsOf } from './run-facts.ts'
import { eventViolations } from '../base/event-schema.ts'
import { runEventSchemas } from './run-event-schemas.ts'
import type { RunRecordEvent } from './run-record.ts'
import { testRunDocument, testRunEvents } from './test-run.ts'

type Change = (events: readonly RunRecordEvent[], rng: Random) => readonly RunRecordEvent[]

const isStage = (value: unknown) => stageSchema.safeParse(value).success
const anyOf = <T>(items: readonly T[], rng: Random): T => items[rng.below(items.length)]

/** An event as a run of another model would have it: other experts, other windows. */
function ofOtherModel(event: RunRecordEvent): RunRecordEvent {
  if (event.type === 'inference/expert-load') return { ...event, loadByRouter: event.loadByRouter.slice(1).map((load) => load.slice(2)) }
  if (event.type === 'evaluation/needle') return { ...event, cells: event.cells.map((cell) => ({ ...cell, length: 3 * cell.length })) }
  if (event.type === 'evaluation/position') return { ...event, windowLength: 3 * event.windowLength }
  return event
}

const otherRun = (): RunRecordEvent[] => testRunEvents().map((event) => ofOtherModel(event))

const changes: readonly Change[] = [
  (events, rng) => {
    const gone = anyOf(events, rng).type
    return events.filter(({ type }) => type !== gone)
  },
  (events, rng) => events.filter(() => rng.uniform() < 0.5),
  (events, rng) => events.flatMap((event) => (rng.uniform() < 0.1 ? [event, event] : [event])),
  (events, rng) => rng.shuffle([...events]),
  (events) => [...events, ...otherRun()],
  (events) => [...otherRun(), ...events],
  (events, rng) => events.slice(0, rng.below(events.length + 1)),
  (events, rng) => events.slice(rng.below(events.length + 1)),
  (events, rng) => {
    const stage = anyOf(stageSchema.options, rng)
    return events.filter((event) => !('stage' in event) || event.stage !== stage)
  },
  // A part of what one stage said is another's.
  (events, rng) =>
    events.map((event): RunRecordEvent => {
      if (!('stage' in event) || !isStage(event.stage) || rng.uniform() < 0.7) return event
      const moved = { ...event, stage: anyOf(stageSchema.options, rng) } as RunRecordEvent
      return eventViolations(moved, runEventSchemas).length === 0 ? moved : event
    }),
]

function endsInReport(events: readonly RunRecordEvent[], what: string): void {
  const facts = runFactsOf('mixed', testRunDocument(), events, null)
  try {
    assert.match(renderReport(facts), /<\/html>/)
    assert.equal(judgeAll(claims, facts).length, claims.length)
  } catch (cause) {
    throw new Error(`${what}: ${(cause as Error).message}`, { cause })
  }
}

test('logs with events missing, twice, out of order, of other stages and of two runs end in a report', () => {
  for (let seed = 0; seed < 24; seed++) {
    const rng = Random.seeded(seed).fork('mixed log')
    let events: readonly RunRecordEvent[] = testRunEvents()
    for (let count = 1 + rng.below(4); count > 0; count--) if (events.length > 0) events = anyOf(changes, rng)(events, rng)
    endsInReport(events, `seed ${seed}`)
  }
})

test('needles of a stage that was looked at again at other lengths, and loads of experts of two models, are no stumbling block', () => {
  const both = [...testRunEvents(), ...otherRun()]
  endsInReport(both, 'two runs')
  endsInReport(
    both.filter((event) => event.type === 'evaluation/needle' || event.type === 'inference/expert-load'),
    'of two runs these alone',
  )
})
