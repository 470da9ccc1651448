import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import { chapterOfClaim, claimChapters, claimIds, claimStatements } from './catalogue.ts'
import { claims } from './index.ts'

const root = path.resolve(import.meta.dirname, '..', '..', '..')
const events = testRunEvents()
const emitted = new Set<string>(events.map(({ type }) => type))
const factsOf = (kept: readonly RunRecordEvent[]) => runFactsOf('x', testRunDocument(), kept, null)

test('every id of the catalogue has one claim with its statement, and no other', () => {
  assert.deepEqual(
    claims.map(({ id }) => id),
    claimIds,
  )
  for (const { id, statement } of claims) assert.equal(statement, claimStatements[id])
})

test('a claim belongs to a chapter, and chapters come in the order of the catalogue', () => {
  const chapters = claimIds.map(chapterOfClaim)
  assert.deepEqual([...new Set(chapters)], [...claimChapters])
})

for (const claim of claims) {
  describe(claim.id, () => {
    test('its file is named like it, its mechanism is there, and it has a rule', () => {
      assert.ok(existsSync(path.join(import.meta.dirname, `${claim.id.replace('.', '-')}.ts`)))
      assert.ok(existsSync(path.join(root, claim.mechanism)), claim.mechanism)
      assert.match(claim.rule, /^It .*\.$|\. /)
    })

    test('what it needs is emitted by some layer, and its command is one that there is', () => {
      for (const type of claim.needs) assert.ok(emitted.has(type), type)
      assert.match(claim.command, /^strata (?:run|ablate|reward) /)
    })

    test('it comes to a verdict in one sentence without holes', () => {
      const { outcome, sentence } = claim.judge(factsOf(events))
      assert.ok(['held', 'did not hold', 'not established', 'not tested'].includes(outcome))
      assert.match(sentence, /^[A-Z0-9].*\.$/s)
      assert.doesNotMatch(sentence, /NaN|undefined|null|Infinity|\[object/)
    })

    test('its verdict does not fail when the log holds just one event of each type that it needs', () => {
      const few = claim.needs.map((type) => events.find((event) => event.type === type)!)
      assert.doesNotMatch(claim.judge(factsOf(few)).sentence, /NaN|undefined|null|\[object/)
    })
  })
}

test('a run to the end, which does no ablation of accumulation, memory or precision, tests at least half of the claims', () => {
  const elsewhere = new Set(['ablation/accumulation', 'ablation/memory', 'ablation/precision'])
  const isElsewhere = (event: RunRecordEvent) => elsewhere.has(event.type) || ('name' in event && event.name.startsWith('fp8'))
  const run = factsOf(events.filter((event) => !isElsewhere(event)))
  const tested = claims.filter((claim) => claim.needs.every(run.has) && claim.judge(run).outcome !== 'not tested')
  assert.ok(tested.length >= claims.length / 2, `${tested.length} of ${claims.length}`)
})
