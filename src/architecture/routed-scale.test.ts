import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../base/random.ts'
import { presets } from './presets.ts'
import { balancedRoutedScale } from './routed-scale.ts'

for (const name of ['moonlight-16b-a3b', 'kimi-k2'] as const) {
  test(`the factor of ${name} follows from its routing`, () => {
    const { expertCount, activeExpertCount, routedScale } = presets[name]
    const scale = balancedRoutedScale(expertCount, activeExpertCount, Random.seeded(1).fork(name))
    assert.equal(Math.floor(scale * 1000) / 1000, routedScale, 'the published constants are cut after three digits')
  })
}

test('V3 scales by less than the rule gives', () => {
  const { expertCount, activeExpertCount, routedScale } = presets['deepseek-v3']
  const scale = balancedRoutedScale(expertCount, activeExpertCount, Random.seeded(1).fork('v3'))
  assert.equal(scale.toFixed(3), '2.827')
  assert.ok(routedScale < scale)
})

test('one active expert needs no factor', () => {
  assert.equal(balancedRoutedScale(8, 1, Random.seeded(1), 10), 1)
})
