import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attentionParametersPerLayer, countParameters } from './counts.ts'
import { presets } from './presets.ts'

/** Total and the three activated counts, to the last digit. */
const published = {
  'deepseek-v3': [671_026_419_200, 35_698_939_392, 36_625_618_432, 37_552_297_472],
  'deepseek-v2': [235_741_434_880, 20_327_224_320, 20_851_512_320, 21_375_800_320],
  'deepseek-v2-lite': [15_706_484_224, 2_241_719_808, 2_451_435_008, 2_661_150_208],
  'moonlight-16b-a3b': [15_960_110_208, 2_243_687_552, 2_579_231_872, 2_914_776_192],
} as const

for (const [name, [total, withoutEmbeddings, withHead, withEmbeddingAndHead]] of Object.entries(published)) {
  test(`${name} has its published parameters, exactly`, () => {
    const counts = countParameters(presets[name as keyof typeof published])
    assert.equal(counts.total, total)
    assert.deepEqual(counts.activatedBy, { withoutEmbeddings, withHead, withEmbeddingAndHead })
    assert.equal(counts.activated, withHead)
  })
}

test('the parts of V3 are those of the table', () => {
  const v3 = presets['deepseek-v3']
  const { byComponent, total } = countParameters(v3)
  assert.equal(attentionParametersPerLayer(v3), 187_107_328)
  assert.equal(byComponent.embedding, 926_679_040)
  assert.equal(byComponent.head, 926_679_040)
  assert.equal(byComponent.denseFfn, 3 * 396_361_728)
  assert.equal(byComponent.routedExperts, 58 * 256 * 44_040_192)
  assert.equal(byComponent.sharedExperts, 58 * 44_040_192)
  assert.equal(byComponent.router, 58 * (1_835_008 + 256))
  assert.equal(total - 58 * 256, 671_026_404_352, 'without the router biases')
})

test('the MTP module of V3 is counted alone, with copies, and activated', () => {
  const { mtp, total } = countParameters(presets['deepseek-v3'])
  assert.equal(mtp.unique, 11_610_068_224)
  assert.equal(mtp.unique - 2 * 7168 ** 2 - 3 * 7168, 11_507_286_272, 'the block without the projection and its norms')
  assert.equal(mtp.withDuplicates, 13_463_426_304)
  assert.equal(total + mtp.withDuplicates, 684_489_845_504, 'the size of the released repository')
  assert.deepEqual(mtp.activated, {
    withoutEmbeddings: 688_100_608,
    withHead: 1_614_779_648,
    withEmbeddingAndHead: 2_541_458_688,
  })
})

test('without embeddings, V2-Lite and Moonlight are the published 15.29B', () => {
  assert.equal(countParameters(presets['deepseek-v2-lite']).totalWithoutEmbeddings, 15_706_484_224 - 2 * 102_400 * 2048)
  assert.equal((countParameters(presets['deepseek-v2-lite']).totalWithoutEmbeddings / 1e9).toFixed(3), '15.287')
  assert.equal((countParameters(presets['moonlight-16b-a3b']).totalWithoutEmbeddings / 1e9).toFixed(3), '15.289')
})

test('bench has 17.4 M parameters and activates 7.0 M', () => {
  const counts = countParameters(presets.bench)
  assert.equal(counts.total, 17_368_688)
  assert.equal(counts.activated, 7_014_000)
  assert.equal(counts.mtp.unique, 0)
})

test('components add up to the total, activated ones to the activated count', () => {
  for (const config of Object.values(presets)) {
    const counts = countParameters(config)
    const sum = (components: object) => Object.values(components).reduce((a: number, b: number) => a + b, 0)
    assert.equal(sum(counts.byComponent), counts.total)
    assert.equal(sum(counts.activatedByComponent), counts.activated)
  }
})
