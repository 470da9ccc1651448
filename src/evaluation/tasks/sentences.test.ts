import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeDocument } from '../../pretraining/data/index.ts'
import { heldOutSentences, sentencesBefore } from './sentences.ts'

const sentencesOf = (...texts: string[]) =>
  heldOutSentences([{ name: 'own', weight: 1, train: [], heldOut: texts.map((text, id) => makeDocument('own', { id: `${id}`, text })) }])

const prose =
  'The ship was in the harbour of the town. Mr. Brown and his men had been on it for a week.\nThey were tired of the sea, and of the wind! ' +
  'In 1851 there were 12 of them. Was it not the end of the voyage?'

test('sentences of prose are found, those with figures are not, and titles do not end one', () => {
  assert.deepEqual(
    sentencesOf(prose).map(({ index, text }) => [index, text]),
    [
      [0, 'The ship was in the harbour of the town.'],
      [1, 'Mr. Brown and his men had been on it for a week.'],
      [2, 'They were tired of the sea, and of the wind!'],
      [4, 'Was it not the end of the voyage?'],
    ],
  )
})

test('code, lists and other languages have none', () => {
  const german = 'Das Schiff lag im Hafen der Stadt. Die Leute waren seit einer Woche an Bord gewesen und hatten genug davon.'
  const code =
    'const a = 1;\nif (a) return;\n// The value of it is what was in the list.\nfunction f() {\n  return { a, b: [1, 2, 3] }\n}\n'.repeat(3)
  const entries = 'stone (noun): a lump of hard matter\nrock (noun): material of the earth'
  assert.deepEqual(sentencesOf(german, code, entries), [])
})

test('what stands before a sentence ends at a gap, at the document and at the most words', () => {
  const sentences = sentencesOf(prose, prose)
  assert.equal(sentencesBefore(sentences, 0, 100), '')
  assert.equal(
    sentencesBefore(sentences, 2, 100),
    'The ship was in the harbour of the town. Mr. Brown and his men had been on it for a week.',
  )
  assert.equal(sentencesBefore(sentences, 2, 12), 'Mr. Brown and his men had been on it for a week.')
  assert.equal(sentencesBefore(sentences, 3, 100), '', 'the sentence with figures is a gap')
  assert.equal(sentencesBefore(sentences, 4, 100), '', 'another document')
})

test('any text is read without harm, and every sentence is part of it', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('The men of the ship were in it. ', 'A. ', '\n', ' the ', '.', '"', '’'),
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('')
      const plain = text.replace(/\s+/g, ' ')
      for (const sentence of sentencesOf(text)) assert.ok(plain.includes(sentence.text))
    }),
  )
})
