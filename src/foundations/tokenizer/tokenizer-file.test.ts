import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { Tokenizer } from './tokenizer.ts'
import { trainTokenizer } from './train.ts'

const json = trainTokenizer(['the cat sat on the mat with the other cat'], { vocabSize: 290 }).toJson()

// oxlint-disable-next-line typescript/no-explicit-any -- Files are broken here on purpose.
type LooseFile = any

/** The message for the file after `change`. */
function messageFor(change: (file: LooseFile) => void): string {
  const file = JSON.parse(json)
  change(file)
  try {
    Tokenizer.fromJson(JSON.stringify(file), 'my.json')
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    assert.match(error.message, /^my\.json: /)
    return error.message
  }
  return 'accepted'
}

test('a file that was written is read, and written again the same', () => {
  assert.equal(Tokenizer.fromJson(json).toJson(), json)
})

test('each kind of damage is named', () => {
  const damages: [change: (file: LooseFile) => void, expected: RegExp][] = [
    [(file) => delete file.model, /model: /],
    [(file) => (file.model.type = 'Unigram'), /model\.type: .*"BPE"/],
    [(file) => (file.model.dropout = 0.1), /model\.dropout/],
    [(file) => (file.model.ignore_merges = true), /model\.ignore_merges/],
    [(file) => (file.model.end_of_word_suffix = '</w>'), /model\.end_of_word_suffix/],
    [(file) => (file.model.vocab = ['a']), /model\.vocab: expected an object/],
    [(file) => (file.normalizer = { type: 'NFC' }), /normalizer/],
    [(file) => (file.decoder = null), /decoder/],
    [(file) => (file.pre_tokenizer = null), /pre_tokenizer/],
    [(file) => (file.pre_tokenizer.pretokenizers[0].behavior = 'Removed'), /pretokenizers\.0\.behavior: .*Isolated/],
    [(file) => file.pre_tokenizer.pretokenizers.pop(), /pretokenizers\.2: expected ByteLevel as the last step/],
    [(file) => (file.pre_tokenizer.pretokenizers[3].add_prefix_space = true), /pretokenizers\.3\.add_prefix_space: /],
    [(file) => (file.pre_tokenizer.pretokenizers[0].pattern.Regex = '(a+)+b'), /pretokenizers\.0: cannot be used: a repeated group/],
    [(file) => (file.pre_tokenizer.pretokenizers[0].pattern.Regex = '['), /pretokenizers\.0: cannot be used/],
    [(file) => (file.added_tokens[0].lstrip = true), /added_tokens\.0\.lstrip/],
    [(file) => (file.added_tokens[0].content = ''), /added_tokens\.0\.content/],
    [(file) => (file.added_tokens[0].id = -1), /added_tokens\.0\.id/],
    [(file) => (file.added_tokens[5].id = 2 ** 40), /added_tokens\.5\.id/],
    [(file) => (file.added_tokens[5].id = 900_000), /added_tokens\.5: expected an id from 0 to \d+ \(ids have no gaps\), got 900000/],
    [(file) => (file.added_tokens[4].content = file.added_tokens[3].content), /added_tokens\.4: .*is there twice/],
    [(file) => (file.added_tokens[4].content = 'x\ud800'), /added_tokens\.4: half a surrogate pair/],
    [(file) => (file.added_tokens[4].id = 3), /id 3 is also the id of/],
    [(file) => (file.added_tokens[0].id = 1), /has id 1 here and 0 in model\.vocab/],
    [(file) => file.added_tokens.splice(1, 1), /expected <｜end▁of▁sentence｜>, got none/],
    [(file) => (file.model.vocab['!'] = 1.5), /model\.vocab "!": expected an id/],
    [(file) => (file.model.vocab['!'] = '3'), /model\.vocab "!": expected an id from 0 to \d+ \(ids have no gaps\), got "3"/],
    [(file) => (file.model.vocab['中'] = 290), /model\.vocab "中": expected characters that stand for bytes/],
    [(file) => (file.model.vocab[''] = 290), /model\.vocab "": expected characters/],
    [(file) => delete file.model.vocab['!'], /expected tokens for all 256 bytes, got none for 33/],
    [(file) => file.model.merges.push('zz'), /model\.merges\.\d+: expected "left right"/],
    [(file) => file.model.merges.push(['a', 3]), /model\.merges\.\d+: expected "left right"/],
    [(file) => file.model.merges.push('a b c'), /model\.merges\.\d+: expected "left right"/],
    [(file) => file.model.merges.push('q z'), /model\.merges\.\d+: "qz" is not an ordinary token/],
    [(file) => file.model.merges.push(file.model.merges[0]), /model\.merges\.\d+: the pair .* is there twice/],
  ]
  for (const [change, expected] of damages) assert.match(messageFor(change), expected, String(change))
})

