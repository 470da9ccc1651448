import assert from 'node:assert/strict'
import { test } from 'node:test'
import { precisionMetrics } from '../../pretraining/index.ts'
import type { EventType } from '../run-facts.ts'
import { type EventOf, runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import type { MemoryEvent, MemorySaving } from '../../pretraining/index.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import { testDraftRounds } from '../test-run-timings.ts'
import type { ClaimId } from './catalogue.ts'
import { claims } from './index.ts'

const events = testRunEvents()

/** The invented run with some of its events turned into the opposite. */
const outcomeWhen = (id: ClaimId, change: (event: RunRecordEvent) => RunRecordEvent) =>
  claims.find((claim) => claim.id === id)!.judge(runFactsOf('x', testRunDocument(), events.map(change), null)).outcome

/** Changes events of one type only. */
const of =
  <T extends EventType>(type: T, change: (event: EventOf<T>) => RunRecordEvent) =>
  (event: RunRecordEvent): RunRecordEvent =>
    event.type === type ? change(event as EventOf<T>) : event

const visiting = (visits: (nodeCount: number) => number) =>
  of('inference/routing', (event) => ({
    ...event,
    visits: event.visits.map(({ nodeCount, perTokenByLayer }) => ({
      nodeCount,
      perTokenByLayer: perTokenByLayer.map(() => visits(nodeCount)),
    })),
  }))

const flipped = of('ablation/result', (event) => ({
  ...event,
  difference: -event.difference,
  low: -event.high,
  high: -event.low,
  details: { ...event.details, variant: event.details.control, control: event.details.variant },
}))

const worse = (name: string) =>
  of('ablation/result', (event) => (event.name === name ? { ...event, difference: 0.2, low: 0.1, high: 0.3 } : event))

/** The measurement of memory with one saving changed. */
const saved = (name: string, change: (saving: MemorySaving, plain: MemoryEvent['plain']) => Partial<MemorySaving>) =>
  of('ablation/memory', (event) => ({
    ...event,
    savings: event.savings.map((saving) => (saving.name === name ? { ...saving, ...change(saving, event.plain) } : saving)),
  }))

const opposites: readonly (readonly [id: ClaimId, when: string, change: (event: RunRecordEvent) => RunRecordEvent])[] = [
  ['sequence.routing-to-traffic', 'every limit leaves a token where it was', visiting(() => 2)],
  ['sequence.traffic-to-schedule', 'every limit leaves the same traffic', visiting(() => 2)],
  [
    'sequence.schedule-to-inference',
    'nothing that may be kept helps',
    (event) => {
      if (event.type === 'inference/routing') return { ...event, addedNats: 0, plusMinus: 0.01 }
      return event.type === 'evaluation/position' ? { ...event, stage: 'pretrain' } : event
    },
  ],
  ['foundations.base-loop', 'the loss rises', of('training/step', (event) => ({ ...event, lossNats: 4 + event.step / 100 }))],
  ['foundations.reading-tools', 'no interval decides', of('evaluation/domain', (event) => ({ ...event, plusMinus: 9 }))],
  [
    'foundations.stable-accumulation',
    'rounded sums are the better ones',
    of('ablation/accumulation', (event) => ({ ...event, low: -0.2, high: -0.1 })),
  ],
  ['foundations.denser-supervision', 'drafts slow decoding down', of('inference/draft-rounds', () => testDraftRounds(0.5))],
  [
    'architecture.rotary-position',
    'the loss goes on falling past the window',
    of('evaluation/position', (event) => ({
      ...event,
      buckets: event.buckets.map((bucket, index) => ({ ...bucket, lossNats: 6 - 0.3 * index })),
    })),
  ],
  ['foundations.protected-states', 'the policy itself raises the loss', worse('fp8-states')],
  ['infrastructure.fp8-policy', 'the policy itself raises the loss', worse('fp8-parts')],
  [
    'infrastructure.fp8-policy',
    'promoted sums are the worse ones',
    of('ablation/precision', (event) => (event.metric === precisionMetrics.sums ? { ...event, low: -0.2, high: -0.1 } : event)),
  ],
  ['architecture.latent-cache', 'latents raise the loss', worse('latent-cache')],
  ['architecture.balance-in-design', 'biases overload experts', flipped],
  ['infrastructure.cluster-shape', 'all experts of a token are one', visiting(() => 1)],
  ['infrastructure.not-resident', 'a saving saves nothing', saved('fp8-cache', (_, plain) => ({ measuredBytes: plain.measuredBytes }))],
  [
    'infrastructure.not-resident',
    'all together save half of the forecast',
    saved('all', ({ predictedBytes }, plain) => ({ measuredBytes: (predictedBytes + plain.measuredBytes) / 2 })),
  ],
  [
    'infrastructure.not-resident',
    'they save far more than the forecast',
    saved('all', ({ predictedBytes }, plain) => ({ measuredBytes: predictedBytes - (plain.measuredBytes - predictedBytes) / 2 })),
  ],
  ['infrastructure.not-resident', 'what is made again is another number', saved('recompute', () => ({ hasSameNumbers: false }))],
  ['infrastructure.hidden-communication', 'there is more traffic than any work could hide', visiting(() => 100)],
]

for (const [id, when, change] of opposites) {
  test(`${id} does not hold when ${when}`, () => {
    assert.equal(outcomeWhen(id, change), 'did not hold')
  })
}

test('infrastructure.not-resident holds as measured', () => {
  assert.equal(
    outcomeWhen('infrastructure.not-resident', (event) => event),
    'held',
  )
})
