import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { z } from 'zod'
import { counted, type EventSchemas, record } from '../base/event-schema.ts'
import { readRunLog } from '../base/run-log.ts'
import { createRunFolder, documentHash, eventsFile, openRunFolder, readRecipe } from './run-folder.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'strata-runs-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const inRun = (...names: string[]) => path.join(folder, 'first', ...names)

interface Step {
  readonly type: 'step'
  readonly step: number
}
const stepSchemas = { step: record<Step>()({ type: z.literal('step'), step: counted }) } satisfies EventSchemas<Step>

test('a run is begun once, its recipe kept, its events appended over several openings', () => {
  const recipe = { model: { width: 32 }, seed: 1 }
  using first = createRunFolder<Step>(inRun(), recipe)
  first.log.append({ type: 'step', step: 1 })
  first.close()
  assert.throws(() => createRunFolder(inRun(), recipe), /expected a new run, got one that is there already/)
  using again = openRunFolder<Step>(inRun())
  assert.deepEqual(again.recipe, recipe)
  again.log.append({ type: 'step', step: 2 })
  again.close()
  assert.deepEqual(
    readRunLog<Step>(eventsFile(inRun()), stepSchemas).map(({ step }) => step),
    [1, 2],
  )
  assert.deepEqual(readdirSync(inRun()).sort(), ['checkpoints', 'events.jsonl', 'recipe.json'])
})

test('a folder in use is refused, by this process and by another, and free once it is closed', async () => {
  using run = createRunFolder(inRun(), {})
  assert.throws(() => openRunFolder(inRun()), /nobody is working in, got one in use by process \d+ on /)
  run.close()
  const module = JSON.stringify(new URL('run-folder.ts', import.meta.url).href)
  const script = `import { openRunFolder } from ${module}; openRunFolder(${JSON.stringify(inRun())}); console.log('in'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const _ of child.stdout) break
  assert.throws(() => openRunFolder(inRun()), new RegExp(`in use by process ${child.pid} on `))
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await gone
  openRunFolder(inRun()).close()
})

test('a lock whose owner is gone is taken over: an ended process, another boot, another process of that number', () => {
  createRunFolder(inRun(), {}).close()
  const { pid } = spawnSync(process.execPath, ['--version'])
  const host = spawnSync('hostname', { encoding: 'utf8' }).stdout.trim()
  const startedAt = Date.now() / 1000
  const stale = [
    { pid, host, startedAt, identity: null },
    { pid: process.ppid, host, startedAt: 1e9, identity: null },
    ...(existsSync('/proc/self/stat') ? [{ pid: process.ppid, host, startedAt, identity: 'another boot/17' }] : []),
  ]
  for (const owner of stale) {
    writeFileSync(inRun('.lock'), JSON.stringify(owner))
    openRunFolder(inRun()).close()
    assert.equal(existsSync(inRun('.lock')), false)
  }
})

test('a lock of another machine, or one that is being written, is respected', () => {
  createRunFolder(inRun(), {}).close()
  writeFileSync(inRun('.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', startedAt: 1.7e9, identity: null }))
  assert.throws(() => openRunFolder(inRun()), /process 1 on elsewhere, started at 2023-11-14 22:13 UTC. .*remove \S+\.lock/)
  writeFileSync(inRun('.lock'), '{"pi')
  assert.throws(() => openRunFolder(inRun()), /a process that has just begun/)
  utimesSync(inRun('.lock'), 1e9, 1e9)
  openRunFolder(inRun()).close()
})

test('a folder with something else in it is left alone', () => {
  writeFileSync(path.join(folder, 'thesis.txt'), 'years of work')
  assert.throws(() => createRunFolder(folder, {}), /an empty folder, got one with thesis.txt/)
  assert.throws(() => createRunFolder(path.join(folder, 'thesis.txt', 'run'), {}), UsageError)
  assert.throws(() => openRunFolder(folder), /the folder of a run, got one without recipe.json/)
  assert.throws(() => openRunFolder(inRun()), /the folder of a run, got nothing there/)
  assert.deepEqual(readdirSync(folder), ['thesis.txt'])
})

test('a beginning that was cut short can be begun again, and what was half written is swept', () => {
  mkdirSync(inRun('checkpoints'), { recursive: true })
  writeFileSync(inRun('.recipe.json.00000000-0000-4000-8000-000000000000.partial'), '{')
  mkdirSync(inRun('checkpoints', `.pretrain-3.${process.ppid}-0123456789ab.partial`))
  using run = createRunFolder(inRun(), { a: 1 })
  assert.equal(run.swept.length, 2)
  assert.deepEqual(readRecipe(inRun()), { a: 1 })
  assert.deepEqual(readdirSync(inRun('checkpoints')), [])
})

test('a recipe that is not JSON is said, and the lock is given back', () => {
  createRunFolder(inRun(), {}).close()
  writeFileSync(inRun('recipe.json'), 'no')
  assert.throws(() => openRunFolder(inRun()), /recipe.json: expected JSON/)
  assert.equal(existsSync(inRun('.lock')), false)
  assert.equal(readFileSync(inRun('recipe.json'), 'utf8'), 'no')
})

test('a hash does not depend on the order of keys, and depends on everything else', () => {
  assert.equal(documentHash({ a: 1, b: { c: [1, 2], d: null } }), documentHash({ b: { d: null, c: [1, 2] }, a: 1 }))
  assert.notEqual(documentHash({ a: [1, 2] }), documentHash({ a: [2, 1] }))
  assert.match(documentHash({}), /^[0-9a-f]{64}$/)
})
