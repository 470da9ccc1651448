/** Verdicts that hang on times: they follow the intervals of repeated timings, and without those they are not established. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draftsOf } from '../findings/drafts.ts'
import type { EventOf, EventType } from '../run-facts.ts'
import { runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import { testDecodeRounds, testDraftRounds } from '../test-run-timings.ts'
import type { ClaimId } from './catalogue.ts'
import { claims } from './index.ts'

const events = testRunEvents()

type Change = (event: RunRecordEvent) => RunRecordEvent | null

const of =
  <T extends EventType>(type: T, change: (event: EventOf<T>) => RunRecordEvent | null): Change =>
  (event) =>
    event.type === type ? change(event as EventOf<T>) : event

const runWhen = (...changes: readonly Change[]) => {
  const kept = events.flatMap((event) => {
    const changed = changes.reduce<RunRecordEvent | null>((one, change) => one && change(one), event)
    return changed ? [changed] : []
  })
  return runFactsOf('x', testRunDocument(), kept, null)
}

const outcomeWhen = (id: ClaimId, ...changes: readonly Change[]) =>
  claims.find((claim) => claim.id === id)!.judge(runWhen(...changes)).outcome

const rounds = (cache: readonly [number, number], experts: number, noise?: number) =>
  of('inference/decode-rounds', () => testDecodeRounds([64, 1024], { weights: 300e-6, experts, cache }, noise))
const unrepeated = of('inference/decode-rounds', () => null)

test('decoding is exposed where the cache makes a longer context dearer, and not where something else does', () => {
  const outcome = (...given: Parameters<typeof rounds>) => outcomeWhen('inference.decode-exposed', rounds(...given))
  assert.equal(outcome([20e-6, 400e-6], 180e-6), 'held')
  assert.equal(outcome([20e-6, 20e-6], 180e-6), 'did not hold')
  assert.equal(outcome([20e-6, 400e-6], 5e-6), 'did not hold')
  assert.equal(outcome([20e-6, 400e-6], 80e-6, 0.1), 'not established', 'an interval that holds the threshold decides nothing')
  assert.equal(outcomeWhen('inference.decode-exposed', unrepeated), 'not established')
})

test('a slow second does not move a verdict: all that is compared stands in the same round', () => {
  const slowed = of('inference/decode-rounds', (event) => ({
    ...event,
    rounds: event.rounds.map((ends, round) =>
      ends.map((times) => {
        const slowness = 1 + (round % 3)
        return {
          tokenSeconds: times.tokenSeconds * slowness,
          withoutCacheSeconds: times.withoutCacheSeconds * slowness,
          withoutExpertsSeconds: times.withoutExpertsSeconds * slowness,
        }
      }),
    ),
  }))
  assert.equal(outcomeWhen('inference.decode-exposed', slowed), 'held')
})

test('resident state: the cache’s share must grow with the context, intervals apart', () => {
  const outcome = (cache: readonly [number, number], noise?: number) =>
    outcomeWhen('inference.resident-state', rounds(cache, 180e-6, noise))
  assert.equal(outcome([20e-6, 400e-6]), 'held')
  assert.equal(outcome([100e-6, 100e-6], 0), 'did not hold')
  assert.equal(outcome([20e-6, 30e-6], 0.2), 'not established')
  assert.equal(outcomeWhen('inference.resident-state', unrepeated), 'not established')
})

test('two regimes: prefill as slow as decoding, or as poor in arithmetic, is no other regime', () => {
  const prompt = (seconds: (index: number) => number) =>
    of('inference/decode-rounds', (event) => ({ ...event, promptSeconds: event.promptSeconds.map((_, index) => seconds(index)) }))
  const poor = of('inference/regime', (event) => (event.kind === 'prefill' ? { ...event, arithmeticIntensity: 0.5 } : event))
  const outcome = (...changes: readonly Change[]) => outcomeWhen('inference.two-regimes', ...changes)
  assert.equal(outcome(prompt(() => 0.06)), 'held')
  assert.equal(outcome(prompt(() => 0.9)), 'did not hold')
  assert.equal(outcome(prompt((index) => 0.4 * (1 + 0.5 * (index % 2)))), 'not established')
  assert.equal(outcome(poor), 'did not hold')
  assert.equal(outcome(unrepeated), 'not established')
})

test('drafts are faster, slower or neither by their interval over texts; a sum of all texts establishes nothing', () => {
  const notRaised = of('ablation/result', (event) => ({ ...event, difference: -0.1, low: -0.2, high: -0.05 }))
  const drafted = (speed: number, spread?: number) =>
    outcomeWhen(
      'foundations.denser-supervision',
      notRaised,
      of('inference/draft-rounds', () => testDraftRounds(speed, spread)),
    )
  assert.equal(drafted(1.2), 'held')
  assert.equal(drafted(0.9), 'did not hold')
  assert.equal(drafted(1.02, 0.2), 'not established')
  const summed = of('inference/draft-rounds', () => null)
  const fast = of('inference/speculation', (event) => ({ ...event, tokensPerSecondOn: 3 * event.tokensPerSecondOff }))
  assert.equal(outcomeWhen('foundations.denser-supervision', notRaised, summed, fast), 'not established')
})

test('of texts one by one it is told how many of their tokens repeat the text, and drafts are taken in an interval over them', () => {
  const { byText, acceptance } = draftsOf(runWhen())!
  assert.ok(byText && Math.abs(byText.repeatedShare - (20 * 12 + 66) / (64 * 12)) < 1e-9)
  assert.equal(acceptance.count, 12)
  assert.equal(draftsOf(runWhen(of('inference/draft-rounds', () => null)))!.byText, null)
})
