/**
 * The run log: typed events, appended and never changed. Everything that a report, a progress line or a resumed run knows
 * about a run, it knows from here; no layer knows who reads.
 *
 * A floor declares its own union of events and asks for an `EventSink` of it; an application opens one log for all:
 *
 *   type TrainingEvent = { type: 'training/step'; step: number; lossNats: number } | …
 *   function train(…, sink: EventSink<TrainingEvent>)
 *   train(…, openRunLog<TrainingEvent | DataEvent>('runs/first/events.jsonl'))
 *
 * On disk it is one JSON document a line. An event is one write, so a crash can tear only the last line, and a torn line
 * is dropped when the log is opened again. JSON has no NaN and no infinity, and those are the very values that a log of
 * training must not lose: they are written as {"$number":"NaN"}.
 *
 * What is read is checked, line by line, by the schemas of the events (event-schema.ts): a report of a damaged log would be
 * wrong without saying so.
 */
import { InvariantError, mostViolations, rejectViolations, UsageError, usageError } from './errors.ts'
import { type EventSchemas, eventViolations } from './event-schema.ts'
import { node } from './platform.ts'
import { shownValue } from './schema-violations.ts'

/** What every event has. `type` is "<floor or stage>/<what happened>". */
export interface RunEvent {
  readonly type: string
}

/** An event as it stands in a log. */
export type Logged<E extends RunEvent> = E & {
  /** When it was appended, in seconds since 1970. */
  readonly at: number
}

/** What library code takes: a place to append to. */
export interface EventSink<E extends RunEvent> {
  readonly append: (event: E) => void
}

/** A log in a file. */
export interface RunLog<E extends RunEvent> extends EventSink<E> {
  /** Waits until everything appended so far is on the disk: for checkpoints. */
  readonly sync: () => void
  readonly close: () => void
  readonly [Symbol.dispose]: () => void
}

/** Sink that forgets: for callers that do not keep a log. */
export const noLog: EventSink<RunEvent> = { append: () => {} }

/** A log in memory, for tests and browsers. Events go through the file's text form, so what a file would lose is lost here too. */
export function memoryLog<E extends RunEvent>(clock = seconds): EventSink<E> & { readonly events: readonly Logged<E>[] } {
  const events: Logged<E>[] = []
  return { events, append: (event) => void events.push(decode(encode(event, clock())) as Logged<E>) }
}

/** One sink that appends to several: the file and the progress line. */
export function teeLog<E extends RunEvent>(...sinks: readonly EventSink<E>[]): EventSink<E> {
  return { append: (event) => sinks.forEach((sink) => sink.append(event)) }
}

/**
 * Opens a log for appending and makes its file if there is none. A torn last line is cut off first.
 *
 * @param file  path of events.jsonl; its folder exists
 * @param clock seconds since 1970
 * @throws UsageError when the file cannot be opened or written, or the disk is full; what was there before stays whole
 */
export function openRunLog<E extends RunEvent>(file: string, clock = seconds): RunLog<E> {
  const { fs } = node()
  const handle = attempt(file, 'a file that can be written', () => fs.openSync(file, 'a+'))
  let end = attempt(file, 'a file that can be read', () => endOfLastLine(handle, fs.fstatSync(handle).size))
  attempt(file, 'a file that can be written', () => fs.ftruncateSync(handle, end))
  let isOpen = true

  const append = (event: E) => {
    if (!isOpen) throw new InvariantError(`${file}: expected an open log, got an event after it was closed`)
    const bytes = new TextEncoder().encode(`${encode(event, clock())}\n`)
    try {
      for (let written = 0; written < bytes.length;) written += fs.writeSync(handle, bytes, written)
    } catch (cause) {
      isOpen = cutOff(handle, end)
      throw writeError(file, cause)
    }
    end += bytes.length
  }
  const sync = () => attempt(file, 'a disk that keeps what is written', () => fs.fsyncSync(handle))
  const close = () => {
    if (isOpen) fs.closeSync(handle)
    isOpen = false
  }
  return { append, sync, close, [Symbol.dispose]: close }
}

/**
 * All events of a log. A torn last line is left out.
 *
 * The text of a run of a million steps is a few hundred megabytes; the file is read in pieces and never held whole.
 *
 * @param file    path of events.jsonl
 * @param schemas of every event that may be there
 * @throws UsageError when the file is missing, and naming every line that is not one of these events
 */
