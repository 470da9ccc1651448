import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { claims } from '../../report/index.ts'
import { writeTestRun } from '../../report/test-run.ts'
import { strata } from '../../../test/strata.ts'

let folder: string
let run: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'strata-report-'))
  run = path.join(folder, 'mine')
  mkdirSync(run)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the report is written into the run folder, and again where it is asked for, the same bytes', async () => {
  writeTestRun(run)
  const first = await strata('report', run)
  assert.deepEqual([first.status, first.out], [0, `${path.join(run, 'report.html')}\n`])
  assert.match(first.err, /model\/config\.json is not there/)
  const out = path.join(folder, 'mine.html')
  const again = await strata('report', run, '--out', out, '--json', '--quiet')
  const text = readFileSync(path.join(run, 'report.html'))
  assert.deepEqual(JSON.parse(again.out), {
    report: out,
    bytes: text.length,
    missing: ['model/config.json is not there: the run has not come to its model.'],
  })
  assert.deepEqual(readFileSync(out), text)
  assert.equal(again.err, '')
})

test('claims are printed with their verdicts, and nothing is written', async () => {
  writeTestRun(run)
  const before = readdirSync(run)
  const { status, out } = await strata('report', run, '--claims')
  assert.equal(status, 0)
  for (const { id } of claims)
    assert.match(out, new RegExp(`^${id.replace('.', String.raw`\.`)} +(?:held|did not hold|not established|not tested) `, 'm'))
  const document = JSON.parse((await strata('report', run, '--claims', '--json')).out) as {
    readonly counts: Readonly<Record<string, number>>
    readonly claims: readonly { readonly id: string; readonly outcome: string; readonly sentence: string; readonly command: string }[]
  }
  assert.equal(document.claims.length, claims.length)
  assert.equal(
    Object.values(document.counts).reduce((sum, count) => sum + count, 0),
    claims.length,
  )
  assert.ok(document.claims.every(({ sentence }) => sentence.endsWith('.')))
  const untested = document.claims.filter(({ outcome }) => outcome === 'not tested')
  for (const { id, command } of untested) assert.match(out, new RegExp(`^${id.replace('.', String.raw`\.`)} +${command}$`, 'm'))
  const ofRun = document.claims.filter(({ command }) => command.includes('runs/'))
  assert.ok(ofRun.length > 0 && ofRun.every(({ command }) => command.endsWith(`runs/${path.basename(run)}`)), 'commands name the run')
  assert.deepEqual(readdirSync(run), before)
})

test('a folder without a run is refused with what to do', async () => {
  const { status, out, err } = await strata('report', folder)
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, /expected the folder of a run .*strata run nano/)
})

test('claims write nothing, so a file to write them to is refused', async () => {
  writeTestRun(run)
  const { status, out, err } = await strata('report', run, '--claims', '--out', path.join(folder, 'x.html'))
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, /strata report: expected --claims, which writes nothing, or --out, got both\. Leave one away\./)
})
