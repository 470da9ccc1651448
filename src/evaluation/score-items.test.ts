import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { createModel, logits, type Model, presets } from '../architecture/index.ts'
import { Machine } from '../compute/index.ts'
import { initialize, type Tokenizer, trainTokenizer } from '../foundations/index.ts'
import { scoreItems } from './score-items.ts'
import type { Scoring, Task, TaskItem } from './tasks/item.ts'

let machine: Machine
let model: Model
let tokenizer: Tokenizer
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  model = createModel(machine, presets.tiny, { withGradients: false })
  // Wide enough that choices differ by more than rounding.
  initialize(model.parameters.set, 1, Random.seeded(3))
  tokenizer = trainTokenizer(['the sea was calm and the men were at rest '.repeat(20)], { vocabSize: 300 })
})
after(() => machine.close())

const taskOf = (scoring: Scoring): Task => ({ name: 'own', likeName: 'own-like', scoring, asks: '', needs: '', build: () => [] })
const words = ['sea', 'men', 'calm', 'rest', 'and', 'were', 'the', 'was']

/** Items of drawn words, the answer at a drawn place. */
function makeItems(count: number, choiceCount: number, ending?: string): TaskItem[] {
  const rng = Random.seeded(count * 10 + choiceCount)
  const draw = (most: number) => Array.from({ length: 1 + rng.below(most) }, () => words[rng.below(words.length)]).join(' ')
  return Array.from({ length: count }, (_, id) => ({
    id: `${id}`,
    task: 'own',
    context: draw(9),
    choices: Array.from({ length: choiceCount }, () => ` ${draw(4)}`),
    answerIndex: rng.below(choiceCount),
    ...(ending !== undefined && { ending }),
  }))
}

/** Log-probabilities of every next token of a text that stands alone, from all logits: the plain twin. */
function plainScores(ids: readonly number[]): { logProbability: number; isBest: boolean }[] {
  using _scope = machine.scope()
  const { vocabSize: V } = model.config
  const all = logits(model, { rows: 1, length: ids.length, rowTokens: ids.length, tokens_BS: Int32Array.from(ids) }).toArray()
  return ids.slice(1).map((target, t) => {
    const row = all.subarray(t * V, (t + 1) * V)
    const most = Math.max(...row)
    const logProbability = row[target] - most - Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0))
    return { logProbability, isBest: row.subarray(0, tokenizer.vocabSize).every((value) => value <= row[target]) }
  })
}

/** Whether an item is answered rightly, one choice at a time. */
function isRightPlainly({ context, choices, answerIndex, ending = '' }: TaskItem, scoring: Scoring): boolean {
  const behind = tokenizer.encode(ending)
  const scores = choices.map((choice) => {
    const own = tokenizer.encode(choice)
    const all = plainScores([tokenizer.eosId].concat(Array.from(tokenizer.encode(context + choice + ending))))
    const scored = all.slice(-(behind.length || own.length))
    if (scoring === 'exact') return scored.every(({ isBest }) => isBest) ? 1 : 0
    const sum = scored.reduce((total, { logProbability }) => total + logProbability, 0)
    return scoring === 'plain' ? sum : sum / Buffer.byteLength(choice)
  })
  return scoring === 'exact' ? scores[0] === 1 : scores.every((score, index) => index === answerIndex || score < scores[answerIndex])
}

test('items that share rows are answered as if each choice stood alone', async () => {
  for (const [scoring, ending] of [
    ['per-byte', undefined],
    ['plain', undefined],
    ['plain', ' was at rest'],
  ] as const) {
    const items = makeItems(24, 4, ending)
    const correct = items.filter((item) => isRightPlainly(item, scoring)).length
    for (const rowLength of [60, 200]) {
      const score = await scoreItems(model, tokenizer, taskOf(scoring), items, { rowLength })
      assert.deepEqual([score?.n, score?.correct, score?.tooLong], [24, correct, 0], `${scoring} in rows of ${rowLength}`)
    }
    assert.ok(correct > 0 && correct < 24)
  }
})

test('an open answer is right when greedy decoding writes it', async () => {
  const best = (context: string) => {
    const ids = [tokenizer.eosId, ...tokenizer.encode(context)]
    const next = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).find((id) => plainScores([...ids, id]).at(-1)!.isBest)!
    return tokenizer.decode([next])
  }
  const items = makeItems(12, 1)
  const greedy = items.map((item) => Object.assign(item, { choices: [best(item.context)] }))
  const isSameToken = greedy.filter(({ choices }) => tokenizer.encode(choices[0]).length === 1)
  const right = await scoreItems(model, tokenizer, taskOf('exact'), isSameToken, { rowLength: 64 })
  assert.deepEqual([right?.correct, right?.accuracy], [isSameToken.length, 1])
  const other = makeItems(40, 1)
  const score = await scoreItems(model, tokenizer, taskOf('exact'), other, { rowLength: 64 })
  assert.equal(score?.correct, other.filter((item) => isRightPlainly(item, 'exact')).length)
})

test('chance is that of the choices, or of the commonest answer, and above it is what lies above it wholly', async () => {
  const mixed = [...makeItems(10, 4), ...makeItems(10, 2)]
  const choice = (await scoreItems(model, tokenizer, taskOf('plain'), mixed, { rowLength: 100 }))!
  assert.ok(Math.abs(choice.chance - 0.375) < 1e-12)
  assert.ok(choice.interval[0] <= choice.accuracy && choice.accuracy <= choice.interval[1])
  assert.equal(choice.isAboveChance, choice.interval[0] > choice.chance)
  const open = [' sea', ' sea', ' sea', ' men'].map((answer, id) => ({
    id: `${id}`,
    task: 'own',
    context: 'the',
    choices: [answer],
    answerIndex: 0,
  }))
  assert.equal((await scoreItems(model, tokenizer, taskOf('exact'), open, { rowLength: 16 }))?.chance, 0.75)
})

test('a long context loses its beginning, and an answer longer than a row is left out', async () => {
  const [item] = makeItems(1, 3)
  const cut = { ...item, context: `${'and the '.repeat(50)}${item.context}` }
  assert.equal((await scoreItems(model, tokenizer, taskOf('plain'), [cut], { rowLength: 32 }))?.n, 1)
  const long = { ...item, choices: [' rest', ` ${'calm and '.repeat(40)}`] }
  const score = await scoreItems(model, tokenizer, taskOf('plain'), [item, long], { rowLength: 32 })
  assert.deepEqual([score?.n, score?.tooLong], [1, 1])
  assert.equal(await scoreItems(model, tokenizer, taskOf('plain'), [long], { rowLength: 32 }), null)
})
