import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDocument, totalBytes } from './document.ts'
import { splitHeldOut } from './held-out.ts'

const documents = (count: number, text = 'some words here') =>
  Array.from({ length: count }, (_, i) => makeDocument('prose', { id: `d${i}`, text: `${text} ${i}` }))

test('about the share is held out, whole documents, nothing lost, order kept', () => {
  const all = documents(1000)
  const { train, heldOut, note } = splitHeldOut(all, 1)
  const share = totalBytes(heldOut) / totalBytes(all)
  assert.ok(share >= 0.02 && share < 0.022, `${share}`)
  assert.equal(note, null)
  assert.deepEqual(
    all.filter((document) => train.includes(document)),
    train,
  )
  assert.equal(train.length + heldOut.length, 1000)
})

test('the choice depends on the seed and the ids, not on the order', () => {
  const all = documents(200)
  const ids = (seed: number, list: typeof all) =>
    splitHeldOut(list, seed)
      .heldOut.map(({ id }) => id)
      .toSorted()
  assert.deepEqual(ids(1, all), ids(1, all.toReversed()))
  assert.notDeepEqual(ids(1, all), ids(2, all))
})

test('every domain with several documents keeps one back', () => {
  assert.equal(splitHeldOut(documents(6), 1).heldOut.length, 1)
})

test('a source that decides for itself is obeyed', () => {
  const all = documents(50).map(({ domain, id, text }) => makeDocument(domain, { id, text, isHeldOut: id === 'd7' }))
  assert.deepEqual(
    splitHeldOut(all, 1).heldOut.map(({ id }) => id),
    ['d7'],
  )
})

test('a single document is cut at a paragraph, and the split says so', () => {
  const text = Array.from({ length: 200 }, (_, i) => `Paragraph number ${i}.`).join('\n\n')
  const { train, heldOut, note } = splitHeldOut([makeDocument('prose', { id: 'book', text })], 1)
  assert.equal(`${train[0].text}\n\n${heldOut[0].text}`, text)
  assert.match(heldOut[0].text, /^Paragraph/)
  assert.match(note!, /book.*paragraph boundary/)
  assert.equal(heldOut[0].id, 'book#end')
})

test('one huge document beside a tiny one: the tiny one is spared', () => {
  const huge = makeDocument('prose', { id: 'huge', text: 'word '.repeat(1000) })
  const tiny = makeDocument('prose', { id: 'tiny', text: 'a few words' })
  assert.deepEqual(splitHeldOut([huge, tiny], 1), { train: [huge], heldOut: [tiny], note: null })
})

test('a text of one line that cannot be cut is all trained on, and the split says so', () => {
  const { train, heldOut, note } = splitHeldOut([makeDocument('prose', { id: 'line', text: 'abc' })], 1)
  assert.deepEqual([train.length, heldOut.length], [1, 0])
  assert.match(note!, /nothing is held out/)
})

test('a share of zero holds nothing out', () => {
  assert.equal(splitHeldOut(documents(50), 1, 0).heldOut.length, 0)
})
