/** Rows for fine-tuning: every conversation once an epoch, kept apart, weighed on its answers only, resumable anywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { encodeChat, specialTokens, trainTokenizer, v3ChatTemplate } from '../foundations/index.ts'
import type { TrainingBatch } from '../pretraining/index.ts'
import { bestFit } from './best-fit.ts'
import type { Conversation } from './conversations/conversation.ts'
import { SftRows } from './sft-rows.ts'

const tokenizer = trainTokenizer(['a question of some words and an answer '.repeat(50)], { vocabSize: 330 })

const rng = Random.seeded(5)
const words = (count: number) => Array.from({ length: count }, () => ['a', 'question', 'of', 'words'][rng.below(4)]).join(' ')
const conversations: Conversation[] = Array.from({ length: 700 }, (_, index) => ({
  id: `${index}`,
  source: index % 3 === 0 ? 'first' : 'second',
  messages: [
    { role: 'user', content: `${words(index % 50 === 49 ? 90 : 1 + rng.below(8))} ${index}` },
    { role: 'assistant', content: words(1 + rng.below(4)) },
  ],
}))
const rowsOf = (list = conversations, options = {}) => new SftRows(list, tokenizer, v3ChatTemplate, { seed: 1, extra: 1, ...options })

/** The pieces of a row: where each starts, its ids and weights. */
function piecesOf({ rows, rowTokens, tokens_BS, documentStart_BS, targetWeight_BS }: TrainingBatch) {
  return Array.from({ length: rows }, (_, row) => {
    const at = row * rowTokens
    const starts = [...new Set(documentStart_BS.subarray(at, at + rowTokens))]
    return starts.map((start, index) => {
      const end = starts[index + 1] ?? rowTokens
      return {
        ids: Array.from(tokens_BS.subarray(at + start, at + end)),
        weights: Array.from(targetWeight_BS!.subarray(at + start, at + end)),
      }
    })
  })
}
const length = 60
const encoded = conversations.map(({ messages }) => encodeChat(tokenizer, v3ChatTemplate, messages))

test('an epoch shows every conversation that fits exactly once, whole and apart from the others', () => {
  const source = rowsOf()
  const summary = source.packing(length)
  const seen = new Map<string, number>()
  for (let row = 0; row < summary.rows; row++) {
    const [pieces] = piecesOf(source.nextBatch(1, length))
    for (const { ids, weights } of pieces) {
      if (ids[0] !== tokenizer.bosId) {
        assert.ok(ids.every((id) => id === tokenizer.padId) && weights.every((weight) => weight === 0), 'what fills a row is padding')
        continue
      }
      seen.set(ids.join(' '), (seen.get(ids.join(' ')) ?? 0) + 1)
      const answer = ids.filter((_, index) => weights[index] === 1)
      assert.equal(answer.at(-1), tokenizer.eosId)
      const prompt = ids.filter((_, index) => weights[index] === 0)
      assert.equal(prompt.at(-1), tokenizer.idOf(specialTokens.assistant))
    }
  }
  assert.equal(source.epochs(), 1)
  const expected = encoded.filter(({ ids }) => ids.length <= length + 1).map(({ ids }) => Array.from(ids).join(' '))
  assert.deepEqual([...seen.keys()].sort(), expected.sort())
  assert.ok([...seen.values()].every((times) => times === 1))
  assert.equal(summary.conversations, expected.length)
  assert.equal(summary.tooLong, conversations.length - expected.length)
  assert.ok(summary.tooLong > 0 && summary.conversations > 500, 'the test has both')
  assert.ok(summary.filledShare > 0.9, `filled ${summary.filledShare}`)
})

