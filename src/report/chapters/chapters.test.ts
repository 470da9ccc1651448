import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { claimChapters } from '../claims/catalogue.ts'
import type { Html } from '../html.ts'
import { type RunFacts, runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import type { Chapter } from '../types.ts'
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
