import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { byName, counted, type EventSchemas, eventViolations, list, measured, record } from './event-schema.ts'

interface Note {
  readonly type: 'note'
  readonly kind: 'plain' | 'loud'
  readonly words: readonly string[]
  readonly countOf: Readonly<Record<string, number>>
  readonly seconds: number | null
}

const note = record<Note>()({
  type: z.literal('note'),
  kind: z.enum(['plain', 'loud']),
  words: list(z.string()),
  countOf: byName(counted),
  seconds: measured.nullable(),
})
const schemas = { note } satisfies EventSchemas<Note>
const good: Note = { type: 'note', kind: 'loud', words: ['a'], countOf: { a: 1 }, seconds: Number.NaN }

test('an event as its type says has no violations, and further fields do no harm', () => {
  assert.deepEqual(eventViolations(good, schemas), [])
  assert.deepEqual(eventViolations({ ...good, seconds: null, at: 3 } as Note, schemas), [])
})

test('every field that is not as its type says is named, with what was expected and what is there', () => {
  const bad = { type: 'note', kind: 'quiet', words: ['a', 2], countOf: { a: 1.5, b: -1 }, seconds: '1' }
  assert.deepEqual(eventViolations(bad, schemas), [
    'note: kind: expected "plain" or "loud", got "quiet"',
    'note: words.1: expected a text, got 2',
    'note: countOf.a: expected a whole number, got 1.5',
    'note: countOf.b: expected at least 0, got -1',
    'note: seconds: expected a number, got "1"',
  ])
  assert.deepEqual(eventViolations({ type: 'note' }, schemas).length, 4)
})

test('a type of event that nobody declared is said to be none, even one that every object has', () => {
  for (const type of ['nope', 'constructor', '__proto__'])
    assert.match(eventViolations({ type }, schemas).join(), /^expected an event that this version of Strata writes, got the type/)
})

test('the compiler refuses a schema that is not its type’s', () => {
  const { kind, words, countOf, seconds } = {
    kind: z.enum(['plain', 'loud']),
    words: list(z.string()),
    countOf: byName(counted),
    seconds: measured.nullable(),
  }
  const type = z.literal('note')
  // @ts-expect-error a field is missing
  record<Note>()({ type, kind, words, countOf })
  // @ts-expect-error a field too many
  record<Note>()({ type, kind, words, countOf, seconds, more: counted })
  // @ts-expect-error of another type
  record<Note>()({ type, kind, words: z.string(), countOf, seconds })
  // @ts-expect-error narrower: a word that the type allows would be refused
  record<Note>()({ type, kind: z.enum(['plain']), words, countOf, seconds })
  // @ts-expect-error narrower: null would be refused
  record<Note>()({ type, kind, words, countOf, seconds: measured })
  // @ts-expect-error wider: null would be let through
  record<Note>()({ type, kind, words, countOf: byName(counted.nullable()), seconds })
  // @ts-expect-error a type of event without a schema
  void ({ note } satisfies EventSchemas<Note | { readonly type: 'other' }>)
})
