import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeDocument } from '../pretraining/data/index.ts'
import { findContamination } from './contamination.ts'
import type { TaskItem } from './tasks/item.ts'

const item = (id: string, context: string, answer = ''): TaskItem => ({
  id,
  task: 'own',
  context,
  choices: [' something else altogether', answer],
  answerIndex: 1,
})
const documents = (...texts: string[]) => texts.map((text, id) => makeDocument('own', { id: `document-${id}`, text }))
const check = (items: readonly TaskItem[], ...texts: string[]) => findContamination(items, documents(...texts))[0]

const sentence = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen'

test('thirteen words in a row make an item contaminated, whatever their case and punctuation; twelve do not', () => {
  const found = check(
    [item('a', sentence)],
    'nothing here',
    'Well: "TWO, three; four – five. Six seven\neight nine (ten) eleven… twelve thirteen FOURTEEN" no',
  )
  assert.deepEqual(found, {
    task: 'own',
    n: 1,
    contaminated: 1,
    whole: 0,
    unchecked: 0,
    gramWords: [13, 5],
    examples: [{ item: 'a', document: 'document-1' }],
  })
  assert.equal(check([item('a', sentence)], 'two three four five six seven eight nine ten eleven twelve thirteen but').contaminated, 0)
  assert.equal(check([item('a', sentence)], `before ${sentence} behind`).whole, 1)
})

test('words do not count across documents', () => {
  const words = sentence.split(' ')
  assert.equal(check([item('a', sentence)], words.slice(0, 12).join(' '), words.slice(12).join(' ')).contaminated, 0)
})

test('a short item counts as a whole with its answer, and one of four words is not checked', () => {
  const short = item('sum', '926 * 95 =', ' 87970')
  assert.equal(check([short], 'Q: 926 * 95 = 87970\n\n').contaminated, 1)
  assert.equal(check([short], 'Q: 926 * 95 = 87971').contaminated, 0)
  assert.equal(check([short], '926 + 95 = 87970').contaminated, 0)
  assert.deepEqual([check([item('b', 'the sea was', ' calm')], 'the sea was calm').unchecked], [1])
})

test('what it finds is what looking word by word finds', () => {
  const word = fc.constantFrom('a', 'b', 'ü', '7', 'C')
  const text = fc.array(word, { maxLength: 40 })
  const plainly = (words: readonly string[], texts: readonly (readonly string[])[]) => {
    const size = Math.min(13, words.length)
    const joined = texts.map((one) => ` ${one.join(' ')} `)
    return Array.from({ length: words.length - size + 1 }, (_, from) => ` ${words.slice(from, from + size).join(' ')} `).some((gram) =>
      joined.some((one) => one.includes(gram)),
    )
  }
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 4 }),
      fc.array(fc.array(word, { minLength: 5, maxLength: 30 }), { minLength: 1 }),
      (texts, asked) => {
        const items = asked.map((words, id) => item(`${id}`, words.join(', ')))
        const found = check(items, ...texts.map((words) => words.join('\n')))
        assert.equal(found.contaminated, asked.filter((words) => plainly(words, texts)).length)
      },
    ),
  )
})
