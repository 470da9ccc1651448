import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { findDuplicates, nearThreshold, resemblance } from './duplicates.ts'

const words = (rng: Random, count: number) => Array.from({ length: count }, () => `w${rng.below(5000)}`)
const texts = (list: readonly (readonly string[])[]) => list.map((one) => ({ text: one.join(' ') }))

/** A copy in which every `stride`-th word is another one. */
const altered = (original: readonly string[], stride: number) => original.map((word, i) => (i % stride === stride - 1 ? `${word}x` : word))

test('an exact copy is found, and the first stays', () => {
  const { exact, near } = findDuplicates([{ text: 'one two' }, { text: 'three' }, { text: 'one two' }])
  assert.deepEqual([[...exact], [...near]], [[2], []])
})

test('copies above the threshold are found and texts below it kept, over many pairs', () => {
  const rng = Random.seeded(7).fork('near')
  let found = 0
  for (let trial = 0; trial < 100; trial++) {
    const original = words(rng, 400)
    const [a, b] = texts([original, altered(original, 100)])
    assert.ok(resemblance(a.text, b.text) >= nearThreshold)
    found += findDuplicates([a, b]).near.size
    const [c, d] = texts([original, altered(original, 10)])
    assert.ok(resemblance(c.text, d.text) < nearThreshold)
    assert.equal(findDuplicates([c, d]).near.size, 0)
  }
  assert.ok(found >= 99, `${found} of 100 found`)
})

test('case and punctuation do not hide a copy; the order of words does count', () => {
  assert.equal(resemblance('The whale, the sea and the ship!', 'the WHALE the sea; and the ship'), 1)
  assert.equal(resemblance('a b c d e f', 'f e d c b a'), 0)
})

test('Chinese and Japanese are compared character by character', () => {
  const text = '人人生而自由在尊严和权利上一律平等他们赋有理性和良心'
  assert.ok(resemblance(text, `${text}并`) > 0.9)
  assert.equal(resemblance(text, '世界人権宣言前文人類社会のすべての構成員'), 0)
})

test('texts without words and short texts are no copies of each other', () => {
  const { exact, near } = findDuplicates([{ text: '!!!' }, { text: '???' }, { text: 'one' }, { text: 'two' }])
  assert.equal(exact.size + near.size, 0)
})
