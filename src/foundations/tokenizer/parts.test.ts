/** The containers and the pattern rewriter, each against the plain thing it stands for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { bytesInFileOrder, bytesOfSpelling, characterOfByte } from './byte-alphabet.ts'
import { PairTable } from './pair-table.ts'
import { PriorityQueue } from './priority-queue.ts'
import { compilePattern } from './regex-split.ts'
import { addedTokenFinder } from './special-tokens.ts'
import { WordTable } from './word-table.ts'

test('the byte alphabet spells all bytes, a space as Ġ', () => {
  assert.equal(new Set(characterOfByte).size, 256)
  assert.equal(characterOfByte[0x20], 'Ġ')
  assert.equal(characterOfByte[0x0a], 'Ċ')
  assert.equal(characterOfByte[0xad], 'Ń')
  assert.deepEqual(
    Array.from(bytesOfSpelling(characterOfByte.join(''))!),
    Array.from({ length: 256 }, (_, byte) => byte),
  )
  assert.equal(bytesOfSpelling('中'), undefined)
  assert.equal(bytesOfSpelling(' '), undefined)
  assert.equal(bytesInFileOrder[0], 0x21)
})

test('a pair table keeps what a map keeps', () => {
  const id = fc.integer({ min: 0, max: 40 })
  fc.assert(
    fc.property(fc.array(fc.tuple(id, id, fc.nat())), (entries) => {
      const table = new PairTable(1)
      const map = new Map(entries.map(([left, right, value]) => [`${left} ${right}`, value]))
      for (const [left, right, value] of entries) table.set(left, right, value)
      assert.equal(table.size, map.size)
      for (let left = 0; left <= 41; left++)
        for (let right = 0; right <= 41; right++) assert.equal(table.get(left, right), map.get(`${left} ${right}`) ?? -1)
    }),
  )
})

test('a word table numbers words in order of appearance, also after it was cleared', () => {
  const table = new WordTable()
  const words = Array.from({ length: 9000 }, (_, i) => `w${(i * 7919) % 6000}`)
  const text = words.join('')
  for (let round = 0; round < 2; round++) {
    const numberOf = new Map<string, number>()
    let start = 0
    for (const word of words) {
      if (!numberOf.has(word)) numberOf.set(word, numberOf.size)
      assert.equal(table.intern(text, start, start + word.length), numberOf.get(word))
      start += word.length
    }
    assert.equal(table.size, 6000)
    for (const [word, number] of numberOf) assert.equal(table.textOf(number), word)
    table.clear()
  }
})

test('a priority queue gives back smallest first, ties in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat(20)), { maxLength: 300 }), (entries) => {
      const queue = new PriorityQueue()
      for (const [key, tie] of entries) queue.push(key, tie)
      const popped: [number, number][] = []
      while (queue.pop()) popped.push([queue.key, queue.tie])
      assert.deepEqual(
        popped,
        entries.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
      )
    }),
  )
})

test('added tokens are found leftmost, longest, and those before normalizing first', () => {
  const token = (id: number, content: string, isNormalized = false) => ({ id, content, isNormalized, isSpecial: true })
  const find = addedTokenFinder([token(1, 'ab'), token(2, 'abcd'), token(3, 'bc'), token(4, '.*'), token(5, 'xab', true)])
  const cut = (text: string) => find(text).map(({ text, id }) => (id === undefined ? text : id))
  assert.deepEqual(cut('abcabcd'), [1, 'c', 2])
  assert.deepEqual(cut('zbcz'), ['z', 3, 'z'])
  assert.deepEqual(cut('a.*'), ['a', 4])
  assert.deepEqual(cut('xab'), ['x', 1], 'token 5 comes too late')
  assert.deepEqual(cut('abc'), [1, 'c'])
  assert.deepEqual(cut(''), [])
})

test('patterns keep their Oniguruma meaning', () => {
  const matches = (source: string, text: string) => {
    const compiled = compilePattern(source)
    assert.ok('pattern' in compiled, `${source}: ${'reason' in compiled ? compiled.reason : ''}`)
    return text.match(compiled.pattern)
  }
  assert.deepEqual(matches('\\s', '\u0085\ufeff'), ['\u0085'], 'white space is the Unicode property')
  assert.deepEqual(matches('.+', 'a\u2028b\nc'), ['a\u2028b', 'c'])
  assert.deepEqual(matches('\\d', '3٣x'), ['3', '٣'])
  assert.deepEqual(matches('\\p{Han}+', 'a中文'), ['中文'])
  assert.deepEqual(matches('\\p{^L}', 'a1'), ['1'])
  assert.deepEqual(matches('[\\p{L}\\-]+', 'a-b'), ['a-b'])
  assert.deepEqual(matches("\\'s|\\-", "it's-"), ["'s", '-'])
  assert.deepEqual(matches('(?i:ab)?c', 'ABc'), ['ABc'])
  assert.deepEqual(matches('\\x{4e2d}|\\x41', '中A'), ['中', 'A'])
})

test('patterns that cannot be kept are refused with the reason', () => {
  const refused: [source: string, reason: RegExp][] = [
    ['(a+)+', /repeated group/],
    ['(?:a|a)*b', /repeated group/],
    ['(ab){2,}', /repeated group/],
    ['a++', /possessive/],
    ['a{1,2}+', /possessive/],
    ['(?>a)', /group/],
    ['(?<name>a)', /group/],
    ['\\w', /escape/],
    ['(a)\\1', /escape/],
    ['a\\', /escape/],
    ['^a', /anchor/],
    ['[a[b]]', /class inside a class/],
    ['[a&&b]', /class inside a class/],
    ['[a', /./],
    ['\\p{Nonsense}', /./],
    ['a'.repeat(20_001), /at most/],
  ]
  for (const [source, reason] of refused) {
    const compiled = compilePattern(source)
    assert.ok('reason' in compiled, source)
    assert.match(compiled.reason, reason, source)
  }
})

test('any pattern is compiled or refused', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...'ab\\[](){}*+?|^$.,-&s1pLxN:=!<>i')), (parts) => {
      const compiled = compilePattern(parts.join(''))
      assert.ok('pattern' in compiled || compiled.reason.length > 0)
    }),
    { numRuns: 1000 },
  )
})
