import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { type CheckpointState, formatState, readState } from './checkpoint-state.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'strata-state-'))
after(() => rmSync(folder, { recursive: true }))
const file = path.join(folder, 'state.json')

/** Reads what a file of these bytes says; undefined when it is refused in the house's way. */
function read(contents: string | Uint8Array): CheckpointState | undefined {
  writeFileSync(file, contents)
  try {
    return readState(file)
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    return undefined
  }
}

// What JSON keeps as it is: no negative zero, no key that means a prototype.
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const key = fc.string().filter((name) => name !== '__proto__')
const state: fc.Arbitrary<CheckpointState> = fc.record(
  {
    stage: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
    step: count,
    tokens: count,
    random: fc.array(fc.record({ path: fc.string(), draws: count }, { noNullPrototype: true })),
    data: fc.dictionary(key, fc.oneof(number, fc.string(), fc.constant(null)), { noNullPrototype: true }),
    schedule: fc.dictionary(key, number, { noNullPrototype: true }),
    recipeHash: fc.string(),
    dataHash: fc.string(),
  },
  { noNullPrototype: true },
)

test('every state that is written is read as it was', () => {
  fc.assert(fc.property(state, (given) => assert.deepEqual(read(formatState(given)), given)))
})

test('whatever else is in the file is refused with a message, never taken for a state', () => {
  const valid = formatState({ stage: 'a', step: 1, tokens: 2, random: [], data: null, schedule: {}, recipeHash: '', dataHash: '' })
  fc.assert(fc.property(fc.json(), (text) => assert.equal(read(text), undefined)))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => assert.equal(read(bytes), undefined)))
  // Cut anywhere before its last brace.
  fc.assert(fc.property(fc.nat({ max: valid.length - 3 }), (length) => assert.equal(read(valid.slice(0, length)), undefined)))
})

test('everything that is wrong is said at once', () => {
  writeFileSync(file, JSON.stringify({ version: 2, stage: '../up', step: -1, surplus: true }))
  assert.throws(() => readState(file), /version: [^]*stage: [^]*step: [^]*dataHash: [^]*surplus/)
})