test('every row has something to learn, and names the source of its longest conversation', () => {
  const source = rowsOf()
  const batch = source.nextBatch(400, length)
  assert.deepEqual(source.domainNames, ['first', 'second'])
  for (const [row, pieces] of piecesOf(batch).entries()) {
    assert.ok(pieces.some(({ weights }) => weights.includes(1)))
    const lengths = pieces.filter(({ ids }) => ids[0] === tokenizer.bosId).map(({ ids }) => ids.length)
    assert.equal(lengths[0], Math.max(...lengths))
    const index = encoded.findIndex(({ ids }) => Array.from(ids).join(' ') === pieces[0].ids.join(' '))
    assert.equal(source.domainNames[batch.domainOfRow_B[row]], conversations[index].source)
  }
})

test('rows go on from any saved state as if nothing had happened, over the end of an epoch too', () => {
  const whole = rowsOf(conversations.slice(0, 60))
  const straight = Array.from({ length: 12 }, () => whole.nextBatch(3, length))
  assert.ok(whole.epochs() > 2)
  for (const cut of [0, 1, 3, 7, 11]) {
    const first = rowsOf(conversations.slice(0, 60))
    for (let batch = 0; batch < cut; batch++) first.nextBatch(3, length)
    const second = rowsOf(conversations.slice(0, 60))
    second.nextBatch(2, length)
    second.restore(JSON.parse(JSON.stringify(first.state())))
    for (let batch = cut; batch < 12; batch++) assert.deepEqual(second.nextBatch(3, length), straight[batch])
  }
})

test('a new epoch has another order, and another length begins one', () => {
  const source = rowsOf(conversations.slice(0, 40))
  const { rows } = source.packing(length)
  assert.notDeepEqual(source.nextBatch(rows, length).tokens_BS, source.nextBatch(rows, length).tokens_BS)
  source.nextBatch(1, 100)
  assert.deepEqual({ ...source.state(), fingerprint: '' }, { fingerprint: '', epoch: 2, row: 1, length: 100 })
  assert.notDeepEqual(rowsOf(conversations, { seed: 2 }).nextBatch(4, length).tokens_BS, rowsOf().nextBatch(4, length).tokens_BS)
})

test('a state of other conversations, or none, is refused', () => {
  const source = rowsOf()
  const refused = (state: unknown) => assert.throws(() => rowsOf(conversations.slice(1)).restore(state), UsageError)
  refused(source.state())
  refused({ epoch: 0 })
  refused(null)
  const own = rowsOf(conversations.slice(1)).state()
  refused({ ...own, row: 3 })
  refused({ ...own, length: 60, row: 1e9 })
  assert.throws(() => source.restore(rowsOf(conversations, { seed: 2 }).state()), UsageError)
})

test('conversations that do not fit are counted, and none that fits is an error that says how long they are', () => {
  assert.equal(rowsOf().packing(1000).tooLong, 0)
  assert.throws(
    () => rowsOf().nextBatch(1, 3),
    (error: Error) => error instanceof UsageError && /at most 4 tokens.*the shortest has \d+/.test(error.message),
  )
  assert.throws(() => rowsOf([]), UsageError)
})

test('a template that leaves no answer to learn leaves the conversation out, and says so', () => {
  const silent = `{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}{{ eos_token }}`
  const source = new SftRows(conversations, tokenizer, silent, { seed: 1 })
  assert.throws(() => source.packing(200), /a conversation with an answer/)
})

test('property: best fit puts every item in one row, over-fills none, and opens no row that another had room for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.integer({ min: 1, max: 40 })), (capacity, drawn) => {
      const sizes = drawn.map((size) => Math.min(size, capacity))
      const rows = bestFit(sizes, capacity)
      const sums = rows.map((row) => row.reduce((sum, item) => sum + sizes[item], 0))
      assert.deepEqual(
        rows.flat().sort((a, b) => a - b),
        Array.from(sizes, (_, item) => item),
      )
      assert.ok(sums.every((sum) => sum <= capacity && sum > 0))
      for (const row of rows) assert.equal(sizes[row[0]], Math.max(...row.map((item) => sizes[item])))
      assert.ok(sums.length < 2 || sums.toSorted((a, b) => a - b)[0] + sums.toSorted((a, b) => a - b)[1] > capacity)
    }),
  )
})
