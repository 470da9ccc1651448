import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { readRunLog } from '../../base/run-log.ts'
import { type AblationEvent, ablationEventSchemas, prepareText, recipes } from '../../pretraining/index.ts'
import { testRunDocument } from '../../report/test-run.ts'

const parent = mkdtempSync(path.join(os.tmpdir(), 'strata-ablate-'))
const run = path.join(parent, 'run')
const cli = path.join(import.meta.dirname, '..', 'cli.ts')

before(async () => {
  const base = recipes.tiny()
  const recipe = { ...base, ablations: { ...base.ablations!, tokens: 512 } }
  const { tokenizer } = await prepareText(recipe, {})
  mkdirSync(path.join(run, 'checkpoints'), { recursive: true })
  writeFileSync(path.join(run, 'recipe.json'), JSON.stringify({ ...testRunDocument(), recipe }))
  writeFileSync(path.join(run, 'tokenizer.json'), tokenizer.toJson())
})
after(() => rmSync(parent, { recursive: true }))

/** Runs the command in a process of its own, with a cache of this test's. */
function strata(...args: string[]) {
  const env = { ...process.env, STRATA_CACHE: path.join(parent, 'cache') }
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'ablate', ...args], { env, encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

test('without names it lists the ablations with their claims', () => {
  const { status, out } = strata('--json')
  assert.equal(status, 0)
  const { ablations: listed } = JSON.parse(out) as { ablations: { name: string; claims: string[] }[] }
  assert.ok(listed.some(({ name, claims }) => name === 'mtp' && claims.includes('foundations.denser-supervision')))
})

test('a name that is none, and flags that contradict each other, are refused before anything is trained', () => {
  for (const [args, message] of [
    [['mpt'], /Did you mean "mtp"\?/],
    [['mtp', '--run', run, '--recipe', 'tiny', '--seed', '3'], /--run: expected the recipe and the text of .* got --recipe and --seed/],
    [
      ['mtp', '--set', 'training.tokens=5', '--set', 'ablations.seeds=2', '--seeds', '3'],
      /training\.tokens=5: has no part[^]*ablations\.seeds=2: --seeds says this/,
    ],
    [['mtp', '--set', 'training.microRows=2', '--set', 'training.recompute=maybe'], /training\.microRows=2: has no part/],
    [
      ['memory', '--set', 'training.recompute=true', '--set', 'training.microRows=2'],
      /^(?![^]*microRows)[^]*recompute=true: the arms of memory decide this/,
    ],
    [['mtp', '--seeds', '0'], /--seeds: expected a whole number/],
  ] as const) {
    const { status, err, out } = strata(...args)
    assert.equal(status, 2, err)
    assert.match(err, message)
    assert.equal(out, '')
  }
})

test('results are printed with interval and verdict, kept, and added to the log of a run', () => {
  const first = strata('foundations.denser-supervision', '--run', run, '--threads', '1', '--json', '--quiet')
  assert.equal(first.status, 0, first.err)
  const { events, isWhole, seeds } = JSON.parse(first.out) as { events: AblationEvent[]; isWhole: boolean; seeds: number }
  assert.deepEqual([isWhole, seeds, events.length, events[0].wasCached], [true, 1, 1, false])
  const logged = readRunLog(path.join(run, 'events.jsonl'), ablationEventSchemas).map(({ at: _at, ...event }) => event)
  assert.deepEqual(logged, events)

  const { out, err } = strata('mtp', '--run', run, '--threads', '1')
  assert.match(
    out,
    /mtp {2}Does predicting[^]*from the cache[^]*mtp less no-mtp {2}held-out loss +[+−]\d\.\d{4} +[+−]\d\.\d{4} … [+−]\d\.\d{4} +192 rows +(?:lower|higher|not established)/,
  )
  assert.match(out, /Intervals over rows/)
  assert.match(err, /Its report with them: /)
})

test('filtered data is asked for by itself, of a run that is fine-tuned, and nothing that the run decides is taken', () => {
  for (const [args, message] of [
    [['filtered-data'], /filtered-data: expected --run with a fine-tuned model, got none/],
    [['filtered-data', 'mtp', '--run', run], /expected filtered-data by itself, got mtp beside it/],
    [['posttraining.filtered-data', '--run', run, '--seeds', '3'], /expected what the run decides, got --seeds/],
    [['filtered-data', '--run', run], /expected a run with a fine-tuned model, got one without/],
  ] as const) {
    const { status, err, out } = strata(...args)
    assert.equal(status, 2, err)
    assert.match(err, message)
    assert.equal(out, '')
  }
})
