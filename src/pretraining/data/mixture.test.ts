import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { rearrange } from './fill-in-the-middle.ts'
import type { TrainingBatch } from '../batch-source.ts'
import { Mixture, type MixtureOptions } from './mixture.ts'
import type { TokenizedCorpus, TokenizedDocuments } from './tokenize.ts'

const eosId = 1

/** Documents of the given lengths (end-of-text included) whose other ids are all different, counted from `first`. */
function documents(lengths: readonly number[], first: number): TokenizedDocuments {
  const ids: number[] = []
  for (const length of lengths) {
    for (let i = 0; i < length - 1; i++) ids.push(first + ids.length)
    ids.push(eosId)
  }
  const offsets = Uint32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b))])
  return { ids: Uint32Array.from(ids), offsets }
}

const none: TokenizedDocuments = { ids: new Uint32Array(0), offsets: new Uint32Array(1) }

function corpus(
  domains: readonly { readonly name: string; readonly weight: number; readonly lengths: readonly number[] }[],
): TokenizedCorpus {
  return {
    fingerprint: domains.map(({ name, lengths }) => `${name}:${lengths.join(',')}`).join(' '),
    vocabSize: 1_000_000,
    eosId,
    domains: domains.map(({ name, weight, lengths }, i) => ({ name, weight, train: documents(lengths, 100_000 * (i + 1)), heldOut: none })),
  }
}

const two = corpus([
  { name: 'a', weight: 0.75, lengths: [5, 40, 7, 120, 1, 9] },
  { name: 'b', weight: 0.25, lengths: [30, 30] },
])

const rowsOf = ({ rows, rowTokens, tokens_BS }: TrainingBatch) =>
  Array.from({ length: rows }, (_, row) => [...tokens_BS.subarray(row * rowTokens, (row + 1) * rowTokens)])

test('in one epoch every token is an input once and the next token of its predecessor', () => {
  const one = corpus([{ name: 'a', weight: 1, lengths: [5, 40, 7, 120, 1, 9] }])
  const mixture = new Mixture(one, { seed: 1, stretchTokens: 16 })
  const rows = rowsOf(mixture.nextBatch(26, 7))
  const inputs = rows.flatMap((row) => row.slice(0, 7))
  const targets = rows.flatMap((row) => row.slice(1))
  assert.deepEqual(inputs.toSorted(), [...one.domains[0].train.ids].map(Number).toSorted())
  assert.deepEqual(targets.slice(0, -1), inputs.slice(1))
})

test('documents stay in one piece up to the stretch, and end with the end-of-text token', () => {
  const mixture = new Mixture(two, { seed: 1, stretchTokens: 64 })
  const [row] = rowsOf(mixture.nextBatch(1, 400))
  for (let i = 1; i < row.length; i++) {
    const isNewPiece = row[i] !== row[i - 1] + 1 && row[i] !== eosId
    if (isNewPiece && row[i - 1] !== eosId) assert.equal((row[i - 1] - 100_000 - 52 + 1) % 64, 0, `position ${i}: ${row[i - 1]}, ${row[i]}`)
  }
})

test('documentStart_BS names the first position of the piece in the row', () => {
  const mixture = new Mixture(two, { seed: 3, stretchTokens: Infinity, extra: 2 })
  const { rows, rowTokens, tokens_BS, documentStart_BS } = mixture.nextBatch(6, 50)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < rowTokens; i++) {
      const isFirst = i === 0 || tokens_BS[row * rowTokens + i - 1] === eosId
      const expected = isFirst ? i : documentStart_BS[row * rowTokens + i - 1]
      assert.equal(documentStart_BS[row * rowTokens + i], expected)
    }
  }
})

test('extra tokens look ahead and are read again by the next row', () => {
  const one = corpus([{ name: 'a', weight: 1, lengths: [500] }])
  const rows = rowsOf(new Mixture(one, { seed: 1, extra: 3 }).nextBatch(2, 20))
  assert.equal(rows[0].length, 24)
  assert.deepEqual(rows[0].slice(20), rows[1].slice(0, 4))
})

test('domains are drawn by weight, each row from one domain', () => {
  const mixture = new Mixture(two, { seed: 5 })
  const { domainOfRow_B, tokens_BS, rowTokens } = mixture.nextBatch(4000, 3)
  const ofA = domainOfRow_B.filter((domain) => mixture.domainNames[domain] === 'a').length
  // Five standard errors of a share of 0.75 in 4,000 draws.
  assert.ok(Math.abs(ofA / 4000 - 0.75) < 5 * Math.sqrt((0.75 * 0.25) / 4000))
  for (const [row, domain] of domainOfRow_B.entries()) {
    const words = tokens_BS.subarray(row * rowTokens, (row + 1) * rowTokens).filter((id) => id !== eosId)
    assert.ok(words.every((id) => Math.floor(id / 100_000) === domain + 1))
  }
})

