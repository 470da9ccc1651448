import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { leadingTokens, trailingTokens } from './special-tokens.ts'
import { type TokenizerProgress, trainTokenizer } from './train.ts'
import { v3Split } from './v3-split.ts'

const fixedCount = leadingTokens.length + 256 + trailingTokens.length

/** The plain twin: counts all pairs anew for each merge, on lists of strings of bytes. */
function slowMerges(texts: readonly string[], mergeCount: number): string[] {
  const utf8 = new TextEncoder()
  const ids = new Map<string, number>()
  const order = trainTokenizer([], { vocabSize: fixedCount })
  const nameOf = (id: number) => String.fromCharCode(...order.bytesOf(id))
  for (let id = leadingTokens.length; id < leadingTokens.length + 256; id++) ids.set(nameOf(id), id)
  const words = texts.flatMap((text) => {
    const endOfPiece = v3Split(1)(text)
    const found: string[][] = []
    for (let start = 0, end = 0; start < text.length; start = end) {
      end = endOfPiece(start)
      found.push(Array.from(utf8.encode(text.slice(start, end)), (byte) => String.fromCharCode(byte)))
    }
    return found
  })
  const learned: string[] = []
  while (learned.length < mergeCount) {
    const counts = new Map<string, { left: string; right: string; count: number }>()
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = `${ids.get(word[i])} ${ids.get(word[i + 1])}`
        const entry = counts.get(key) ?? { left: word[i], right: word[i + 1], count: 0 }
        counts.set(key, { ...entry, count: entry.count + 1 })
      }
    }
    const [best] = [...counts.values()]
      .filter(({ left, right, count }) => count >= 2 && !ids.has(left + right))
      .sort((a, b) => b.count - a.count || ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!)
    if (!best) break
    ids.set(best.left + best.right, leadingTokens.length + 256 + learned.length)
    learned.push(best.left + best.right)
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++)
        if (word[i] === best.left && word[i + 1] === best.right) word.splice(i, 2, best.left + best.right)
    }
  }
  return learned
}

function mergedTokens(texts: readonly string[], vocabSize: number): string[] {
  const tokenizer = trainTokenizer(texts, { vocabSize })
  const first = leadingTokens.length + 256
  return Array.from({ length: tokenizer.vocabSize - fixedCount }, (_, i) => String.fromCharCode(...tokenizer.bytesOf(first + i)))
}

test('merges equal those of a trainer that counts everything anew', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'aa', 'ab', ' ', '\n', 'aaaa', 'é', '中', '1', '!'), { maxLength: 60 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), (texts) => {
      assert.deepEqual(mergedTokens(texts, fixedCount + 12), slowMerges(texts, 12))
    }),
    { numRuns: 200 },
  )
})

test('every token has one id', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'ab', 'aab', ' ', ' b'), { minLength: 50, maxLength: 300 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, (text) => {
      const merged = mergedTokens([text], fixedCount + 100)
      assert.equal(new Set(merged).size, merged.length)
    }),
    { numRuns: 60 },
  )
})

test('the layout of ids is that of the released file', () => {
  const tokenizer = trainTokenizer(['aaab aaab'], { vocabSize: 300 })
  assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.padId], [0, 1, 2])
  assert.equal(tokenizer.idOf('!'), 3)
  assert.equal(tokenizer.decode([3 + 255]), '\ufffd', 'the last byte token is 0xAD, not UTF-8 by itself')
  trailingTokens.forEach((token, i) => assert.equal(tokenizer.idOf(token), tokenizer.vocabSize - trailingTokens.length + i))
})

test('texts without a pair that occurs twice give bytes and special tokens only', () => {
  for (const texts of [[], [''], ['', ''], ['x'], ['abc']]) {
    const tokenizer = trainTokenizer(texts, { vocabSize: 4096 })
    assert.equal(tokenizer.vocabSize, fixedCount)
    assert.equal(tokenizer.decode(tokenizer.encode('any text at all: 中 👋')), 'any text at all: 中 👋')
  }
})

test('the vocabulary is never larger than asked for, and as large when the text allows', () => {
  const text = Array.from(
    { length: 2000 },
    (_, i) => `word${String.fromCharCode(97 + (i % 26))}${String.fromCharCode(97 + ((i * 7) % 26))}`,
  ).join(' ')
  for (const vocabSize of [fixedCount, fixedCount + 1, 300, 330]) assert.equal(trainTokenizer([text], { vocabSize }).vocabSize, vocabSize)
})

test('the order of texts and where they are cut between words does not matter', () => {
  const words = 'the cat sat on the mat and then the other cat sat on that mat too'.split(' ').map((word) => ` ${word}`)
  const whole = trainTokenizer([words.join('')], { vocabSize: 330 }).toJson()
  fc.assert(
    fc.property(fc.shuffledSubarray(words, { minLength: words.length }), fc.integer({ min: 0, max: words.length }), (shuffled, cut) => {
      const texts = [shuffled.slice(0, cut).join(''), shuffled.slice(cut).join('')]
      assert.equal(trainTokenizer(texts, { vocabSize: 330 }).toJson(), whole)
    }),
    { numRuns: 30 },
  )
})

test('halves of surrogate pairs train like replacement characters', () => {
  const broken = trainTokenizer(['\ud800\ud800 \ud800\ud800'], { vocabSize: 300 })
  assert.equal(broken.toJson(), trainTokenizer(['\ufffd\ufffd \ufffd\ufffd'], { vocabSize: 300 }).toJson())
})

test('one word of a million bytes is trained on without delay', () => {
  const tokenizer = trainTokenizer(['abcdefghij'.repeat(100_000)], { vocabSize: 320 })
  assert.ok(tokenizer.encode('abcdefghij'.repeat(64)).length <= 2)
})

test('progress reports words, then merges', () => {
  const reports: TokenizerProgress[] = []
  const text = Array.from({ length: 3000 }, (_, i) => `w${i.toString(26)}`).join(' ')
  trainTokenizer([text, text], { vocabSize: 450, onProgress: (report) => reports.push(report) })
  assert.deepEqual(
    reports.map(({ stage }) => stage),
    ['words', 'words', 'merges', 'merges', 'merges'],
  )
  assert.deepEqual(reports.at(-1), { stage: 'merges', doneCount: 450 - fixedCount, totalCount: 450 - fixedCount })
})

test('a vocabulary without room for bytes and special tokens is refused', () => {
  for (const vocabSize of [0, 275, 300.5, Number.NaN, 2 ** 21]) {
    assert.throws(
      () => trainTokenizer(['a'], { vocabSize }),
      (error) => error instanceof UsageError && error.message.includes('from 276'),
    )
  }
})
