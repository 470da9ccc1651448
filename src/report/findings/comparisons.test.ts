/** Comparisons of one stage with another: only what is of the same text, paired where rows are, and with its interval. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventOf } from '../run-facts.ts'
import { runFactsOf } from '../run-facts.ts'
import type { RunRecordEvent } from '../run-record.ts'
import { testRunDocument, testRunEvents } from '../test-run.ts'
import { rlSteps, summarizeReinforcement } from './accuracies.ts'
import { changesByPosttraining } from './domain-scores.ts'
import { isAboveGuessing, isOneAnswer, needleLengths } from './long-context.ts'

const events = testRunEvents()
const runOf = (kept: readonly RunRecordEvent[]) => runFactsOf('x', testRunDocument(), kept, null)

const isScore = (event: RunRecordEvent): event is EventOf<'evaluation/domain'> => event.type === 'evaluation/domain'
const score = events.find(isScore)!

test('post-training is compared with the last stage before it that was scored on as many bytes', () => {
  const of = (stage: string, utf8Bytes: number, bitsPerByte: number) => ({ ...score, stage, domain: 'prose', utf8Bytes, bitsPerByte })
  const [pretrained, extended, reinforced] = [of('pretrain', 120_000, 1.8), of('extend-2', 30_000, 1.6), of('rl', 30_000, 1.9)]
  const found = changesByPosttraining(runOf([pretrained, extended, of('sft', 30_000, 2), reinforced]))
  assert.equal(found?.before, 'extend-2')
  assert.deepEqual(
    found.changes.map(({ before, after }) => [before.bitsPerByte, after.bitsPerByte]),
    [[1.6, 1.9]],
  )
  assert.equal(changesByPosttraining(runOf([pretrained, reinforced])), null, 'another part of the text is no comparison')
  assert.equal(changesByPosttraining(runOf([pretrained, extended])), null)
})

/** Needles by depth in eight texts of each length. */
const needles = (correct: readonly number[], lengths: readonly number[] = [128, 512, 2048]): RunRecordEvent => ({
  type: 'evaluation/needle',
  stage: 'extend-2',
  cells: lengths.flatMap((length) =>
    correct.map((count, index) => ({ length, depth: index / 4, n: 8, correct: count, chance: 1 / Math.max(4, correct.length) })),
  ),
})

test('one needle of each text is what one answer to all questions finds; more, fewer, or a few texts do not say so', () => {
  const isOne = (...given: Parameters<typeof needles>) => isOneAnswer(runOf([needles(...given)]))
  assert.ok(isOne([0, 1, 2, 2, 3]))
  assert.ok(!isOne([1, 1, 2, 2, 3]))
  assert.ok(!isOne([0, 1, 2, 2, 2]))
  assert.ok(!isOne([4, 4]), 'where not all needles are asked for, one answer need not be among the asked')
  assert.ok(!isOne([0, 1, 2, 2, 3], [128]), 'eight of forty at one length may be a coincidence')
  assert.ok(!isOneAnswer(runOf([])))
  assert.deepEqual(needleLengths(runOf([needles([1], [512, 64])])), [64, 512])
  assert.ok(isAboveGuessing({ correct: 20, n: 40, chance: 0.2 }) && !isAboveGuessing({ correct: 10, n: 40, chance: 0.2 }))
})

test('the change of the mean reward has an interval over steps, and none where an end is one step', () => {
  const steps = rlSteps(runOf(events), 'rl')
  const withRewards = (rewards: readonly number[]) => rewards.map((rewardMean, index) => ({ ...steps[index], rewardMean }))
  const noisy = summarizeReinforcement(withRewards([0.5, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.6, 0.9]))!
  assert.equal(noisy.endSteps, 2)
  assert.ok(noisy.rewardPlusMinus > noisy.lastReward - noisy.firstReward)
  const rising = summarizeReinforcement(withRewards([0.1, 0.101, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.901]))!
  assert.ok(rising.rewardPlusMinus < rising.lastReward - rising.firstReward)
  assert.equal(summarizeReinforcement(withRewards([0.1, 0.9]))!.rewardPlusMinus, Number.POSITIVE_INFINITY)
})