export function readRunLog<E extends RunEvent>(file: string, schemas: EventSchemas<E>): Logged<E>[] {
  const { fs } = node()
  const handle = attempt(file, 'a run log', () => fs.openSync(file, 'r'))
  try {
    const parser = lineParser<E>(file, schemas)
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const chunk = new Uint8Array(1 << 20)
    for (;;) {
      const count = attempt(file, 'a run log', () => fs.readSync(handle, chunk, 0, chunk.length, null))
      if (count === 0) return parser.end()
      parser.take(decoder.decode(chunk.subarray(0, count), { stream: true }))
    }
  } finally {
    fs.closeSync(handle)
  }
}

/** Whether the last line of a log is cut off, as a crash leaves it: `readRunLog` leaves such a line out. */
export function isTornLog(file: string): boolean {
  const { fs } = node()
  const handle = attempt(file, 'a run log', () => fs.openSync(file, 'r'))
  try {
    const { size } = fs.fstatSync(handle)
    return size > 0 && endOfLastLine(handle, size) < size
  } finally {
    fs.closeSync(handle)
  }
}

/** All events in the text of a log, for browsers; as `readRunLog`. */
export function parseRunLog<E extends RunEvent>(text: string, schemas: EventSchemas<E>, subject = 'run log'): Logged<E>[] {
  const parser = lineParser<E>(subject, schemas)
  parser.take(text)
  return parser.end()
}

/** Takes pieces of text; at the end gives the events whose lines they completed, or says what is wrong with all of them. */
function lineParser<E extends RunEvent>(subject: string, schemas: EventSchemas<E>) {
  const events: Logged<E>[] = []
  const violations: string[] = []
  let violationCount = 0
  let rest = ''
  let line = 0
  const reject = (found: readonly string[]) => {
    violationCount += found.length
    const room = mostViolations - violations.length
    violations.push(...found.slice(0, room).map((violation) => `line ${line}: ${violation}`))
  }
  const takeLine = (text: string) => {
    line++
    const event = decode(text)
    if (typeof event === 'string') return reject([event])
    const found = eventViolations(event, schemas)
    if (found.length > 0) reject(found)
    else events.push(event as Logged<E>)
  }
  return {
    take: (piece: string) => {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      for (const text of lines) takeLine(text)
    },
    end: () => {
      rejectViolations(subject, violations, damageHint, violationCount)
      return events
    },
  }
}

const damageHint =
  'The log was changed by something else, or written by another version of Strata. Put back a copy of it, or start a new run under another name.'

const seconds = () => Date.now() / 1000

function encode(event: RunEvent, at: number): string {
  return JSON.stringify({ ...event, at }, (_key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) }
    return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value
  })
}

/** The event of a line, or what is wrong with the line. */
function decode(text: string): Logged<RunEvent> | string {
  const wrong = (got: string) => `expected an event ({"type":"…",…,"at":seconds}), got ${got}`
  let value: unknown
  try {
    value = JSON.parse(text, (_key, inner: unknown) => {
      const word = typeof inner === 'object' && inner !== null && '$number' in inner ? inner.$number : undefined
      return isNumberWord(word) ? Number(word) : inner
    })
  } catch {
    return /^\{.*[^}]$/s.test(text)
      ? `expected a whole line, got one that is cut off after ${text.length} characters, as a crash or a full disk leaves it. Take it out`
      : wrong(shownValue(text))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(shownValue(text))
  const { type, at } = value as Partial<Logged<RunEvent>>
  if (typeof type !== 'string' || type === '') return wrong('one without a type')
  if (typeof at !== 'number' || !Number.isFinite(at)) return wrong('one without a time')
  return value as Logged<RunEvent>
}

const isNumberWord = (word: unknown) => word === 'NaN' || word === 'Infinity' || word === '-Infinity'

/** Offset behind the last line feed of a file of `size` bytes. */
function endOfLastLine(handle: number, size: number): number {
  const chunk = new Uint8Array(Math.min(size, 1 << 16))
  for (let stop = size; stop > 0;) {
    const start = Math.max(0, stop - chunk.length)
    const count = node().fs.readSync(handle, chunk, 0, stop - start, start)
    const newline = chunk.subarray(0, count).lastIndexOf(10)
    if (newline >= 0) return start + newline + 1
    stop = start
  }
  return 0
}

/** → whether the file ends at `end` again. If not, nothing may follow: the torn line must stay the last one. */
function cutOff(handle: number, end: number): boolean {
  try {
    node().fs.ftruncateSync(handle, end)
    return true
  } catch {
    return false
  }
}

function attempt<T>(file: string, expected: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw usageError(file, expected, code === 'ENOENT' ? 'nothing' : code, 'Check the path and its permissions.', cause)
  }
}

function writeError(file: string, cause: unknown): UsageError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return usageError(file, 'room for one more event', 'a full disk', 'Free some space; the log is whole up to here.', cause)
  return usageError(file, 'a file that can be written', code ?? String(cause), 'The log is whole up to here.', cause)
}
