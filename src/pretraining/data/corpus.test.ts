import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { UsageError } from '../../base/errors.ts'
import { defaultCacheFolder, writeWhole } from './cache.ts'
import { prepareCorpus } from './corpus.ts'
import type { DataEvent } from './events.ts'
import { fimOptions } from './fill-in-the-middle.ts'
import { Mixture } from './mixture.ts'
import { domainWeights } from './sources.ts'
import { tokenizeCorpus, type CorpusTokenizer } from './tokenize.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-corpus-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** One token a byte: all that these tests need of a tokenizer, and a real one. */
const byteTokenizer: CorpusTokenizer = {
  encode: (text) => Uint32Array.from(new TextEncoder().encode(text), (byte) => byte + 3),
  toJson: () => 'bytes',
  vocabSize: 259,
  bosId: 0,
  eosId: 1,
}

const vendored = await prepareCorpus({ set: 'vendored', seed: 1 })

test('the vendored corpus has every domain of the default mixture, clean and with unique ids', () => {
  assert.deepEqual(vendored.domains.map(({ name }) => name).toSorted(), Object.keys(domainWeights).toSorted())
  const documents = vendored.domains.flatMap(({ train, heldOut }) => [...train, ...heldOut])
  assert.equal(new Set(documents.map(({ id }) => id)).size, documents.length)
  assert.ok(documents.every(({ text, utf8Bytes }) => utf8Bytes === new TextEncoder().encode(text).length && text === text.normalize('NFC')))
  assert.ok(vendored.domains.every(({ train, heldOut }) => train.length > 0 && heldOut.length > 0))
  assert.ok(Math.abs(vendored.domains.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-12)
  assert.equal(vendored.fallback, null)
  const vendorFolder = new URL('../../../vendor/', import.meta.url)
  const bytes = readdirSync(vendorFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + readFileSync(path.join(entry.parentPath, entry.name)).length, 0)
  assert.ok(bytes < 900_000, `${bytes} bytes are vendored`)
})

test('the same seed gives the same corpus', async () => {
  assert.deepEqual(await prepareCorpus({ set: 'vendored', seed: 1 }), vendored)
})

/** A folder of the user's with two domains, one three times the size of the other, and a copy. */
function ownFolder(): string {
  const own = path.join(folder, 'own')
  const words = (count: number, tag: string) => Array.from({ length: count }, (_, i) => `${tag}${i}`).join(' ')
  const files = {
    'logs/a.txt': words(300, 'log'),
    'logs/b.txt': words(300, 'line'),
    'logs/c.txt': words(300, 'row'),
    'notes/d.md': words(300, 'note'),
    'notes/e.md': words(300, 'log'),
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(own, file)), { recursive: true })
    writeFileSync(path.join(own, file), text)
  }
  return own
}

test('own text alone is weighed by its size; copies are left out and told', async () => {
  const events: DataEvent[] = []
  const corpus = await prepareCorpus({ paths: [ownFolder()], seed: 1, onEvent: (event) => events.push(event) })
  assert.deepEqual(
    corpus.domains.map(({ name }) => name),
    ['logs', 'notes'],
  )
  assert.ok(corpus.domains[0].weight > corpus.domains[1].weight)
  assert.equal(corpus.statistics.exactCopies, 1)
  assert.ok(events.some((event) => event.type === 'data-deduplicated' && event.exactCopies === 1))
  assert.ok(events.some((event) => event.type === 'data-split' && event.domain === 'notes' && event.note.includes('held out')))
})

test('own text beside a set takes half of the rows', async () => {
  const { domains } = await prepareCorpus({ set: 'vendored', paths: [ownFolder()], seed: 1 })
  const own = domains.filter(({ name }) => name === 'logs' || name === 'notes').reduce((sum, { weight }) => sum + weight, 0)
  assert.ok(Math.abs(own - 0.5) < 1e-12)
})

test('weights can be chosen; unknown domains and impossible values are refused, all at once', async () => {
  const { domains } = await prepareCorpus({
    set: 'vendored',
    seed: 1,
    weights: { prose: 1, code: 0, facts: 1, technical: 0, maths: 0, multilingual: 0 },
  })
  assert.deepEqual(
    domains.map(({ name, weight }) => [name, weight]),
    [
      ['prose', 0.5],
      ['facts', 0.5],
    ],
  )
  await assert.rejects(
    prepareCorpus({ set: 'vendored', seed: 1, weights: { poems: 1, songs: 1 } }),
    /2 things are wrong[^]*poems[^]*songs[^]*The domains are prose/,
  )
  await assert.rejects(
    prepareCorpus({ set: 'vendored', seed: 1, weights: { prose: -1, code: Number.NaN }, heldOutShare: 2 }),
    /3 things are wrong/,
  )
})

