import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { claimChapters } from '../claims/catalogue.ts'
import { baseLoop } from '../claims/foundations-base-loop.ts'
import type { Html } from '../html.ts'
import { type RunFacts, runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import type { Chapter } from '../types.ts'
import { digits } from '../wording.ts'
import { chapters } from './index.ts'

const events = testRunEvents()
const factsOf = (kept: readonly RunRecordEvent[]) => runFactsOf('x', testRunDocument(), kept, null)

/** A run that was cut short before anything, after each part of it, and one that came to its end. */
const runs: readonly (readonly [name: string, run: RunFacts])[] = [
  ['a run without events', factsOf([])],
  [
    'a run with one event of each type',
    factsOf(events.filter(({ type }, index) => events.findIndex((event) => event.type === type) === index)),
  ],
  ['a run cut short in pre-training', factsOf(events.filter((event) => event.type !== 'training/step' || event.step < 3).slice(0, 20))],
  ['a run without ablations', factsOf(events.filter(({ type }) => !type.startsWith('ablation/')))],
  ['a run without inference', factsOf(events.filter(({ type }) => !type.startsWith('inference/')))],
  ['a run to the end', factsOf(events)],
]

const parts = (chapter: Chapter, run: RunFacts): Html[] => [
  chapter.decides(run),
  chapter.inherited(run),
  chapter.mechanism(run),
  chapter.measured(run),
  chapter.handsOn(run),
]

const wordsOf = ({ markup }: Html) =>
  markup
    .replaceAll(/<(svg|math|table|figcaption)\b.*?<\/\1>/gs, ' ')
    .replaceAll(/<[^>]+>/g, ' ')
    .split(/\s+/)
    .filter((word) => /\p{L}/u.test(word)).length

test('chapters come in the order of the report, each once', () => {
  const places = chapters.map(({ name }) => claimChapters.indexOf(name))
  assert.deepEqual(
    places,
    [...new Set(places)].sort((a, b) => a - b),
  )
})

const textOf = ({ markup }: Html) => markup.replaceAll(/<svg[^]*?<\/svg>|<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')

test('one loss at the end of pre-training, in the claim, beside it, in its figure and in what is handed on', () => {
  const run = factsOf(events)
  const losses = run.steps('pretrain').map(({ lossNats }) => lossNats)
  const last = losses.slice(-Math.round(losses.length / 10))
  const end = digits(last.reduce((sum, loss) => sum + loss, 0) / last.length)
  const foundations = chapters.find(({ name }) => name === 'foundations')!
  assert.match(textOf(foundations.handsOn(run)), new RegExp(`over the last tenth of pre-training was ${end} nats`))
  const measured = textOf(foundations.measured(run))
  assert.match(
    measured,
    new RegExp(`loss of a batch, in the mean over the first and over the last tenth of them, fell from [\\d.]+ to ${end} nats`),
  )
  assert.match(measured, new RegExp(`loss of the next token fell from [\\d.]+ to ${end} nats`))
  assert.match(baseLoop.judge(run).sentence, new RegExp(`to ${end} nats`))
})

test('bytes of cache never stand without their format', () => {
  const run = factsOf(events)
  for (const chapter of chapters) {
    const text = parts(chapter, run).map(textOf).join(' ')
    for (const [found] of text.matchAll(/\b(?:480|960) B\b.{0,20}/g)) assert.match(found, /BF16|f32/, `${chapter.name}: ${found}`)
  }
})

test('losses at two places are not called a difference that position makes; what extension does is paired', () => {
  const text = textOf(chapters.find(({ name }) => name === 'architecture')!.measured(factsOf(events)))
  assert.match(text, /the tokens at the two places are different ones/)
  assert.match(text, /a change of [+−][\d.]+ ± [\d.]+ nats, paired over the rows/)
  assert.doesNotMatch(text, /context is worth|more to go by/)
})

for (const chapter of chapters) {
  describe(chapter.name, () => {
    for (const [name, run] of runs) {
      test(`${name} has no holes in it`, () => {
        for (const { markup } of parts(chapter, run)) assert.doesNotMatch(markup, /NaN|undefined|\bnull\b|Infinity|\[object|not finite/)
      })
    }

    test('it can be read in some minutes', () => {
      const words = parts(chapter, factsOf(events)).reduce((sum, part) => sum + wordsOf(part), 0)
      assert.ok(words >= 500 && words <= 1500, `${words} words`)
    })
  })
}

test('what a finding that decides nothing means is said where it is one, and only there', () => {
  const measuredIn = (name: Chapter['name'], kept: readonly RunRecordEvent[]) =>
    chapters
      .find((chapter) => chapter.name === name)!
      .measured(factsOf(kept))
      .markup.replaceAll(/\s+/g, ' ')
  const undecided = events.map((event) =>
    event.type === 'ablation/result' ? { ...event, low: -1, high: 1, verdict: 'not established' as const } : event,
  )
  assert.equal(measuredIn('pretraining', undecided).match(/no reason to keep one of these mechanisms, nor to drop one/g)?.length, 1)
  assert.doesNotMatch(measuredIn('pretraining', events), /no reason to keep/)
  const guessing = events.map((event) =>
    event.type === 'evaluation/task' ? { ...event, isAboveChance: false, interval: [0, 1] as const } : event,
  )
  assert.match(measuredIn('evaluation', guessing), /say nothing about this model but that it guesses there/)
  const summed = events.filter(({ type }) => type !== 'inference/draft-rounds')
  assert.match(measuredIn('inference', summed), /whether they help is not established/)
  assert.match(measuredIn('inference', events), /better served without them/)
})
