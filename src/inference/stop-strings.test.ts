import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { StopFilter } from './stop-strings.ts'

/** What comes out of a filter for pieces. */
function filtered(stops: readonly string[], pieces: readonly string[]): { text: string; isStopped: boolean } {
  const filter = new StopFilter(stops)
  let text = ''
  for (const piece of pieces) {
    const passed = filter.push(piece)
    text += passed.text
    if (passed.isStopped) return { text, isStopped: true }
  }
  return { text: text + filter.end(), isStopped: false }
}

test('a stop string across pieces ends the text before it', () => {
  assert.deepEqual(filtered(['</end>'], ['one <', '/e', 'nd', '> two']), { text: 'one ', isStopped: true })
  assert.deepEqual(filtered(['</end>'], ['one <', '/e', 'x']), { text: 'one </ex', isStopped: false })
  assert.deepEqual(filtered(['aab'], ['aa', 'ab']), { text: 'a', isStopped: true })
})

test('only what may begin a stop string waits', () => {
  const filter = new StopFilter(['stop'])
  assert.deepEqual(filter.push('a s'), { text: 'a ', isStopped: false })
  assert.deepEqual(filter.push('ta'), { text: 'sta', isStopped: false })
  assert.equal(filter.end(), '')
})

test('the stop string that is complete first ends the text', () => {
  assert.deepEqual(filtered(['abcd', 'c'], ['abcd']), { text: 'ab', isStopped: true })
  assert.deepEqual(filtered(['bc', 'abc'], ['xabc']), { text: 'x', isStopped: true })
})

test('the result does not depend on where the pieces are cut', () => {
  const letters = fc.constantFrom('a', 'b', 'é')
  const word = fc.array(letters, { maxLength: 12 }).map((list) => list.join(''))
  const stop = fc.array(letters, { minLength: 1, maxLength: 4 }).map((list) => list.join(''))
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), fc.array(stop, { maxLength: 3 }), (pieces, stops) => {
      const whole = filtered(stops, [pieces.join('')])
      assert.deepEqual(filtered(stops, pieces), whole)
      assert.deepEqual(filtered(stops, [...pieces.join('')]), whole)
      for (const text of stops) assert.ok(!whole.text.includes(text))
    }),
  )
})
