import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Random } from '../base/random.ts'
import { groupAdvantages, shuffledRewards, TermSums, tokenTerm } from './grpo.ts'

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} instead of ${expected}`)

describe('advantages', () => {
  test('are distances from the mean in population standard deviations', () => {
    // Mean 1/4, variance (3 (1/4)² + (3/4)²) / 4 = 3/16.
    const { advantages, hasVariance } = groupAdvantages([0, 0, 1, 0])
    assert.equal(hasVariance, true)
    near(advantages[0], -1 / 4 / Math.sqrt(3 / 16))
    near(advantages[2], 3 / 4 / Math.sqrt(3 / 16))
  })

  test('of any group have mean 0 and mean square 1', () => {
    const rng = Random.seeded(1)
    for (const size of [2, 3, 8, 64]) {
      const { advantages } = groupAdvantages(Array.from({ length: size }, () => rng.uniform()))
      near(
        advantages.reduce((sum, a) => sum + a, 0),
        0,
        1e-9,
      )
      near(advantages.reduce((sum, a) => sum + a * a, 0) / size, 1, 1e-9)
    }
  })

  test('of equal rewards are 0 and without variance, also where the mean is rounded', () => {
    const { advantages, hasVariance } = groupAdvantages([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert.equal(hasVariance, false)
    assert.deepEqual(Array.from(advantages), [0, 0, 0, 0, 0, 0])
  })
})

describe('the term of a token', () => {
  const settings = { clip: 0.2, klWeight: 0.04 }

  test('on-policy and at the reference is the advantage, and its slope too', () => {
    assert.deepEqual(tokenTerm(1.5, 1.5, 1.5, 0.7, settings), { ratio: 1, isClipped: false, kl: 0, objective: 0.7, slope: 0.7 })
  })

  test('by hand: ratio 2 with a positive advantage is cut off at 1.2', () => {
    const { ratio, isClipped, objective, slope } = tokenTerm(1, 1 + Math.LN2, 1, 3, { clip: 0.2, klWeight: 0 })
    near(ratio, 2)
    assert.equal(isClipped, true)
    near(objective, 1.2 * 3)
    assert.equal(slope, 0)
  })

  test('by hand: ratio 2 with a negative advantage is not cut off: it must come down', () => {
    const { isClipped, objective, slope } = tokenTerm(1, 1 + Math.LN2, 1, -3, { clip: 0.2, klWeight: 0 })
    assert.equal(isClipped, false)
    near(objective, -6)
    near(slope, -6)
  })

  test('by hand: a token half as likely as in the reference has k3 = 2 - ln 2 - 1', () => {
    near(tokenTerm(1 + Math.LN2, 1, 1, 0, settings).kl, 1 - Math.LN2)
  })

  test('the estimate is never negative and its mean under the policy is the divergence', () => {
    const policy = [0.5, 0.3, 0.2]
    const reference = [0.2, 0.2, 0.6]
    let estimate = 0
    let divergence = 0
    for (const [index, p] of policy.entries()) {
      const { kl } = tokenTerm(-Math.log(p), -Math.log(p), -Math.log(reference[index]), 0, settings)
      assert.ok(kl >= 0)
      estimate += p * kl
      divergence += p * Math.log(p / reference[index])
    }
    near(estimate, divergence)
  })

  test('the slope is the derivative of the objective, by finite differences', () => {
    const h = 1e-6
    for (const advantage of [-2, -0.3, 0, 0.5, 1.7])
      for (const loss of [0.2, 0.9, 1, 1.05, 1.4, 3])
        for (const refLoss of [0.5, 1, 2]) {
          const at = (x: number) => -tokenTerm(x, 1, refLoss, advantage, { clip: 0.21, klWeight: 0.3 }).objective
          const { slope } = tokenTerm(loss, 1, refLoss, advantage, { clip: 0.21, klWeight: 0.3 })
          near(slope, (at(loss + h) - at(loss - h)) / (2 * h), 1e-6)
        }
  })
})

test('sums count tokens and keep the range of the ratio', () => {
  const sums = new TermSums()
  assert.deepEqual(sums.ratioRange, { min: 1, max: 1 })
  sums.add({ ratio: 0.5, isClipped: false, kl: 0.1, objective: 0, slope: 0 })
  sums.add({ ratio: 2, isClipped: true, kl: 0.3, objective: 0, slope: 0 })
  near(sums.kl, 0.4)
  assert.deepEqual([sums.tokens, sums.clipped], [2, 1])
  assert.deepEqual(sums.ratioRange, { min: 0.5, max: 2 })
})

test('shuffled rewards are the same rewards elsewhere, and leave the given ones as they are', () => {
  const rewards = Float64Array.from({ length: 40 }, (_, index) => index)
  const shuffled = shuffledRewards(rewards, Random.seeded(3).fork('shuffle'))
  assert.notDeepEqual(shuffled, rewards)
  assert.deepEqual(shuffled.toSorted(), rewards)
  assert.equal(rewards[7], 7)
})
