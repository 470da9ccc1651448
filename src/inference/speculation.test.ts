import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createModel, type Model, presets } from '../architecture/index.ts'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { accept, distribution, type Distribution, drawFrom } from './acceptance.ts'
import { Engine, generate, type GenerationSummary } from './generate.ts'
import type { GenerationOptions } from './generation-options.ts'
import { Sequence } from './sequence.ts'

const maxLength = 96
let machine: Machine
let tokenizer: Tokenizer
let model: Model
let engine: Engine

/** A model of 32 ids, and a module whose drafts are often right: its layer adds little to the token that it is shown. */
function modelFor(vocabSize: number): Model {
  const made = createModel(machine, { ...presets.tiny, vocabSize }, { withGradients: false, length: maxLength })
  initialize(made.parameters.set, 0.25, Random.seeded(1))
  return made
}

before(async () => {
  machine = await Machine.start({ threads: 1 })
  tokenizer = trainTokenizer(['a plain sentence stands behind another plain sentence. '.repeat(20)], { vocabSize: 300 })
  model = modelFor(300)
  engine = new Engine(model, tokenizer)
})
after(() => machine.close())

function run(ids: ArrayLike<number>, options: Partial<GenerationOptions>, sequence?: Sequence, from = engine) {
  const out: number[] = []
  const source = generate(from, ids, options, sequence)
  let next = source.next()
  for (; !next.done; next = source.next()) out.push(next.value.id)
  return { ids: out, summary: next.value satisfies GenerationSummary }
}

test('the likeliest tokens are the same with drafts and without, whatever the number of drafts', () => {
  const level = machine.heap.levelBytes
  let accepted = 0
  for (const text of ['a plain', 'sentence stands', 'behind']) {
    const prompt = tokenizer.encode(text)
    const plain = run(prompt, { temperature: 0, maxTokens: 60 })
    assert.equal(plain.summary.steps, plain.summary.decodedTokens)
    for (const speculate of [1, 2, 4]) {
      const drafted = run(prompt, { temperature: 0, maxTokens: 60, speculate })
      assert.deepEqual(drafted.ids, plain.ids, `${speculate} drafts`)
      const { steps, draftedTokens, acceptedTokens, tokens, finishReason } = drafted.summary
      assert.equal(finishReason, plain.summary.finishReason)
      assert.ok(draftedTokens <= speculate * steps && acceptedTokens <= draftedTokens)
      assert.ok(tokens - 1 <= steps + acceptedTokens)
      accepted += acceptedTokens
    }
  }
  assert.ok(accepted > 0, 'some drafts are kept')
  assert.equal(machine.heap.levelBytes, level)
})

test('drafts stop at the end of the context and of what was asked for', () => {
  const prompt = tokenizer.encode('a plain')
  const head = model.parameters.head_VD.data
  const kept = head.slice()
  head.fill(0)
  for (const speculate of [0, 1, 3]) {
    const full = run(prompt, { temperature: 0, maxTokens: 1000, speculate })
    assert.equal(full.summary.finishReason, 'context')
    assert.equal(full.ids.length, maxLength - prompt.length + 1)
    assert.equal(run(prompt, { temperature: 0, maxTokens: 7, speculate }).ids.length, 7)
  }
  head.set(kept)
})

test('a longer text that begins alike continues from what is cached, with drafts and without, and gives the same tokens', () => {
  const sequence = new Sequence(model)
  const text = Array.from(tokenizer.encode('a plain sentence'))
  for (const [turn, speculate] of [1, 0, 2, 0, 1].entries()) {
    const options = { temperature: 0, maxTokens: 9, speculate }
    const continued = run(text, options, sequence)
    assert.deepEqual(continued.ids, run(text, options).ids, `turn ${turn}`)
    const { prefilledTokens, promptTokens } = continued.summary
    if (turn === 0) assert.equal(prefilledTokens, promptTokens)
    else assert.ok(prefilledTokens < promptTokens, `turn ${turn}: ${prefilledTokens} of ${promptTokens}`)
    text.push(...continued.ids.filter((id) => id !== tokenizer.eosId), ...tokenizer.encode(' stands'))
  }
  // Another ending of the same beginning: what differs is forgotten.
  const other = [...text.slice(0, 12), ...tokenizer.encode('behind')]
  assert.deepEqual(
    run(other, { temperature: 0, maxTokens: 9, speculate: 2 }, sequence).ids,
    run(other, { temperature: 0, maxTokens: 9 }).ids,
  )
  sequence.free()
})

test('a model without a module cannot draft, and more drafts than rows are refused', () => {
  const plain = createModel(machine, { ...presets.tiny, vocabSize: 300, mtpDepth: 0 }, { withGradients: false, length: 32 })
  initialize(plain.parameters.set, 0.1, Random.seeded(1))
  const refused = (options: Partial<GenerationOptions>, pattern: RegExp, from: Engine) =>
    assert.throws(
      () => generate(from, [3], options),
      (error) => error instanceof UsageError && pattern.test(error.message),
    )
  const without = new Engine(plain, tokenizer)
  refused({ speculate: 1 }, /speculate: expected 0 for a model without a module of multi-token prediction, got 1/, without)
  refused({ speculate: 9 }, /speculate: expected a whole number, 0 to 8, got 9/, engine)
  const narrow = new Engine(model, tokenizer, 2)
  refused({ speculate: 2 }, /speculate: expected at most 1 for an engine of 2 rows/, narrow)
  assert.equal(run([3], { speculate: 1, maxTokens: 5 }, undefined, narrow).ids.length <= 5, true)
  for (const each of [without, narrow]) each.free()
})

