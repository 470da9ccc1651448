import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { utf8Length } from './document.ts'
import { cleanText, dropRepeatedLines, hasLongLine, stripLicenceHeader } from './hygiene.ts'

test('a text has one spelling: composed characters, plain line ends, no control characters', () => {
  assert.equal(cleanText('\ufeffCafe\u0301  \r\nbar\u0000\rbaz\u2028qux\n\n\n\nend\n\n'), 'Café\nbar\nbaz\nqux\n\nend')
  assert.equal(cleanText('\tindented\n  kept'), '\tindented\n  kept')
})

test('cleaning a clean text changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = cleanText(text)
      assert.equal(cleanText(once), once)
    }),
  )
})

test('a million blanks are cleaned in one go', () => {
  const blanks = ' '.repeat(1_000_000)
  assert.equal(cleanText(`${blanks}x${blanks}`).length, 1_000_001)
})

test('bytes are counted as an encoder writes them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(utf8Length(text), new TextEncoder().encode(text).length)
    }),
  )
  assert.equal(utf8Length('a\ud800b'), new TextEncoder().encode('a\ud800b').length)
})

test('a licence in front of code goes, other comments stay', () => {
  assert.equal(stripLicenceHeader('/*! Copyright (c) Someone */\n\n// Licensed under MIT\nlet a'), 'let a')
  assert.equal(stripLicenceHeader('/** Adds. */\nlet a'), '/** Adds. */\nlet a')
  assert.equal(stripLicenceHeader('let a // copyright'), 'let a // copyright')
})

test('a long line is found wherever it stands', () => {
  const long = 'x'.repeat(1001)
  assert.equal(hasLongLine(`a\n${long}`), true)
  assert.equal(hasLongLine(`${long}\na`), true)
  assert.equal(hasLongLine(`a\n${long.slice(1)}\nb`), false)
})

test('a comment is kept twice, a statement always, and an emptied comment goes', () => {
  const file = (id: string) => ({ id, text: `/**\n * The same sentence in every file.\n */\nconst sameStatement = computeIt(1)` })
  const [first, second, third] = dropRepeatedLines([file('a'), file('b'), file('c')])
  assert.equal(first.text, file('a').text)
  assert.equal(second.text, file('b').text)
  assert.equal(third.text, 'const sameStatement = computeIt(1)')
})
