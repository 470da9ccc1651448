import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createModel, type Model, presets } from '../architecture/index.ts'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { decodeBenchmark } from './decode-benchmark.ts'
import { Engine, generate, type GeneratedPiece, type GenerationSummary } from './generate.ts'
import type { GenerationOptions } from './generation-options.ts'

const corpus = ['Eine Stimme über den Dächern, 日本語のテキスト, and a plain sentence behind it. '.repeat(20)]
let machine: Machine
let tokenizer: Tokenizer
let model: Model
let engine: Engine

before(async () => {
  machine = await Machine.start({ threads: 2 })
  tokenizer = trainTokenizer(corpus, { vocabSize: 400 })
  model = createModel(machine, { ...presets.tiny, mtpDepth: 0 }, { withGradients: false, length: 64 })
  // Far from even distributions, so that a fault in the filters would show.
  initialize(model.parameters.set, 0.4, Random.seeded(1))
  engine = new Engine(model, tokenizer)
})
after(() => machine.close())

function collect(ids: ArrayLike<number>, options: Partial<GenerationOptions>): { pieces: GeneratedPiece[]; summary: GenerationSummary } {
  const pieces: GeneratedPiece[] = []
  const source = generate(engine, ids, options)
  let next = source.next()
  for (; !next.done; next = source.next()) pieces.push(next.value)
  return { pieces, summary: next.value }
}

const textOf = (pieces: readonly GeneratedPiece[]) => pieces.map(({ text }) => text).join('')

test('the same seed gives the same tokens, another seed others, and the heap is as before', () => {
  const level = machine.heap.levelBytes
  const run = (seed: number) => collect(tokenizer.encode('and a'), { seed, maxTokens: 30 }).pieces.map(({ id }) => id)
  assert.deepEqual(run(7), run(7))
  assert.notDeepEqual(run(7), run(8))
  assert.equal(machine.heap.levelBytes, level)
})

test('text as it comes, joined, is what decoding all ids at once gives; ids stay inside the vocabulary', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { pieces, summary } = collect(tokenizer.encode('日'), { seed, maxTokens: 40, temperature: 1.5 })
    const ids = pieces.map(({ id }) => id).filter((id) => id !== tokenizer.eosId)
    assert.equal(textOf(pieces), tokenizer.decode(ids))
    assert.ok(ids.every((id) => id < tokenizer.vocabSize))
    assert.equal(summary.tokens, pieces.length)
    assert.equal(summary.decodedTokens, pieces.length - 1)
  }
})

test('a stop string ends the text before it, wherever the tokens are cut', () => {
  const ids = tokenizer.encode('and')
  const options = { seed: 3, maxTokens: 30 }
  const whole = textOf(collect(ids, options).pieces)
  const stop = whole.slice(9, 14)
  const { pieces, summary } = collect(ids, { ...options, stop: ['never there', stop] })
  assert.equal(summary.finishReason, 'stop')
  assert.equal(textOf(pieces), whole.slice(0, whole.indexOf(stop)))
})

test('generation ends with the reason that it ended for', () => {
  const ids = tokenizer.encode('and a plain')
  assert.equal(collect(ids, { maxTokens: 4, temperature: 0 }).summary.finishReason, 'length')
  const { data } = model.parameters.head_VD
  const head = data.slice()
  const change = (to: () => void) => {
    to()
    engine.decoder.weights.refresh()
  }
  change(() => data.fill(0))
  // All tokens are equally likely now: greedy takes token 0 until the context is full, draws come upon the end of text.
  const full = collect(ids, { maxTokens: 1000, temperature: 0 })
  assert.notEqual(tokenizer.eosId, 0)
  assert.equal(full.summary.finishReason, 'context')
  assert.equal(full.pieces.length, 64 - ids.length + 1)
  const seeds = Array.from({ length: 60 }, (_, seed) => collect(ids, { seed, maxTokens: 40 }))
  const ended = seeds.filter(({ summary }) => summary.finishReason === 'eos')
  assert.ok(ended.length > 0)
  for (const { pieces } of ended) {
    assert.equal(
      pieces.findIndex(({ id }) => id === tokenizer.eosId),
      pieces.length - 1,
    )
    assert.equal(textOf(pieces), tokenizer.decode(pieces.slice(0, -1).map(({ id }) => id)))
  }
  change(() => void (data[0] = Number.NaN))
  const level = machine.heap.levelBytes
  assert.throws(() => collect(ids, {}), /logits: expected finite numbers, got NaN\. The weights of this model are damaged/)
  assert.equal(machine.heap.levelBytes, level)
  change(() => data.set(head))
})

test('a prompt that fills the context gives one token; a longer one, an empty one and unknown ids are refused', () => {
  const ids = (count: number) => Int32Array.from({ length: count }, (_, i) => i % 9)
  const { pieces, summary } = collect(ids(64), { temperature: 0, maxTokens: 9 })
  assert.equal(pieces.length, 1)
  assert.ok(summary.finishReason === 'context' || summary.finishReason === 'eos')
  const refused = (given: ArrayLike<number>, pattern: RegExp) =>
    assert.throws(
      () => generate(engine, given),
      (error) => error instanceof UsageError && pattern.test(error.message),
    )
  refused(ids(65), /prompt: expected at most 64 tokens, the model's longest context, got 65/)
  refused([], /prompt: expected at least one token/)
  refused([3, tokenizer.vocabSize], /token ids from 0 to \d+, got \d+ at place 1/)
  refused([-1], /got -1/)
})

test('a reader that leaves early gives the cache back', () => {
  const level = machine.heap.levelBytes
  for (const piece of generate(engine, tokenizer.encode('a'), { maxTokens: 20 })) if (piece.id >= 0) break
  assert.equal(machine.heap.levelBytes, level)
})

test('the benchmark counts every weight that a token reads, and verifies what it times', () => {
  const level = machine.heap.levelBytes
  const { bytesPerToken, error, gbs, tokensPerSecond } = decodeBenchmark(machine, presets.tiny, 20, 0.05)
  const { keyValueRank: C, ropeWidth: R, layerCount: L } = presets.tiny
  assert.ok(error < 1e-4, `${error}`)
  assert.ok(bytesPerToken > 4 * 21 * (C + R) * L)
  assert.ok(Math.abs(gbs - (tokensPerSecond * bytesPerToken) / 1e9) < 1e-9)
  assert.equal(machine.heap.levelBytes, level)
})
