import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { createModel, presets } from '../../architecture/index.ts'
import { Random } from '../../base/random.ts'
import { Machine } from '../../compute/index.ts'
import { initialize, trainTokenizer } from '../../foundations/index.ts'
import { writeModelFolder } from '../../infrastructure/index.ts'

const parent = mkdtempSync(path.join(os.tmpdir(), 'strata-generate-'))
const folder = path.join(parent, 'model')

before(async () => {
  const machine = await Machine.start({ threads: 1 })
  const model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, 0.3, Random.seeded(1))
  writeModelFolder(folder, model, trainTokenizer(['a plain sentence behind it. '.repeat(20)], { vocabSize: 300 }))
  machine.close()
})
after(() => rmSync(parent, { recursive: true }))

const cli = path.join(import.meta.dirname, '..', 'cli.ts')

/** Runs the command in a process of its own, `input` on its standard input. */
function strata(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'generate', ...args, '--threads', '1'], { input, encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

test('text streams to standard output, speed goes to standard error, and --json says both in one document', () => {
  const args = [folder, '--max-tokens', '12', '--seed', '4']
  const plain = strata([...args, '--prompt', 'a plain'])
  assert.equal(plain.status, 0)
  assert.match(plain.err, /12 tokens after \d+ of prompt: as many tokens as asked for; prompt \d+ tokens\/s, then \d+ tokens\/s; cache /)
  const json = strata([...args, '--json', '--quiet'], 'a plain\n')
  const document = JSON.parse(json.out) as Record<string, unknown>
  assert.equal(json.err, '')
  assert.equal(document['prompt'], 'a plain', 'standard input, less its last line break')
  assert.equal(plain.out, `${document['text'] as string}\n`)
  assert.equal((document['ids'] as number[]).length, 12)
  assert.equal(document['finishReason'], 'length')
  assert.deepEqual(document['options'], { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 4, maxTokens: 12, stop: [], speculate: 0 })
})

test('drafts leave the likeliest text as it is and say how many of them were kept', () => {
  const args = [folder, '--prompt', 'a plain', '--max-tokens', '12', '--temperature', '0']
  const plain = strata(args)
  const drafted = strata([...args, '--speculate'])
  assert.equal(drafted.out, plain.out)
  assert.match(drafted.err, /; \d+ of \d+ drafts kept, 1\.\d\d tokens a step; about [\d.]+ times as fast as without drafts.*; cache/)
  const { steps, draftedTokens } = JSON.parse(strata([...args, '--speculate', '2', '--json']).out) as Record<string, number>
  assert.ok(draftedTokens > steps && draftedTokens <= 2 * steps)
})

test('without a word to go on with, a new text begins', () => {
  const { status, out } = strata([folder, '--prompt', '', '--max-tokens', '3', '--json'])
  assert.equal(status, 0)
  assert.equal((JSON.parse(out) as { promptTokens: number }).promptTokens, 1)
})

test('what cannot be done is said with status 2', () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[path.join(parent, 'nothing'), '--prompt', 'x'], /expected a model folder, a run folder or a config\.json/],
    [[folder, '--prompt', 'x y '.repeat(300)], /prompt: expected at most 256 tokens/],
    [[folder, '--prompt', 'x', '--stop', ''], /stop: expected strings of one character or more/],
    [[folder, '--prompt', 'x', '--top-p', '1.5'], /--top-p: expected a number from 0 to 1, got "1\.5"/],
  ]
  for (const [args, pattern] of cases) {
    const { status, out, err } = strata(args)
    assert.equal(status, 2)
    assert.equal(out, '')
    assert.match(err, pattern)
  }
})
