import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { z } from 'zod'
import { UsageError } from './errors.ts'
import { counted, type EventSchemas, measured, record } from './event-schema.ts'
import { memoryLog, noLog, openRunLog, parseRunLog, readRunLog, teeLog, type EventSink } from './run-log.ts'

type StepEvent = { readonly type: 'training/step'; readonly step: number; readonly lossNats: number }
type NoteEvent = { readonly type: 'note'; readonly text: string }

const schemas = {
  'training/step': record<StepEvent>()({ type: z.literal('training/step'), step: counted, lossNats: measured }),
  note: record<NoteEvent>()({ type: z.literal('note'), text: z.string() }),
} satisfies EventSchemas<StepEvent | NoteEvent>

const readLog = (file: string) => readRunLog<StepEvent | NoteEvent>(file, schemas)
const parseLog = (text: string) => parseRunLog<StepEvent | NoteEvent>(text, schemas)
const stepsOf = (file: string) => readLog(file).map((event) => event.type === 'training/step' && event.step)

const folder = mkdtempSync(path.join(tmpdir(), 'strata-run-log-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = () => path.join(folder, `events-${files++}.jsonl`)

const step = (number: number): StepEvent => ({ type: 'training/step', step: number, lossNats: 1 / number })
const clock = () => 1000

test('what is appended is read back with its time, in order', () => {
  const file = fresh()
  using log = openRunLog<StepEvent | NoteEvent>(file, clock)
  log.append(step(1))
  log.append({ type: 'note', text: 'zwei\nZeilen "…"' })
  log.sync()
  assert.deepEqual(readLog(file), [
    { ...step(1), at: 1000 },
    { type: 'note', text: 'zwei\nZeilen "…"', at: 1000 },
  ])
  assert.equal(readFileSync(file, 'utf8').split('\n').length, 3)
})

test('a log that is opened again goes on where it ended', () => {
  const file = fresh()
  for (const number of [1, 2, 3]) {
    using log = openRunLog<StepEvent>(file)
    log.append(step(number))
  }
  assert.deepEqual(stepsOf(file), [1, 2, 3])
})

test('a torn last line is ignored when reading and cut off when opening, wherever it was torn', () => {
  const whole = `${JSON.stringify({ ...step(1), at: 1 })}\n`
  const torn = JSON.stringify({ type: 'note', text: 'ünterbrochen', at: 2 })
  const bytes = new TextEncoder().encode(torn)
  for (let length = 1; length <= bytes.length; length++) {
    const file = fresh()
    writeFileSync(file, whole)
    appendFileSync(file, bytes.subarray(0, length))
    assert.equal(readLog(file).length, 1)
    using log = openRunLog<StepEvent>(file)
    assert.equal(statSync(file).size, whole.length)
    log.append(step(2))
    assert.deepEqual(stepsOf(file), [1, 2])
  }
})

test('a long torn tail, such as the zeros a power cut leaves, is cut off too', () => {
  const file = fresh()
  writeFileSync(file, `${JSON.stringify({ ...step(1), at: 1 })}\n`)
  appendFileSync(file, new Uint8Array(300_000))
  openRunLog(file).close()
  assert.equal(readFileSync(file, 'utf8').length, JSON.stringify({ ...step(1), at: 1 }).length + 1)
  const onlyTorn = fresh()
  writeFileSync(onlyTorn, 'x'.repeat(200_000))
  openRunLog(onlyTorn).close()
  assert.equal(statSync(onlyTorn).size, 0)
})

test('values that JSON has not are kept: NaN, infinities, typed arrays', () => {
  const log = memoryLog<{ type: string; values: readonly number[] | Float32Array }>()
  log.append({ type: 'x', values: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] })
  log.append({ type: 'x', values: new Float32Array([1, Number.NaN]) })
  assert.deepEqual(
    log.events.map(({ values }) => values),
    [
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [1, Number.NaN],
    ],
  )
})

test('a broken line before the last one is an error with its number', () => {
  const good = JSON.stringify({ type: 'note', text: '', at: 1 })
  const expected = {
    '{"type":"note"':
      /line 2: expected a whole line, got one that is cut off after 14 characters, as a crash or a full disk leaves it\. Take it out/,
    '"note"}': /line 2: expected an event \(.*\), got "\\"note\\"\}"/,
    '[]': /line 2/,
    '{"at":1}': /got one without a type/,
    '{"type":"note","text":""}': /got one without a time/,
    '': /line 2: expected an event .*, got ""/,
    '{"type":"note","at":1}': /line 2: note: text: expected a text, got nothing/,
    '{"type":"nota","at":1}': /line 2: expected an event that this version of Strata writes, got the type "nota"\. Did you mean "note"\?/,
    '{"type":"training/step","step":-1,"lossNats":"2","at":1}':
      /2 things are wrong[^]*line 2: training\/step: step: expected at least 0, got -1[^]*line 2: training\/step: lossNats: expected a number, got "2"/,
    '{"type":"training/step","step":1,"lossNats":{"$number":"1"},"at":1}': /lossNats: expected a number, got an object/,
  }
  for (const [bad, message] of Object.entries(expected)) {
    assert.throws(() => parseLog(`${good}\n${bad}\n${good}\n`), message)
    const file = fresh()
    writeFileSync(file, `${good}\n${bad}\n`)
    assert.throws(() => readLog(file), { name: 'UsageError', message })
    assert.throws(() => readLog(file), /Put back a copy of it, or start a new run/)
  }
})

test('all broken lines are told at once, twenty of them in full', () => {
  const text = Array.from({ length: 25 }, (_, index) => `{"type":"note","text":${index},"at":1}\n`).join('')
  assert.throws(
    () => parseLog(text),
    (error: Error) => {
      assert.equal(error.message.match(/^ {2}- line \d+: note: text: expected a text, got \d+$/gm)?.length, 20)
      assert.match(error.message, /^run log: 25 things are wrong\.\n[^]* {2}- and 5 more\n/)
      return true
    },
  )
})

test('a file larger than one piece is read whole, and characters on the border survive', () => {
  const file = fresh()
  using log = openRunLog<NoteEvent>(file)
  const text = 'ä€😀'.repeat(5000)
  for (let i = 0; i < 60; i++) log.append({ type: 'note', text })
  const events = readLog(file)
  assert.equal(events.length, 60)
  assert.ok(events.every((event) => event.type === 'note' && event.text === text))
})

test('a missing log, a folder in its place and a missing folder are usage errors that make nothing', () => {
  const missing = path.join(folder, 'none', 'events.jsonl')
  assert.throws(() => readLog(missing), { name: 'UsageError', message: /expected a run log, got nothing/ })
  assert.throws(() => openRunLog(missing), UsageError)
  assert.throws(() => openRunLog(folder), UsageError)
  assert.throws(() => readLog(folder), UsageError)
  assert.equal(existsSync(missing), false)
})

test('a file that cannot grow is a usage error that leaves every earlier event whole', { skip: process.platform === 'win32' }, () => {
  const file = fresh()
  const program = `
    import { readFileSync } from 'node:fs'
    import { openRunLog } from ${JSON.stringify(new URL('run-log.ts', import.meta.url).href)}
    const log = openRunLog(process.argv[1])
    let written = 0
    try {
      for (;; written++) log.append({ type: 'note', text: 'x'.repeat(300) })
    } catch (error) {
      console.log(JSON.stringify({ name: error.name, written, read: readFileSync(process.argv[1], 'utf8').split('\\n').length - 1 }))
    }`
  const limited = ['-c', 'ulimit -f 4; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, program, file]
  const { stdout } = spawnSync('sh', limited, { encoding: 'utf8' })
  const { name, written, read } = JSON.parse(stdout) as { name: string; written: number; read: number }
  assert.equal(name, 'UsageError')
  assert.ok(written > 0)
  assert.equal(read, written)
  assert.ok(readFileSync(file, 'utf8').endsWith('}\n'))
})

test('an event after the end is a defect', () => {
  const log = openRunLog<NoteEvent>(fresh())
  log.close()
  log.close()
  assert.throws(() => log.append({ type: 'note', text: 'late' }), { name: 'InvariantError' })
})

test('one sink feeds several, and one for more events serves where fewer are asked for', () => {
  const both = memoryLog<StepEvent | NoteEvent>()
  const wanted: EventSink<StepEvent> = teeLog<StepEvent>(both, noLog)
  wanted.append(step(1))
  assert.equal(both.events.length, 1)
})

test('any text is read as events or is a usage error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.json(), { maxLength: 3 }).map((lines) => `${lines.join('\n')}\n`),
      ),
      (text) => {
        try {
          assert.ok(parseLog(text).every((event) => typeof event.type === 'string' && Number.isFinite(event.at)))
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error))
        }
      },
    ),
  )
})

test('any event of plain data comes back as it went in', () => {
  const plain = fc.record({
    type: fc.string({ minLength: 1 }),
    payload: fc.jsonValue(),
    number: fc.double(),
  })
  fc.assert(
    fc.property(plain, (event) => {
      const log = memoryLog<typeof event>(clock)
      log.append(event)
      const expected = JSON.parse(JSON.stringify(event)) as typeof event
      assert.deepEqual(log.events[0], { ...expected, number: Object.is(event.number, -0) ? 0 : event.number, at: 1000 })
    }),
  )
})
