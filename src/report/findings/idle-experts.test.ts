import assert from 'node:assert/strict'
import { test } from 'node:test'
import { architectureChapter } from '../chapters/02-architecture.ts'
import { limits } from '../limits.ts'
import { type RunFacts, runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import { areBiasesAtRest, idleExperts, leastInTraining } from './idle-experts.ts'

const events = testRunEvents()
const factsOf = (change: (event: RunRecordEvent) => RunRecordEvent) => runFactsOf('x', testRunDocument(), events.map(change), null)
const textOf = (run: RunFacts) =>
  `${architectureChapter.measured(run).markup}${limits(run).markup}`.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

/** Held-out text of which the last expert of the second router gets a hundredth, on every domain. */
const withIdle = factsOf((event) =>
  event.type === 'inference/expert-load'
    ? {
        ...event,
        loadByRouter: event.loadByRouter.map((loads, router) => loads.map((_, e) => (router === 1 && e === loads.length - 1 ? 1 : 100))),
      }
    : event,
)

test('the least loaded expert of each router is found, domains weighing the same', () => {
  const { least, idle, count } = idleExperts(withIdle)!
  assert.equal(count, 64)
  assert.deepEqual(
    least.map(({ router, share }) => [router, share.toFixed(2)]),
    [
      [0, '1.00'],
      [1, '0.01'],
      [2, '1.00'],
      [3, '1.00'],
    ],
  )
  assert.deepEqual(
    idle.map(({ router, expert }) => [router, expert]),
    [[1, 15]],
  )
  assert.equal(idleExperts(runFactsOf('x', testRunDocument(), [], null)), null)
})

test('an idle expert is named in the chapter and among the limits; where there is none, both say nothing of one', () => {
  assert.match(textOf(withIdle), /Of 64 experts one gets less than 20 % of it and is nearly idle: expert 15 of router 2 \(1\.1 %\)/)
  assert.match(textOf(withIdle), /Of the model’s 64 routed experts one is nearly idle/)
  const even = textOf(factsOf((event) => event))
  assert.match(even, /None of 64 experts gets less than 20 %/)
  assert.doesNotMatch(even, /nearly idle/)
})

test('the end of a stage is its last tenth, and biases rest where every later step leaves them', () => {
  const half = factsOf((event) => {
    if (event.type !== 'training/load' || event.stage !== 'pretrain') return event
    return { ...event, loadByRouter: event.loadByRouter.map((loads) => loads.map((_, e) => (event.step > 180 && e === 0 ? 50 : 100))) }
  })
  assert.equal(leastInTraining(half, 'pretrain')!.toFixed(3), ((50 * 16) / 1550).toFixed(3))
  assert.equal(areBiasesAtRest(half), false)
  assert.ok(
    areBiasesAtRest(
      factsOf((event) => (event.type === 'training/step' && event.stage !== 'pretrain' ? { ...event, biasSpeed: 0 } : event)),
    ),
  )
})
