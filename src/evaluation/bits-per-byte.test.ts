import assert from 'node:assert/strict'
import { gunzipSync, gzipSync } from 'node:zlib'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { createModel, type Model, presets, tokenLosses } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { makeDocument } from '../pretraining/index.ts'
import { chooseDocuments, scoreTexts } from './bits-per-byte.ts'
import { compressTexts } from './compressors.ts'

const words = ['the sea was calm', 'call me Ishmael', 'größer als nichts', '日本語の文', 'x = x + 1;\n', '🐋 ahoy ']
const textOf = (seed: number, count: number) => {
  const rng = Random.seeded(seed)
  return Array.from({ length: count }, () => words[rng.below(words.length)]).join(' ')
}

let machine: Machine
let model: Model
let tokenizer: Tokenizer
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  model = createModel(machine, presets.tiny, { withGradients: false })
  initialize(model.parameters.set, presets.tiny.initStd, Random.seeded(1))
  tokenizer = trainTokenizer([textOf(1, 400)], { vocabSize: 400 })
})
after(() => machine.close())

/** Nats of a text that fits one row, straight from the model. */
function natsOf(text: string): number {
  using _scope = machine.scope()
  const tokens_BS = Int32Array.of(tokenizer.eosId, ...tokenizer.encode(text))
  const length = tokens_BS.length - 1
  const losses = tokenLosses(model, { rows: 1, length, rowTokens: length + 1, tokens_BS })
  return losses.toArray().reduce((sum, loss) => sum + loss, 0)
}

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-4 * Math.abs(expected), `expected ${expected}, got ${actual}`)

test('short documents that share rows are scored as if each stood alone', async () => {
  const texts = Array.from({ length: 9 }, (_, i) => textOf(i + 10, 1 + (i % 4)))
  const nats = texts.reduce((sum, text) => sum + natsOf(text), 0)
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  for (const [rowLength, rows] of [
    [128, 2],
    [200, 1],
  ] as const) {
    const score = await scoreTexts(model, tokenizer, 'words', texts, { rowLength, rows, overlap: rowLength - 1 })
    assert.equal(score.utf8Bytes, bytes)
    assert.equal(
      score.tokens,
      texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0),
    )
    near(score.bitsPerByte, nats / Math.LN2 / bytes)
    near(score.lossNats * score.tokens, nats)
  }
})

test('every token of a text longer than its rows is scored once, whatever the rows and the overlap', async () => {
  const text = textOf(99, 120)
  const tokens = tokenizer.encode(text).length
  for (const [rowLength, overlap] of [
    [1, 0],
    [2, 1],
    [16, 0],
    [16, 15],
    [17, 4],
    [256, 64],
  ]) {
    const score = await scoreTexts(model, tokenizer, 'words', [text, 'end'], { rowLength, rows: 3, overlap })
    assert.equal(score.tokens, tokens + tokenizer.encode('end').length, `rows of ${rowLength}, overlap ${overlap}`)
    assert.ok(score.bitsPerByte > 0 && score.plusMinus > 0)
  }
})

test('nothing to score is said', async () => {
  await assert.rejects(scoreTexts(model, tokenizer, 'prose', [], { rowLength: 16, rows: 1 }), /evaluation of prose: expected held-out text/)
})

test('documents are chosen alike every time, up to the bytes and cut at a line or a character', () => {
  const documents = Array.from({ length: 20 }, (_, i) =>
    makeDocument('words', { id: String(i), text: `${textOf(i, 30)}\n${textOf(i, 9)}` }),
  )
  for (const bytes of [1, 7, 100, 1000, 3001]) {
    const chosen = chooseDocuments(documents, bytes, 5)
    assert.deepEqual(chooseDocuments(documents, bytes, 5), chosen)
    assert.ok(Buffer.byteLength(chosen.join('')) <= bytes)
    for (const text of chosen) {
      assert.ok(documents.some((document) => document.text.startsWith(text)))
      assert.ok(text.isWellFormed())
    }
  }
  const all = documents.reduce((sum, { utf8Bytes }) => sum + utf8Bytes, 0)
  assert.equal(Buffer.byteLength(chooseDocuments(documents, all, 5).join('')), all)
})

test('compressors are given the same bytes', () => {
  const texts = [textOf(1, 50), textOf(2, 70)]
  const input = Buffer.from(texts.join(''))
  const packed = gzipSync(input, { level: 9 })
  assert.deepEqual(gunzipSync(packed), input)
  const { gzip, xz } = compressTexts(texts)
  near(gzip, (8 * packed.length) / input.length)
  assert.ok(xz === null || (xz > 0 && xz < 8))
})