test('a domain’s rows do not depend on how often others are drawn', () => {
  const rowsOfA = (weight: number) => {
    const mixture = new Mixture(
      { ...two, domains: two.domains.map((domain) => ({ ...domain, weight: domain.name === 'a' ? weight : 1 })) },
      { seed: 5 },
    )
    const batch = mixture.nextBatch(60, 11)
    return rowsOf(batch).filter((_, row) => batch.domainOfRow_B[row] === 0)
  }
  assert.deepEqual(rowsOfA(1).slice(0, 10), rowsOfA(2).slice(0, 10))
})

test('epochs are shuffled anew', () => {
  const one = corpus([{ name: 'a', weight: 1, lengths: Array.from({ length: 30 }, () => 4) }])
  const mixture = new Mixture(one, { seed: 1 })
  const [first, second] = [rowsOf(mixture.nextBatch(1, 120))[0].slice(0, 120), rowsOf(mixture.nextBatch(1, 120))[0].slice(0, 120)]
  assert.notDeepEqual(first, second)
  assert.deepEqual(first.toSorted(), second.toSorted())
  assert.deepEqual(mixture.epochs(), { a: 2 })
})

test('a restored mixture goes on with the very same rows, at any moment and setting', () => {
  const fim = { rate: 0.5, beginId: 2, holeId: 3, endId: 4 }
  fc.assert(
    fc.property(
      fc.nat(40),
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 70 }),
      fc.boolean(),
      fc.nat(3),
      (steps, length, stretchTokens, hasFim, extra) => {
        const options: MixtureOptions = { seed: 9, extra, stretchTokens, ...(hasFim && { fim }) }
        const straight = new Mixture(two, options)
        for (let step = 0; step < steps; step++) straight.nextBatch(3, length)
        const resumed = new Mixture(two, options)
        resumed.nextBatch(2, 5)
        resumed.restore(JSON.parse(JSON.stringify(straight.state())))
        assert.deepEqual(resumed.state(), straight.state())
        assert.deepEqual(resumed.nextBatch(4, length + 1), straight.nextBatch(4, length + 1))
      },
    ),
    { numRuns: 60 },
  )
})

test('a state that is none, of other text, or beyond the text is refused', () => {
  const mixture = new Mixture(two, { seed: 1 })
  const state = mixture.state()
  for (const bad of [null, {}, { ...state, domainDraws: -1 }, { ...state, fingerprint: 'other' }, { ...state, cursors: {} }]) {
    assert.throws(() => mixture.restore(bad), UsageError)
  }
  const beyond = {
    ...state,
    cursors: { ...state.cursors, a: { epoch: 0, position: 6, offset: 0 }, b: { epoch: 0, position: 0, offset: 30 } },
  }
  assert.throws(() => mixture.restore(beyond), /2 things are wrong/)
  assert.throws(() => new Mixture(two, { seed: 1, stretchTokens: 16 }).restore(state), UsageError)
})

test('impossible options and a corpus without text are refused', () => {
  assert.throws(() => new Mixture(two, { seed: 1, extra: -1, stretchTokens: 0 }), /2 things are wrong/)
  assert.throws(() => new Mixture(corpus([{ name: 'a', weight: 1, lengths: [] }]), { seed: 1 }), /at least one domain with text/)
})

test('fill-in-the-middle keeps all tokens and puts the middle last', () => {
  const options = { rate: 1, beginId: 1001, holeId: 1002, endId: 1003 }
  fc.assert(
    fc.property(fc.nat(50), fc.nat(1000), (length, seed) => {
      const ids = Array.from({ length }, (_, i) => i)
      const out = new Uint32Array(length + 3)
      rearrange(ids, options, Random.seeded(seed), out)
      const text = [...out]
      const [hole, end] = [text.indexOf(1002), text.indexOf(1003)]
      const [prefix, suffix, middle] = [text.slice(1, hole), text.slice(hole + 1, end), text.slice(end + 1)]
      assert.equal(text[0], 1001)
      assert.deepEqual([...prefix, ...middle, ...suffix], ids)
    }),
  )
})

test('fill-in-the-middle rearranges about its rate of the documents, each closed by end-of-text', () => {
  const one = corpus([{ name: 'a', weight: 1, lengths: Array.from({ length: 1000 }, () => 10) }])
  const mixture = new Mixture(one, { seed: 1, fim: { rate: 0.1, beginId: 2, holeId: 3, endId: 4 } })
  const [row] = rowsOf(mixture.nextBatch(1, 10_000))
  const begins = row.flatMap((id, i) => (id === 2 ? [i] : []))
  assert.ok(begins.length > 60 && begins.length < 140, `${begins.length}`)
  assert.ok(
    begins
      .slice(0, -1)
      .every((start) => row.slice(start, start + 13).filter((id) => id === eosId).length === 1 && row[start + 12] === eosId),
  )
})