test('nothing to train on is an error', async () => {
  await assert.rejects(prepareCorpus({ set: 'none', seed: 1 }), UsageError)
})

test('tokens: every document, each closed by end-of-text; kept on disk for this text and this tokenizer', () => {
  const cacheFolder = path.join(folder, 'cache')
  const events: DataEvent[] = []
  const first = tokenizeCorpus(vendored, byteTokenizer, { cacheFolder, onEvent: (event) => events.push(event) })
  for (const [index, { train }] of vendored.domains.entries()) {
    const { ids, offsets } = first.domains[index].train
    assert.ok(ids instanceof Uint16Array)
    assert.equal(offsets.length, train.length + 1)
    for (const [i, { text }] of train.entries()) {
      const document = ids.subarray(offsets[i], offsets[i + 1])
      assert.equal(document.at(-1), 1)
      assert.equal(document.length, new TextEncoder().encode(text).length + 1)
    }
  }
  const second = tokenizeCorpus(vendored, byteTokenizer, { cacheFolder, onEvent: (event) => events.push(event) })
  assert.deepEqual(second, first)
  const cached = events.map((event) => event.type === 'data-tokenized' && event.isCached)
  assert.deepEqual([cached.slice(0, 6), cached.slice(6)], [Array(6).fill(false), Array(6).fill(true)])

  const other = tokenizeCorpus(vendored, { ...byteTokenizer, toJson: () => 'others' }, { cacheFolder })
  assert.notEqual(other.fingerprint, first.fingerprint)
})

test('a damaged token cache is made again', () => {
  const cacheFolder = path.join(folder, 'damaged')
  const first = tokenizeCorpus(vendored, byteTokenizer, { cacheFolder })
  const file = path.join(cacheFolder, 'tokens', readdirSync(path.join(cacheFolder, 'tokens'))[0])
  const good = readFileSync(file)
  const outOfRange = Buffer.from(good)
  outOfRange.fill(0xff, outOfRange.length - 2)
  for (const bad of [good.subarray(0, -1), Buffer.from('{}'), Buffer.from(''), Buffer.from(`${'x'.repeat(70_000)}\n`), outOfRange]) {
    writeFileSync(file, bad)
    assert.deepEqual(tokenizeCorpus(vendored, byteTokenizer, { cacheFolder }), first)
  }
})

test('a large vocabulary takes four bytes an id', () => {
  const large = { ...byteTokenizer, vocabSize: 100_000 }
  assert.ok(tokenizeCorpus(vendored, large).domains[0].train.ids instanceof Uint32Array)
})

test('a corpus can be trained on: rows of the vendored text decode to it', () => {
  const tokens = tokenizeCorpus(vendored, byteTokenizer)
  const mixture = new Mixture(tokens, { seed: 1 })
  const { tokens_BS, domainOfRow_B, rowTokens } = mixture.nextBatch(8, 200)
  for (const [row, domain] of domainOfRow_B.entries()) {
    const ids = [...tokens_BS.subarray(row * rowTokens, (row + 1) * rowTokens)]
    const end = ids.indexOf(1)
    const text = new TextDecoder().decode(Uint8Array.from(ids.slice(4, end < 0 ? -4 : end), (id) => id - 3)).replaceAll('\ufffd', '')
    const { train } = vendored.domains.find(({ name }) => name === mixture.domainNames[domain])!
    assert.ok(train.some((document) => document.text.includes(text)))
  }
})

test('fill-in-the-middle asks the tokenizer for V3’s tokens', () => {
  const ids = new Map([
    ['<｜fim▁begin｜>', 5],
    ['<｜fim▁hole｜>', 6],
    ['<｜fim▁end｜>', 7],
  ])
  assert.deepEqual(fimOptions({ idOf: (token) => ids.get(token) }), { rate: 0.1, beginId: 5, holeId: 6, endId: 7 })
  assert.throws(() => fimOptions({ idOf: () => undefined }), UsageError)
})

test('the cache folder is STRATA_CACHE or the system’s', () => {
  assert.equal(defaultCacheFolder({ STRATA_CACHE: '/some/where' }), path.resolve('/some/where'))
  assert.match(defaultCacheFolder({}), /strata$/)
})

test('a failed write leaves nothing behind', () => {
  const target = path.join(folder, 'half')
  mkdirSync(target)
  const parts = (function* () {
    yield 'half'
    throw new Error('stopped')
  })()
  assert.throws(() => writeWhole(path.join(target, 'file'), parts), UsageError)
  assert.deepEqual(readdirSync(target), [])
})
