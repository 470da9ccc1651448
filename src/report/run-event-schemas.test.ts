import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { shippedFiles } from '../../test/policy/source-files.ts'
import { eventViolations } from '../base/event-schema.ts'
import { readRunFacts } from './run-facts.ts'
import { runEventSchemas } from './run-event-schemas.ts'
import type { RunRecordEvent } from './run-record.ts'
import { testRunEvents, writeTestRun } from './test-run.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'strata-events-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One event of each type that the invented run lacks. */
const rare: readonly RunRecordEvent[] = [
  { type: 'data-fetched', packageName: 'zod', version: '4.6.7', packedBytes: 10 },
  { type: 'data-fallback', reason: 'no network' },
  { type: 'data-skipped', path: 'a.bin', reason: 'not text' },
  { type: 'data-split', domain: 'prose', note: 'one document' },
  {
    type: 'training/skipped',
    stage: 'rl',
    step: 3,
    tokens: 60,
    lossNats: Number.NaN,
    gradientNorm: Number.POSITIVE_INFINITY,
    inARow: 1,
    batch: { data: { step: 2 }, rows: [{ domain: 'prose', text: 'a' }] },
  },
  { type: 'training/unsupervised', stage: 'sft', tokens: 64 },
  { type: 'evaluation/task-left-out', stage: 'sft', task: 'grammar', likeName: 'BLiMP', reason: 'no text' },
  { type: 'evaluation/long-context-left-out', stage: 'sft', length: 4096, what: 'needle', reason: 'too little text' },
  { type: 'rl/verifier-fault', stage: 'rl', step: 1, count: 1, replies: 8, problem: '1 + 1?', fault: 'threw' },
  {
    type: 'rl/example',
    stage: 'rl',
    step: 1,
    task: 'add',
    prompt: '1 + 1?',
    best: { reply: '2', reward: 1, advantage: 1 },
    worst: { reply: '3', reward: 0, advantage: -1 },
  },
  { type: 'evaluation/on-the-way', step: 4, scores: [] },
  { type: 'run/stage', stage: 'evaluate-rl-shuffled', seconds: 1 },
  { type: 'run/warning', message: 'something was done otherwise' },
]

/** The first event of each type. */
const examples = () => new Map([...rare, ...testRunEvents()].reverse().map((event) => [event.type, event]))

/** Paths of everything in a value, the innermost last. */
function* pathsOf(value: unknown, before: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    yield [...before, key]
    yield* pathsOf(inner, [...before, key])
  }
}

/** A copy in which what stands at a path is another value; undefined takes it away. */
function withValue(event: RunRecordEvent, keys: readonly string[], value: unknown): RunRecordEvent {
  const copy = structuredClone(event)
  const holder = keys.slice(0, -1).reduce((inner, key) => inner[key] as Record<string, unknown>, copy as unknown as Record<string, unknown>)
  if (value === undefined) delete holder[keys.at(-1)!]
  else holder[keys.at(-1)!] = value
  return copy
}

test('there is a schema for every type of event that stands in the sources', () => {
  const types = shippedFiles().flatMap(({ text }) =>
    Array.from(text.matchAll(/\btype: '((?:data-|[a-z-]+\/)[a-z-]+)'/g), ([, type]) => type),
  )
  assert.ok(types.length > 40)
  assert.deepEqual([...new Set(types)].filter((type) => !Object.hasOwn(runEventSchemas, type)).sort(), [])
})

test('events as they are written have no violations, one at least of each type', () => {
  assert.deepEqual([...examples().keys()].sort(), Object.keys(runEventSchemas).sort())
  for (const event of [...rare, ...testRunEvents()]) assert.deepEqual(eventViolations(event, runEventSchemas), [])
})

test('a field that is gone or of another type is named, in every type of event, however deep it lies', () => {
  const isFree = (type: string, keys: readonly string[]) => type === 'training/skipped' && keys[0] === 'batch' && keys[1] === 'data'
  for (const [type, event] of examples())
    for (const keys of pathsOf(event)) {
      if (keys[0] === 'type' || isFree(type, keys)) continue
      const name = keys.join('.')
      const damaged = withValue(event, keys, new Date(0))
      assert.match(
        eventViolations(damaged, runEventSchemas).join('\n'),
        new RegExp(`^${type}: ${name.replaceAll('.', String.raw`\.`)}.*: expected .*, got `),
        name,
      )
      // What is gone from a list or a map with names of its own leaves a shorter one.
      const holder = keys.slice(0, -1).reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], event)
      const isOwn = Array.isArray(holder) || /bySource|byDomain|bitsPerByteByDomain|scores/i.test(keys.at(-2) ?? '')
      if (isOwn) continue
      assert.deepEqual(
        eventViolations(withValue(event, keys, undefined), runEventSchemas).map(
          (line) => /^(.*): expected .*, got nothing$/.exec(line)?.[1],
        ),
        [`${type}: ${name}`],
      )
    }
})

test('a report of a damaged log is refused with line, type, field, what was expected and what is there', () => {
  writeTestRun(folder)
  const file = path.join(folder, 'events.jsonl')
  const lines = readFileSync(file, 'utf8').split('\n')
  const at = (type: string) => lines.findIndex((line) => line.includes(`"type":"${type}"`))
  const [step, task] = [at('training/step'), at('evaluation/task')]
  lines[step] = lines[step].replace(/"lossNats":[^,]*/, '"lossNats":"low"')
  lines[task] = lines[task].replace(/"interval":[^\]]*\]/, '"interval":[0.5]')
  writeFileSync(file, lines.join('\n'))
  assert.throws(() => readRunFacts(folder), {
    name: 'UsageError',
    message: new RegExp(
      `events\\.jsonl: 2 things are wrong\\.\\n  - line ${step + 1}: training/step: lossNats: expected a number, got "low"\\n  - line ${task + 1}: evaluation/task: interval[^\\n]*: expected [^\\n]*\\nThe log was changed`,
    ),
  })
})
