import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { prepareCorpus } from './data/index.ts'
import { prepareText, weighDomains } from './prepare-text.ts'
import { recipes } from './recipes.ts'
import { tokenizerTexts } from './tokenizer-sample.ts'

const corpus = await prepareCorpus({ set: 'vendored', seed: 1 })

test('domains take the recipe’s weights; absent built-in ones leave their share, others are mistakes', () => {
  const weighed = weighDomains(corpus, { prose: 3, code: 1, facts: 0, maths: 0, technical: 0, multilingual: 0 })
  assert.deepEqual(
    weighed.domains.map(({ name, weight }) => [name, weight]),
    [
      ['prose', 0.75],
      ['code', 0.25],
    ],
  )
  const withoutCode = { ...corpus, domains: corpus.domains.filter(({ name }) => name !== 'code') }
  const sum = weighDomains(withoutCode, { prose: 0.5, code: 0.5 }).domains.reduce((total, { weight }) => total + weight, 0)
  assert.ok(Math.abs(sum - 1) < 1e-12)
  assert.throws(() => weighDomains(corpus, { poetry: 1, drama: 2 }), /poetry[^]*drama[^]*The domains are prose/)
  const nothing = Object.fromEntries(corpus.domains.map(({ name }) => [name, 0]))
  assert.throws(() => weighDomains(corpus, nothing), /at least one domain above 0/)
})

test('the tokenizer learns from training documents only, from each domain its share', () => {
  const heldOut = new Set(corpus.domains.flatMap((domain) => domain.heldOut.map(({ text }) => text)))
  const texts = [...tokenizerTexts(corpus.domains, 100_000, 1)]
  assert.deepEqual(texts, [...tokenizerTexts(corpus.domains, 100_000, 1)])
  assert.ok(texts.every((text) => !heldOut.has(text)))
  for (const { name, weight, train } of corpus.domains) {
    const own = new Set(train.map(({ text }) => text))
    const bytes = texts.filter((text) => own.has(text)).reduce((total, text) => total + Buffer.byteLength(text), 0)
    const longest = Math.max(...train.map(({ utf8Bytes }) => utf8Bytes))
    assert.ok(
      bytes >=
        Math.min(
          100_000 * weight,
          train.reduce((total, { utf8Bytes }) => total + utf8Bytes, 0),
        ),
      name,
    )
    assert.ok(bytes < 100_000 * weight + longest, name)
  }
})

test('a text too small for one row is refused', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-text-'))
  writeFileSync(path.join(folder, 'few.txt'), 'A few words.\nAnd a few more.\n')
  const tiny = recipes.tiny()
  const recipe = { ...tiny, data: { ...tiny.data, set: 'none' as const, paths: [folder], weights: {} } }
  await assert.rejects(prepareText(recipe, {}), /data: expected at least one row of 66 tokens/)
  rmSync(folder, { recursive: true })
})
