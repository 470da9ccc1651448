import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync, appendFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { renderReport } from './document.ts'
import { readRunFacts, runFactsOf } from './run-facts.ts'
import { testRunDocument, testRunEvents, writeTestRun } from './test-run.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'strata-facts-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)

test('what a folder lacks is said and not fatal', () => {
  writeTestRun(folder)
  assert.deepEqual(readRunFacts(folder).missing, ['model/config.json is not there: the run has not come to its model.'])
  rmSync(at('events.jsonl'))
  const { missing, events } = readRunFacts(folder)
  assert.equal(missing.length, 2)
  writeFileSync(at('events.jsonl'), '')
  assert.match(readRunFacts(folder).missing.join(' '), /events\.jsonl holds no event/)
  assert.deepEqual(events, [])
})

test('no run, another version and damage are the user’s to mend', () => {
  assert.throws(() => readRunFacts(folder), /expected the folder of a run/)
  writeTestRun(folder)
  const document = readFileSync(at('recipe.json'), 'utf8')
  writeFileSync(at('recipe.json'), document.slice(0, 100))
  assert.throws(() => readRunFacts(folder), /recipe\.json: expected JSON/)
  writeFileSync(at('recipe.json'), document.replace('"format": 3', '"format": 2'))
  assert.throws(() => readRunFacts(folder), /expected a run of format 3, got format 2/)
  writeFileSync(at('recipe.json'), document)
  writeFileSync(at('events.jsonl'), 'not an event\n{}\n')
  assert.throws(() => readRunFacts(folder), /events\.jsonl: 2 things are wrong[^]*line 1: expected an event[^]*line 2: .* without a type/)
})

test('a recipe.json of any content is read or refused in words', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      writeFileSync(at('recipe.json'), text)
      assert.throws(() => readRunFacts(folder), UsageError)
    }),
    { numRuns: 50 },
  )
})

test('what was done again replaces what was done before; times of day are forgotten', () => {
  writeTestRun(folder)
  const before = readRunFacts(folder)
  const score = before.ofType('evaluation/domain')[0]
  appendFileSync(at('events.jsonl'), `${JSON.stringify({ ...score, bitsPerByte: 1.25, at: 5 })}\n`)
  const facts = readRunFacts(folder)
  const key = (event: { stage: string; domain: string }) => `${event.stage} ${event.domain}`
  const scores = facts.latestOf('evaluation/domain', key)
  assert.equal(scores.length, before.latestOf('evaluation/domain', key).length)
  assert.equal(scores[0].bitsPerByte, 1.25)
  assert.equal(facts.lastOf('evaluation/domain')?.bitsPerByte, 1.25)
  assert.equal(
    facts.lastOf('evaluation/domain', ({ domain }) => domain === 'no such domain'),
    null,
  )
  assert.ok(facts.events.every((event) => !('at' in event)))
  assert.ok(facts.has('evaluation/domain') && !facts.has('no/such/type'))
})

test('one folder, one report, byte for byte, whenever and wherever it is made', () => {
  writeTestRun(folder)
  const report = renderReport(readRunFacts(folder))
  assert.equal(renderReport(readRunFacts(folder)), report)
  const later = readFileSync(at('events.jsonl'), 'utf8').replaceAll(/"at":\d+/g, '"at":1800000000')
  writeFileSync(at('events.jsonl'), later)
  assert.equal(renderReport(readRunFacts(folder)), report)
  assert.ok(report.length < 2e6)
})

test('a report can be made of any beginning of a run', () => {
  const [document, events] = [testRunDocument(), testRunEvents()]
  const types = [...new Set(events.map(({ type }) => type))]
  for (let count = 0; count <= types.length; count += 3) {
    const known = new Set<string>(types.slice(0, count))
    const report = renderReport(
      runFactsOf(
        'first',
        document,
        events.filter(({ type }) => known.has(type)),
        null,
        ['It was cut short.'],
      ),
    )
    assert.match(report, /It was cut short\./)
    assert.doesNotMatch(report, />[^<]*\b(?:NaN|undefined|Infinity)\b/, [...known].at(-1))
  }
})
