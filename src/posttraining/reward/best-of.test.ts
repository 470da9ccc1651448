import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { tasksNamed } from '../../foundations/index.ts'
import { drawProblemOf } from '../../foundations/index.ts'
import type { Reply } from '../replies.ts'
import { preferencePairs, sidesOf } from './answers.ts'
import { agreementOn, bestOf, bestOfKl, type Rewarded } from './best-of.ts'
import { pairLoss } from './train-reward.ts'

const problem = drawProblemOf(tasksNamed(['copy'])[0], Random.seeded(1), 'train')

const reply = (isCorrect: boolean, text: string): Reply => ({
  isCorrect,
  isWellFormed: true,
  reward: isCorrect ? 1.1 : 0.1,
  problemIndex: 0,
  promptIds: Int32Array.of(1, 2),
  ids: Int32Array.of(3, 4),
  logProbabilities: new Float32Array(2),
  isStopped: true,
  text,
  fault: null,
})

const rewarded = (right: readonly boolean[], rewards: readonly number[]): Rewarded => ({
  problem,
  replies: right.map((isCorrect, index) => reply(isCorrect, `${index}`)),
  rewards: Float64Array.from(rewards),
})

/** Every set of n indices below `count`. */
function* setsOf(count: number, n: number, from = 0): Generator<number[]> {
  if (n === 0) yield []
  else for (let first = from; first <= count - n; first++) for (const rest of setsOf(count, n - 1, first + 1)) yield [first, ...rest]
}

test('the best of n in closed form is the average over all sets of n', () => {
  const rng = Random.seeded(3)
  for (let round = 0; round < 20; round++) {
    const rewards = Array.from({ length: 6 }, () => rng.normal())
    const one = rewarded(
      rewards.map(() => rng.uniform() < 0.5),
      rewards,
    )
    const center = rewards.reduce((sum, value) => sum + value, 0) / 6
    for (let n = 1; n <= 6; n++) {
      const sets = [...setsOf(6, n)]
      const over = (value: (set: number[]) => number) => sets.reduce((sum, set) => sum + value(set), 0) / sets.length
      const chosen = (set: number[]) => set.reduce((a, b) => (rewards[b] > rewards[a] ? b : a))
      const found = bestOf(one, n)
      const isRight = (index: number) => (one.replies[index].isCorrect ? 1 : 0)
      assert.ok(Math.abs(found.right - over((set) => isRight(chosen(set)))) < 1e-12)
      assert.ok(Math.abs(found.reward - over((set) => rewards[chosen(set)] - center)) < 1e-12)
      assert.ok(Math.abs(found.anyRight - over((set) => Math.max(...set.map(isRight)))) < 1e-12)
    }
  }
})

test('agreement counts pairs of a right and a wrong reply, ties by half; without such pairs there is none', () => {
  assert.deepEqual(agreementOn(rewarded([true, false, false], [1, 0, 1])), { agreement: 0.75, pairs: 2 })
  assert.equal(agreementOn(rewarded([true, true], [1, 0])), null)
  assert.equal(agreementOn(rewarded([false, false], [1, 0])), null)
})

test('pairs differ in the verdict, each text stands once on its side, and a problem has only so many', () => {
  const replies = [reply(true, 'a'), reply(true, 'a'), reply(false, 'b'), reply(false, 'c'), reply(false, 'd')]
  assert.deepEqual(
    [sidesOf({ problem, replies }).right.length, sidesOf({ problem, replies }).wrong.map(({ text }) => text)],
    [1, ['b', 'c', 'd']],
  )
  const pairs = preferencePairs([{ problem, replies }], 2)
  assert.deepEqual(
    pairs.map(({ better, worse }) => better.text + worse.text),
    ['ab', 'ac'],
  )
  assert.deepEqual(preferencePairs([{ problem, replies: replies.slice(2) }], 2), [])
})

test('the loss of a pair is ln 2 without a margin, its slope is its derivative, and neither overflows', () => {
  assert.ok(Math.abs(pairLoss(0).loss - Math.log(2)) < 1e-15)
  for (const margin of [-30, -2, -0.1, 0.3, 5, 30]) {
    const numeric = (pairLoss(margin + 1e-5).loss - pairLoss(margin - 1e-5).loss) / 2e-5
    assert.ok(Math.abs(pairLoss(margin).slope - numeric) < 1e-8, `${margin}`)
  }
  assert.deepEqual([pairLoss(-1000), pairLoss(1000).loss], [{ loss: 1000, slope: -1 }, 0])
})

test('choosing among one costs nothing, among two ln 2 less a half', () => {
  assert.deepEqual([bestOfKl(1), bestOfKl(2)], [0, Math.log(2) - 0.5])
})
