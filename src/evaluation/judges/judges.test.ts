import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../../base/random.ts'
import { createModel, type Model } from '../../architecture/index.ts'
import { Machine } from '../../compute/index.ts'
import { drawProblems, formatReply, tasksNamed, type Tokenizer } from '../../foundations/index.ts'
import { initialize } from '../../foundations/index.ts'
import type { Rewarded } from '../../posttraining/index.ts'
import { prepareText, recipes } from '../../pretraining/index.ts'
import { askedMargins } from './asked-judge.ts'
import { judgePairs } from './judge-pairs.ts'
import { compareJudges, scoreJudge, type Verdicts } from './verdicts.ts'

let machine: Machine
let model: Model
let tokenizer: Tokenizer
before(async () => {
  machine = await Machine.start({ threads: 1, dialect: 'plain' })
  tokenizer = (await prepareText(recipes.tiny(), {})).tokenizer
  model = createModel(machine, { ...recipes.tiny().model, maxLength: 256 }, { withGradients: false })
  initialize(model.parameters.set, 0.1, Random.seeded(2))
})
after(() => machine.close())

const turn = async () => {}

test('a judge of one place agrees with the verifier by half and never with itself; a right one always does both', () => {
  const of = (judge: string, prefersFirst: Verdicts['prefersFirst']): Verdicts => ({ judge, isOrderFree: false, prefersFirst })
  const first = of(
    'first',
    Array.from({ length: 40 }, () => [true, true] as const),
  )
  const right = of(
    'right',
    Array.from({ length: 40 }, () => [true, false] as const),
  )
  const [biased, perfect] = [scoreJudge(first), scoreJudge(right)]
  assert.deepEqual([biased.agreement.value, biased.firstShare.value, biased.selfAgreement.value], [0.5, 1, 0])
  assert.deepEqual([perfect.agreement.value, perfect.firstShare.value, perfect.selfAgreement.value], [1, 0.5, 1])
  assert.deepEqual(
    compareJudges([first, right, right]).map(({ judges, agreement }) => [judges.join(), agreement.value]),
    [
      ['first,right', 0.5],
      ['first,right', 0.5],
      ['right,right', 1],
    ],
  )
})

test('an asked judge has one verdict for one prompt, and says A or B by likelihood', async () => {
  const shown = [
    { prompt: 'Copy: a b', first: 'a b', second: 'b a' },
    { prompt: 'Copy: a b', first: 'b a', second: 'a b' },
  ]
  const level = machine.heap.levelBytes
  const margins = await askedMargins(model, tokenizer, shown, turn)
  assert.equal(machine.heap.levelBytes, level)
  assert.ok(margins.every((margin) => Number.isFinite(margin) && margin !== 0) && margins[0] !== margins[1])
  assert.deepEqual(await askedMargins(model, tokenizer, shown, turn), margins)
})

/** A problem with a right reply of reward 1 and a wrong one of reward 0, the right one the less likely. */
const rewarded = (): Rewarded[] =>
  drawProblems(tasksNamed(['copy']), Random.seeded(1), { side: 'validation', count: 12 }).map((problem) => ({
    problem,
    rewards: Float64Array.of(0, 1),
    replies: [false, true].map((isCorrect) => ({
      isCorrect,
      isWellFormed: true,
      reward: 0,
      problemIndex: 0,
      promptIds: Int32Array.of(1),
      ids: Int32Array.of(1),
      logProbabilities: Float32Array.of(isCorrect ? -2 : -1),
      isStopped: true,
      text: formatReply(isCorrect ? problem.answer : 'z z z'),
      fault: null,
    })),
  }))

test('three judges see each pair in both orders; two of them cannot be moved by it', async () => {
  const event = (await judgePairs(model, tokenizer, rewarded(), turn))!
  assert.deepEqual(
    event.judges.map(({ judge, isOrderFree, pairs }) => [judge, isOrderFree, pairs]),
    [
      ['asked', false, 12],
      ['likelihood', true, 12],
      ['reward model', true, 12],
    ],
  )
  const [, likelihood, reward] = event.judges
  assert.deepEqual([likelihood.agreement.value, reward.agreement.value], [0, 1])
  for (const { selfAgreement, firstShare } of [likelihood, reward]) assert.deepEqual([selfAgreement.value, firstShare.value], [1, 0.5])
  assert.equal(event.together.length, 3)
  assert.equal(event.together.at(-1)!.agreement.value, 0)
})

test('without two problems that have both kinds of replies there is nothing to judge', async () => {
  assert.equal(await judgePairs(model, tokenizer, rewarded().slice(0, 1), turn), null)
})