/** Pearson's statistic of counts against probabilities; classes of fewer than five expected draws are one class. */
function chiSquare(counts: ArrayLike<number>, probabilities: ArrayLike<number>, total: number) {
  let statistic = 0
  let classes = 0
  let [restCount, restExpected] = [0, 0]
  const add = (count: number, expected: number) => {
    statistic += (count - expected) ** 2 / expected
    classes++
  }
  for (let i = 0; i < probabilities.length; i++) {
    const expected = probabilities[i] * total
    if (expected >= 5) add(counts[i], expected)
    else [restCount, restExpected] = [restCount + counts[i], restExpected + expected]
  }
  if (restExpected > 0) add(restCount, restExpected)
  return { statistic, freedom: classes - 1 }
}

/** Above this, one of a hundred thousand fair samples lies (Wilson and Hilferty's approximation). */
const threshold = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 4.26 * Math.sqrt(2 / (9 * freedom))) ** 3

test('the rule gives the model’s distribution whatever the proposal is', () => {
  const rng = Random.seeded(5)
  const normalised = (weights: number[]): Distribution => {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return Float64Array.from(weights, (weight) => weight / total)
  }
  const p = normalised([5, 1, 0, 3, 0.5, 2])
  const proposals = [p, normalised([1, 1, 1, 1, 1, 1]), normalised([0, 0, 9, 0, 1, 0]), normalised([9, 1, 1, 0, 0, 1])]
  for (const [index, q] of proposals.entries()) {
    const counts = new Float64Array(6)
    let accepted = 0
    const total = 20_000
    for (let n = 0; n < total; n++) {
      const verdict = accept(p, q, drawFrom(q, 1, rng), rng)
      counts[verdict.id]++
      if (verdict.isAccepted) accepted++
    }
    const { statistic, freedom } = chiSquare(counts, p, total)
    assert.equal(counts[2], 0, 'what the model excludes never comes out')
    assert.ok(statistic < threshold(freedom), `proposal ${index}: ${statistic} with ${freedom} degrees of freedom`)
    // Leviathan et al.: drafts are kept with probability sum of min(p, q).
    const expected = p.reduce((sum, value, i) => sum + Math.min(value, q[i]), 0)
    assert.ok(Math.abs(accepted / total - expected) < 0.02, `${accepted / total} against ${expected}`)
  }
})

test('sampled with drafts, the second and third token are distributed as the model says, filters included', () => {
  const prompt = tokenizer.encode('a')
  const samples = 1200
  // The prompt is the same: it is run once and taken over.
  const sequence = new Sequence(model)
  for (const options of [
    { temperature: 1.2, topK: 5, topP: 1, minP: 0 },
    { temperature: 1, topK: 0, topP: 0.5, minP: 0.05 },
  ]) {
    const counts = { plain: new Map<string, number>(), drafted: new Map<string, number>() }
    let accepted = 0
    let drafted = 0
    for (let seed = 0; seed < samples; seed++) {
      for (const [kind, speculate] of [
        ['plain', 0],
        ['drafted', 2],
      ] as const) {
        const result = run(prompt, { ...options, maxTokens: 3, speculate, seed: seed + (kind === 'plain' ? 0 : samples) }, sequence)
        const key = result.ids.join(' ')
        counts[kind].set(key, (counts[kind].get(key) ?? 0) + 1)
        accepted += result.summary.acceptedTokens
        drafted += result.summary.draftedTokens
      }
    }
    assert.ok(accepted > 0 && accepted < drafted, `${accepted} of ${drafted}: both kinds of verdict occur`)
    // Two samples of the same distribution: the sum over classes of (a - b)² / (a + b).
    let statistic = 0
    let classes = 0
    let [restPlain, restDrafted] = [0, 0]
    for (const key of new Set([...counts.plain.keys(), ...counts.drafted.keys()])) {
      const [a, b] = [counts.plain.get(key) ?? 0, counts.drafted.get(key) ?? 0]
      if (a + b < 10) [restPlain, restDrafted] = [restPlain + a, restDrafted + b]
      else [statistic, classes] = [statistic + (a - b) ** 2 / (a + b), classes + 1]
    }
    if (restPlain + restDrafted > 0)
      [statistic, classes] = [statistic + (restPlain - restDrafted) ** 2 / (restPlain + restDrafted), classes + 1]
    assert.ok(classes > 5)
    assert.ok(statistic < threshold(classes - 1), `${statistic} with ${classes - 1} degrees of freedom`)
  }
  sequence.free()
})

test('a distribution is the candidates’ share, and all on one id at temperature 0', () => {
  const logits = Float32Array.of(1, 3, 3, -2)
  assert.deepEqual([...distribution(logits, 4, { temperature: 0, topK: 0, topP: 1, minP: 0 })], [0, 1, 0, 0])
  const filtered = distribution(logits, 4, { temperature: 1, topK: 2, topP: 1, minP: 0 })
  assert.deepEqual([...filtered], [0, 0.5, 0.5, 0])
})
