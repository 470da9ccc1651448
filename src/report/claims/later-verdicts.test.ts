import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareInterval } from '../../base/statistics.ts'
import type { EventOf, EventType } from '../run-facts.ts'
import { runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import type { Outcome } from '../types.ts'
import type { ClaimId } from './catalogue.ts'
import { claims } from './index.ts'

const events = testRunEvents()

type Change = (event: RunRecordEvent) => RunRecordEvent | null

const outcomeWhen = (id: ClaimId, ...changes: readonly Change[]): Outcome => {
  const kept = events.flatMap((event) => {
    const changed = changes.reduce<RunRecordEvent | null>((one, change) => one && change(one), event)
    return changed ? [changed] : []
  })
  return claims.find((claim) => claim.id === id)!.judge(runFactsOf('x', testRunDocument(), kept, null)).outcome
}

/** Changes events of one type only. */
const of =
  <T extends EventType>(type: T, change: (event: EventOf<T>) => RunRecordEvent | null): Change =>
  (event) =>
    event.type === type ? change(event as EventOf<T>) : event

/** So many right answers of 200 after a stage, over all tasks. */
const right = (stage: string, correct: number) =>
  of('posttraining/accuracy', (event) =>
    event.stage === stage && event.task === 'all'
      ? { ...event, correct, n: 200, accuracy: correct / 200, interval: shareInterval(correct, 200) }
      : event,
  )

/** Every ablation with another difference and interval, under so many seeds. */
const ablated = (seeds: number, [difference, low, high]: readonly [number, number, number]) =>
  of('ablation/result', (event) => ({
    ...event,
    seeds,
    difference,
    low,
    high,
    verdict: high < 0 ? 'lower' : low > 0 ? 'higher' : 'not established',
  }))

/** Loss in the last stretch of the last window, row by row. */
const lastBucket = (stage: string, ofRow: (row: number) => number) =>
  of('evaluation/position', (event) =>
    event.stage === stage ? { ...event, lastBucketOfRow: event.lastBucketOfRow.map((_, row) => ofRow(row)) } : event,
  )

/** Loads of 16 experts, router by router. */
const loads = (loadOf: (expert: number, domain: string) => number) =>
  of('inference/expert-load', (event) => ({
    ...event,
    loadByRouter: event.loadByRouter.map((router) => router.map((_, expert) => loadOf(expert, event.domain))),
  }))

test('reinforcement: a gain holds beside a control without one; a loss, or a control that gains too, does not', () => {
  const [sft, control] = [right('sft', 40), right('rl-shuffled', 41)]
  assert.equal(outcomeWhen('posttraining.rule-rewards', sft, control, right('rl', 80)), 'held')
  assert.equal(outcomeWhen('posttraining.rule-rewards', sft, control, right('rl', 44)), 'not established')
  assert.equal(outcomeWhen('posttraining.rule-rewards', sft, control, right('rl', 10)), 'did not hold')
  assert.equal(outcomeWhen('posttraining.rule-rewards', sft, right('rl-shuffled', 80), right('rl', 80)), 'did not hold')
  const withoutControl = of('posttraining/accuracy', (event) => (event.stage === 'rl-shuffled' ? null : event))
  assert.equal(outcomeWhen('posttraining.rule-rewards', sft, right('rl', 80), withoutControl), 'not established')
})

test('a control of fewer steps than the run that it stands beside is said to be one', () => {
  const sentence = (controlSteps: number) => {
    const kept = events.filter((event) => event.type !== 'rl/step' || event.stage === 'rl' || event.step <= controlSteps)
    const claim = claims.find(({ id }) => id === 'posttraining.rule-rewards')!
    return claim.judge(runFactsOf('x', testRunDocument(), kept, null)).sentence
  }
  assert.match(sentence(7), /that control had 7 of the 30 steps/)
})

test('the extended window is worth what rows gain one by one, however much they differ from each other', () => {
  const without = of('inference/speculation', () => null)
  const unfelt = of('inference/routing', (event) => ({ ...event, addedNats: event.addedNats && 0, plusMinus: event.plusMinus && 0.01 }))
  const wave = (row: number) => 4 + Math.sin(7 * row)
  const last = (gain: number) => lastBucket('extend-2', (row) => wave(row) - gain + 0.01 * Math.sin(3 * row))
  const base = lastBucket('pretrain', wave)
  assert.equal(outcomeWhen('sequence.schedule-to-inference', without, unfelt, base, last(0.1)), 'held')
  assert.equal(outcomeWhen('sequence.schedule-to-inference', without, unfelt, base, last(0)), 'did not hold')
})

test('fine-tuning: form, ending and right answers must rise; form without answers is not established', () => {
  assert.equal(outcomeWhen('posttraining.sft-format', right('pretrain', 0), right('sft', 40)), 'held')
  assert.equal(outcomeWhen('posttraining.sft-format', right('pretrain', 0), right('sft', 1)), 'not established')
  const formless = of('posttraining/accuracy', (event) => ({ ...event, formatRate: 0.5 }))
  assert.equal(outcomeWhen('posttraining.sft-format', formless), 'did not hold')
})

test('ablations: one seed establishes nothing; three do where the interval excludes zero, or is too narrow for a win', () => {
  assert.equal(outcomeWhen('pretraining.ablations', ablated(1, [-0.1, -0.12, -0.08])), 'not established')
  assert.equal(outcomeWhen('pretraining.ablations', ablated(3, [-0.1, -0.12, -0.08])), 'held')
  assert.equal(outcomeWhen('pretraining.ablations', ablated(3, [-0.1, -0.3, 0.1])), 'not established')
  assert.equal(outcomeWhen('pretraining.ablations', ablated(3, [-0.001, -0.008, 0.006])), 'did not hold')
  assert.equal(outcomeWhen('pretraining.ablations', ablated(1, [-0.001, -0.008, 0.006])), 'not established')
})

test('stages against the jump: paired rows decide where the rows themselves differ by far more', () => {
  const wave = (row: number) => 4 + Math.sin(7 * row)
  const jump = (gain: number, noise: number) => lastBucket('extend-jump', (row) => wave(row) + gain + noise * Math.sin(3 * row))
  const staged = lastBucket('extend-2', wave)
  assert.equal(outcomeWhen('pretraining.staged-context', staged, jump(0.1, 0.01)), 'held')
  assert.equal(outcomeWhen('pretraining.staged-context', staged, jump(-0.1, 0.01)), 'did not hold')
  assert.equal(outcomeWhen('pretraining.staged-context', staged, jump(0.1, 1)), 'not established')
})

type Result = readonly [name: string, variant: string, difference: number, half: number, domain?: string]

/** A result like those of the log, of another ablation. */
const madeFrom = (event: EventOf<'ablation/result'>, [name, variant, difference, half, domain]: Result): EventOf<'ablation/result'> => ({
  ...event,
  name,
  variant,
  control: 'recipe',
  domain: domain ?? null,
  difference,
  low: difference - half,
  high: difference + half,
})

const outcomeOf = (id: ClaimId, results: readonly Result[]): Outcome => {
  const template = events.find((event) => event.type === 'ablation/result')!
  const kept = events.filter(({ type }) => type !== 'ablation/result').concat(results.map((result) => madeFrom(template, result)))
  return claims.find((claim) => claim.id === id)!.judge(runFactsOf('x', testRunDocument(), kept, null)).outcome
}

test('mixture: a domain that is missed holds; one that is not missed does not', () => {
  const without = (prose: number, code: number) => [
    ['mixture', 'without-prose', prose, 0.02, 'prose'] as const,
    ['mixture', 'without-code', code, 0.02, 'code'] as const,
  ]
  assert.equal(outcomeOf('pretraining.mixture', without(0.4, 0.3)), 'held')
  assert.equal(outcomeOf('pretraining.mixture', without(0.4, -0.3)), 'did not hold')
  assert.equal(outcomeOf('pretraining.mixture', without(0.4, 0.01)), 'not established')
})

test('tolerance: a basin with an edge on all three sweeps holds; a narrow one does not; two sweeps are too few', () => {
  const sweep = (name: string, near: number, far: number) => [[name, 'x2', near, 0.01] as const, [name, 'x8', far, 0.01] as const]
  const [rate, init] = [sweep('learning-rate', 0.02, 0.5), sweep('init', 0.02, 0.5)]
  const batch = [['batch', 'rows-8', 0.02, 0.01] as const, ['batch', 'rows-64', 0.5, 0.01] as const]
  assert.equal(outcomeOf('pretraining.tolerance', [...rate, ...batch, ...init]), 'held')
  assert.equal(outcomeOf('pretraining.tolerance', [...sweep('learning-rate', 0.4, 0.5), ...batch, ...init]), 'did not hold')
  assert.equal(outcomeOf('pretraining.tolerance', [...rate, ...init]), 'not established')
  assert.equal(outcomeOf('pretraining.tolerance', [...rate, ...batch, ...sweep('init', 0.02, 0.03)]), 'not established')
})

test('hot experts: one that carries everything is spread; even ones are not hot, and the load of one domain is no specialisation', () => {
  assert.equal(
    outcomeWhen(
      'inference.hot-experts',
      loads((expert) => (expert === 3 ? 2000 : 200)),
    ),
    'held',
  )
  assert.equal(
    outcomeWhen(
      'inference.hot-experts',
      loads(() => 300),
    ),
    'did not hold',
  )
  assert.equal(
    outcomeWhen(
      'evaluation.appendix-signal',
      loads((expert) => 100 + expert),
    ),
    'did not hold',
  )
  assert.equal(
    outcomeWhen(
      'evaluation.appendix-signal',
      loads((expert, domain) => (expert === domain.length ? 2000 : 200)),
    ),
    'not established',
  )
})

test('outcome and cause: a score above chance without an ablation holds, one with its own does not, none leaves nothing to say', () => {
  assert.equal(outcomeWhen('evaluation.outcome-not-cause'), 'held')
  const names = events.flatMap((event) => (event.type === 'evaluation/task' && event.isAboveChance ? [event.task] : []))
  const measured = of('ablation/result', (event) => ({ ...event, metric: names[0] }))
  const onlyFirst = of('evaluation/task', (event) => (event.task === names[0] ? event : { ...event, isAboveChance: false }))
  assert.equal(outcomeWhen('evaluation.outcome-not-cause', measured, onlyFirst), 'did not hold')
  const none = of('evaluation/task', (event) => ({ ...event, isAboveChance: false }))
  assert.equal(outcomeWhen('evaluation.outcome-not-cause', none), 'not established')
})

test('the takeaway does not hold as soon as one arrow does not', () => {
  const everywhere = of('inference/routing', (event) => ({
    ...event,
    visits: event.visits.map((visit) => ({ ...visit, perTokenByLayer: visit.perTokenByLayer.map(() => 1) })),
  }))
  assert.equal(outcomeWhen('evaluation.systems-takeaway', everywhere), 'did not hold')
})

/** Agreement of the reward model, and gain of the best of the largest n over a random reply. */
const rewarded = (agreement: number, gain: number, half = 0.02): Change[] => [
  of('reward/agreement', (event) => ({
    ...event,
    agreement: { ...event.agreement, value: agreement, low: agreement - half, high: agreement + half },
  })),
  of('reward/best-of', (event) => ({ ...event, gain: { ...event.gain, value: gain, low: gain - half, high: gain + half } })),
]

test('a reward model must agree and choose better than chance; one that guesses or chooses worse is none', () => {
  assert.equal(outcomeWhen('posttraining.model-rewards', ...rewarded(0.7, 0.1)), 'held')
  assert.equal(outcomeWhen('posttraining.model-rewards', ...rewarded(0.5, 0.01)), 'did not hold')
  assert.equal(outcomeWhen('posttraining.model-rewards', ...rewarded(0.7, -0.1)), 'did not hold')
  assert.equal(outcomeWhen('posttraining.model-rewards', ...rewarded(0.7, 0.01)), 'not established')
  assert.equal(outcomeWhen('posttraining.model-rewards', ...rewarded(0.55, 0.1, 0.06)), 'not established')
})

/** Self-agreement of the judge that is asked, and agreement of all with the verifier. */
const judged = (self: number, agreement: number) =>
  of('evaluation/judges', (event) => ({
    ...event,
    judges: event.judges.map((judge) => ({
      ...judge,
      agreement: { ...judge.agreement, value: agreement, low: agreement - 0.02, high: agreement + 0.02 },
      ...(!judge.isOrderFree && { selfAgreement: { ...judge.selfAgreement, value: self, low: self - 0.02, high: self + 0.02 } }),
    })),
  }))

test('judges are weak where they waver and err; one that is as good as a rule, in either, says otherwise', () => {
  assert.equal(outcomeWhen('evaluation.weak-judges', judged(0.3, 0.7)), 'held')
  assert.equal(outcomeWhen('evaluation.weak-judges', judged(0.99, 0.7)), 'did not hold')
  assert.equal(outcomeWhen('evaluation.weak-judges', judged(0.3, 0.99)), 'did not hold')
  assert.equal(outcomeWhen('evaluation.weak-judges', judged(0.3, 0.94)), 'not established')
})

/** Gain of filtered samples over raw ones, and of raw ones over the start. */
const generated = (filteredOverRaw: number, rawOverStart: number) =>
  of('posttraining/generated-data', (event) => ({
    ...event,
    arms: event.arms.map((arm) => ({
      ...arm,
      overStart: arm.overStart && { ...arm.overStart, value: rawOverStart, low: rawOverStart - 0.02, high: rawOverStart + 0.02 },
      overRaw: arm.overRaw && { ...arm.overRaw, value: filteredOverRaw, low: filteredOverRaw - 0.02, high: filteredOverRaw + 0.02 },
    })),
  }))

test('generated data: filtering must gain over raw, and raw samples must not gain by themselves', () => {
  assert.equal(outcomeWhen('posttraining.filtered-data', generated(0.05, 0.01)), 'held')
  assert.equal(outcomeWhen('posttraining.filtered-data', generated(0.01, 0.01)), 'not established')
  assert.equal(outcomeWhen('posttraining.filtered-data', generated(-0.05, 0)), 'did not hold')
  assert.equal(outcomeWhen('posttraining.filtered-data', generated(0.05, 0.05)), 'did not hold')
})