test('a merge cannot make a special token', () => {
  const message = messageFor((file) => {
    const id = Tokenizer.fromJson(json).vocabSize
    file.added_tokens.push({ id, content: 'qz', special: true })
    file.model.vocab.qz = id
    file.model.merges.push('q z')
  })
  assert.match(message, /"qz" is not an ordinary token/)
})

test('everything that is wrong is said at once, a long list in short', () => {
  const message = messageFor((file) => {
    file.model.merges.push('q z', 'a')
    delete file.model.vocab['!']
    file.pre_tokenizer.pretokenizers[1].pattern.Regex = '('
  })
  for (const part of [/"qz"/, /expected "left right"/, /256 bytes/, /pretokenizers\.1/]) assert.match(message, part)

  const long = messageFor((file) => (file.model.merges = Array.from({ length: 5000 }, () => 'nonsense')))
  assert.match(long, /and 4980 more/)
  assert.ok(long.length < 4000)
})

test('a file cut off anywhere is a clear error', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: json.length - 1 }), (length) => {
      assert.throws(
        () => Tokenizer.fromJson(json.slice(0, length)),
        (error) => error instanceof UsageError && /expected JSON/.test(error.message),
      )
    }),
    { numRuns: 100 },
  )
})

test('an oversized file is refused before it is parsed', () => {
  assert.throws(() => Tokenizer.fromJson(' '.repeat(64 * 2 ** 20 + 1)), /at most 67108864 characters/)
})

test('any JSON is either read or refused with a UsageError', () => {
  const paths = [
    'added_tokens',
    'normalizer',
    'pre_tokenizer',
    'decoder',
    'model',
    'model.vocab',
    'model.merges',
    'pre_tokenizer.pretokenizers',
    'added_tokens.0',
    'added_tokens.0.id',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const message = messageFor((file) => {
        const keys = path.split('.')
        const last = keys.pop()!
        let parent = file
        for (const key of keys) parent = parent[key]
        parent[last] = value
      })
      assert.ok(message.length > 0)
    }),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.throws(() => Tokenizer.fromJson(text), UsageError)
    }),
  )
})

test('names of object members that mean something to JavaScript are tokens like any other', () => {
  const tokens = ['__proto__', 'constructor', '10', '2']
  const file = JSON.parse(json)
  const trailing = file.added_tokens.splice(3)
  let nextId = Object.keys(file.model.vocab).length
  const vocab = JSON.stringify(file.model.vocab).slice(0, -1)
  const spelled = ['__', '__p', '__pr', '__pro', '__prot', '__proto', '__proto_', '__proto__'].map(
    (token) => `${JSON.stringify(token)}:${nextId++}`,
  )
  file.model.merges.push('_ _', '__ p', '__p r', '__pr o', '__pro t', '__prot o', '__proto _', '__proto_ _')
  for (const token of trailing) file.added_tokens.push({ ...token, id: nextId++ })
  file.model.vocab = '@'
  const text = JSON.stringify(file).replace('"@"', `${vocab},${spelled.join(',')}}`)
  const tokenizer = Tokenizer.fromJson(text)
  assert.notEqual(tokenizer.idOf(tokens[0]), undefined)
  const again = Tokenizer.fromJson(tokenizer.toJson())
  for (const token of tokens) {
    assert.equal(again.idOf(token), tokenizer.idOf(token))
    assert.equal(again.decode(again.encode(token)), token)
  }
})
