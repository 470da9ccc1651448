import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { runFactsOf } from '../run-facts.ts'
import { testRunDocument } from '../test-run.ts'
import { shareDifference } from './attempts.ts'
import { hotExperts } from './hot-experts.ts'
import { residentState } from './resident-state.ts'
import { specialisation } from './specialisation.ts'
import { presets } from '../../architecture/index.ts'

const near = (actual: number, expected: number, within: number) =>
  assert.ok(Math.abs(actual - expected) <= within, `expected ${expected} ± ${within}, got ${actual}`)

test('the interval of a difference of shares is that of Newcombe’s own example, 56 of 70 less 48 of 80', () => {
  const { value, low, high } = shareDifference({ correct: 56, n: 70 }, { correct: 48, n: 80 })
  near(value, 0.2, 1e-12)
  near(low, 0.0524, 1e-4)
  near(high, 0.3339, 1e-4)
})

test('shares of 0 and 1 have a difference with a finite interval inside −1 to 1', () => {
  const { low, high } = shareDifference({ correct: 5, n: 5 }, { correct: 0, n: 5 })
  assert.ok(low > 0 && high <= 1)
})

/** A run whose log holds these loads of one router, by domain. */
const runWith = (loadsByDomain: Readonly<Record<string, readonly number[]>>) =>
  runFactsOf(
    'x',
    testRunDocument(),
    Object.entries(loadsByDomain).map(([domain, loads]) => ({ type: 'inference/expert-load', domain, loadByRouter: [loads] })),
    null,
  )

test('domains that ask for the same experts feign the information that is expected of counting alone', () => {
  const rng = Random.seeded(11).fork('feigned')
  const draw = () => {
    const loads = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 4000; i++) loads[Math.min(rng.below(16), rng.below(16))]++
    return loads
  }
  let [found, expected] = [0, 0]
  for (let round = 0; round < 30; round++) {
    const [router] = specialisation(runWith({ prose: draw(), code: draw(), maths: draw() }))!.routers
    found += router.informationBits
    expected += router.feignedBits
  }
  near(found / expected, 1, 0.2)
})

test('domains with experts of their own carry all the information that there is', () => {
  const own = (first: number) => Array.from({ length: 16 }, (_, expert) => (expert === first ? 1000 : 0))
  const [router] = specialisation(runWith({ prose: own(0), code: own(1), maths: own(2), facts: own(3) }))!.routers
  near(router.informationBits, 2, 1e-9)
  assert.equal(router.hottest.relativeLoad, 16)
})

test('a domain’s own load gives its hot expert all redundant slots; a placement by others does not know of it', () => {
  const even = Array.from({ length: 16 }, () => 100)
  const hot = even.map((load, expert) => (expert === 0 ? 1000 : load))
  const found = hotExperts(runWith({ prose: hot, code: even, maths: even }))!
  const [prose] = found.domains
  assert.equal(found.deviceCount, 4)
  assert.equal(found.slotCount, 20)
  near(prose.inOrder, 1300 / 625, 1e-9)
  // All four redundant slots go to the hot expert: five replicas of 200, and one device has two of them beside three others.
  near(prose.placedByOwn, 700 / 625, 1e-9)
  near(prose.placedByOthers, prose.inOrder, 1e-9)
})

test('the published cache holds 576 numbers a layer where full heads hold 32,768', () => {
  const { latentBytes, fullBytes, latentSequences, fullSequences } = residentState(presets['deepseek-v3'], 128)
  assert.equal(latentBytes, 4 * 61 * 576)
  assert.equal(fullBytes, 4 * 61 * 32_768)
  assert.ok(latentSequences >= 56 * fullSequences)
})
