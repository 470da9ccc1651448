import assert from 'node:assert/strict'
import { test } from 'node:test'
import { precisionMetrics, roundings } from '../../pretraining/index.ts'
import { runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import type { Verdict } from '../types.ts'
import type { ClaimId } from './catalogue.ts'
import { claims } from './index.ts'

const events = testRunEvents()

type Change = (event: RunRecordEvent) => RunRecordEvent | null

function verdictOf(id: ClaimId, ...changes: readonly Change[]): Verdict {
  const kept = events.flatMap((event) => {
    const changed = changes.reduce<RunRecordEvent | null>((one, change) => one && change(one), event)
    return changed ? [changed] : []
  })
  return claims.find((claim) => claim.id === id)!.judge(runFactsOf('x', testRunDocument(), kept, null))
}

const outcomeOf = (id: ClaimId, ...changes: readonly Change[]) => verdictOf(id, ...changes).outcome

/** A training's difference in loss, as a share of its control's loss of 5.2 nats. */
const loss =
  (name: string, variant: string, middle: number, half: number): Change =>
  (event) =>
    event.type === 'ablation/result' && event.name === name && event.variant === variant
      ? { ...event, difference: 5.2 * middle, low: 5.2 * (middle - half), high: 5.2 * (middle + half) }
      : event

const broke = (name: string, variant: string): Change => loss(name, variant, Number.POSITIVE_INFINITY, 0)

/** The difference of an error. */
const error =
  (metric: keyof typeof precisionMetrics, variant: keyof typeof roundings, low: number, high: number): Change =>
  (event) =>
    event.type === 'ablation/precision' && event.metric === precisionMetrics[metric] && event.variant === roundings[variant]
      ? { ...event, difference: (low + high) / 2, low, high }
      : event

const without =
  (name: string): Change =>
  (event) =>
    'name' in event && event.name === name ? null : event

/** Every router sends each domain to an expert of its own, or all of them alike. */
const experts =
  (isSpecialised: boolean): Change =>
  (event) =>
    event.type === 'inference/expert-load'
      ? {
          ...event,
          loadByRouter: event.loadByRouter.map((router) =>
            router.map((_, expert) => (isSpecialised ? (expert === event.domain.length ? 2000 : 200) : 100 + expert)),
          ),
        }
      : event

test('protected states: a policy within 0.25 % beside a training without protection far above holds', () => {
  const id = 'foundations.protected-states'
  const [near, far] = [loss('fp8-states', 'fp8', 0.001, 0.001), loss('fp8-states', 'fp8-blind', 0.05, 0.01)]
  assert.equal(outcomeOf(id, near, far), 'held')
  assert.equal(outcomeOf(id, near, broke('fp8-states', 'fp8-blind')), 'held')
  assert.equal(outcomeOf(id, loss('fp8-states', 'fp8', 0.001, 0.01), far), 'not established')
  assert.equal(outcomeOf(id, near, loss('fp8-states', 'fp8-blind', 0.004, 0.003)), 'not established')
  assert.equal(outcomeOf(id, near, loss('fp8-states', 'fp8-blind', 0.001, 0.001)), 'did not hold')
  assert.equal(outcomeOf(id, loss('fp8-states', 'fp8', 0.01, 0.001), far), 'did not hold')
})

test('protected states: without such trainings it is not tested, and the sentence says which were not run', () => {
  const { outcome, sentence } = verdictOf('foundations.protected-states', without('fp8-states'))
  assert.equal(outcome, 'not tested')
  assert.match(sentence, /No model was trained in FP8/)
})

test('the policy: each of the four parts has to be felt, and the loss to stay', () => {
  const id = 'infrastructure.fp8-policy'
  assert.equal(outcomeOf(id), 'held')
  for (const [metric, variant, sign] of [
    ['products', 'tensor', 1],
    ['sums', 'neverPromoted', 1],
    ['gradients', 'computeOnly', -1],
    ['gradients', 'storageOnly', -1],
  ] as const) {
    const ends = (low: number, high: number) => error(metric, variant, Math.min(sign * low, sign * high), Math.max(sign * low, sign * high))
    assert.equal(outcomeOf(id, ends(0.001, 0.002)), 'held')
    assert.equal(outcomeOf(id, ends(-0.001, 0.002)), 'not established', `${metric} ${variant}`)
    assert.equal(outcomeOf(id, ends(-0.002, -0.001)), 'did not hold', `${metric} ${variant}`)
  }
  assert.equal(outcomeOf(id, loss('fp8-parts', 'fp8', 0.002, 0.002)), 'not established')
  assert.equal(outcomeOf(id, loss('fp8-parts', 'fp8', 0.01, 0.002)), 'did not hold')
  assert.equal(outcomeOf(id, broke('fp8-parts', 'fp8')), 'did not hold')
  assert.equal(outcomeOf(id, without('fp8-parts')), 'not tested')
})

test('appendices: specialised experts and blocks that cost something hold together only', () => {
  const id = 'evaluation.appendix-signal'
  const blocks = (middle: number, half: number) => loss('fp8-blocks', 'fp8-blocks', middle, half)
  assert.equal(outcomeOf(id, experts(true), blocks(0.01, 0.005)), 'held')
  assert.equal(outcomeOf(id, experts(true), broke('fp8-blocks', 'fp8-blocks')), 'held')
  assert.equal(outcomeOf(id, experts(true), blocks(0.001, 0.005)), 'not established')
  assert.equal(outcomeOf(id, experts(true), blocks(-0.01, 0.005)), 'did not hold')
  assert.equal(outcomeOf(id, experts(false), blocks(0.01, 0.005)), 'did not hold')
  const { outcome, sentence } = verdictOf(id, experts(true), without('fp8-blocks'))
  assert.equal(outcome, 'not established')
  assert.match(sentence, /was not measured; `strata ablate fp8-blocks[^`]*` does it/)
})
