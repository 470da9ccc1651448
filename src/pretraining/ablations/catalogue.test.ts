import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countParameters } from '../../architecture/index.ts'
import { familyMember } from '../derive.ts'
import { checkRecipe } from '../recipe.ts'
import { recipes } from '../recipes.ts'
import { ablationBase } from './ablation.ts'
import { ablationList, ablationNames, ablations } from './catalogue.ts'

const base = ablationBase(recipes.nano(), 60_000)
const armsOf = (name: string) =>
  new Map(
    ablations
      .find((ablation) => ablation.name === name)!
      .plan(base)
      .arms.map((arm) => [arm.name, arm.change(base)]),
  )

test('every arm of every ablation is a recipe that may run, of every recipe of the house', () => {
  for (const make of Object.values(recipes)) {
    const own = ablationBase(make())
    for (const { name, plan } of ablations) {
      const { arms, comparisons } = plan(own)
      const names = arms.map((arm) => arm.name)
      assert.equal(new Set(names).size, names.length, name)
      for (const arm of arms) checkRecipe({ ...arm.change(own), name: arm.name })
      for (const { variant, control } of comparisons) assert.ok(names.includes(variant) && names.includes(control) && variant !== control)
      assert.ok(
        comparisons.length > 0 && arms.every((arm) => comparisons.some(({ variant, control }) => [variant, control].includes(arm.name))),
      )
    }
  }
})

test('the base is the family’s member of width 64 with the recipe’s mechanisms, or a model that is as small already', () => {
  const { maxLength: _length, ...sizes } = familyMember(64)
  const { maxLength: _own, ...narrowed } = base.model
  assert.deepEqual(narrowed, sizes)
  assert.equal(base.training.tokens, 60_000)
  const softmax = { ...recipes.nano(), model: { ...recipes.nano().model, gate: 'softmax' as const, queryRank: null } }
  assert.deepEqual([ablationBase(softmax).model.gate, ablationBase(softmax).model.queryRank], ['softmax', null])
  assert.deepEqual(ablationBase(recipes.tiny()).model, recipes.tiny().model)
})

test('arms of equal work activate as many weights', () => {
  const activated = (recipe: typeof base) => countParameters(recipe.model).activated
  const near = (a: number, b: number, share: number) => assert.ok(Math.abs(a - b) <= share * b, `${a} and ${b}`)
  const dense = armsOf('dense')
  near(activated(dense.get('dense')!), activated(dense.get('experts')!), 0.002)
  assert.equal(dense.get('dense')!.model.denseLayerCount, base.model.layerCount)
  const latent = armsOf('latent-cache')
  near(activated(latent.get('full-heads-equal-work')!), activated(latent.get('latent')!), 0.01)
  assert.ok(activated(latent.get('full-heads')!) > activated(latent.get('latent')!))
})

test('full heads have no bottleneck, and keep every key and value', () => {
  const { arms } = ablations.find(({ name }) => name === 'latent-cache')!.plan(base)
  const full = arms.find(({ name }) => name === 'full-heads')!
  const { width, headCount, nopeWidth, valueWidth, ropeWidth, layerCount, keyValueRank } = full.change(base).model
  assert.ok(keyValueRank >= Math.min(width, headCount * (nopeWidth + valueWidth)))
  assert.equal(full.cacheElementsPerToken!(base.model), layerCount * (headCount * (nopeWidth + valueWidth) + ropeWidth))
  assert.equal(full.attentionStart!(base.model), 0.5)
})

test('balancing arms have the bias, one of the losses, or nothing', () => {
  const found = [...armsOf('balance')].map(([name, { training }]) => [
    name,
    training.schedule.biasSpeed > 0,
    training.balanceWeight > 0,
    training.balanceOver,
  ])
  assert.deepEqual(found, [
    ['bias', true, false, undefined],
    ['sequence-loss', false, true, undefined],
    ['batch-loss', false, true, 'batch'],
    ['none', false, false, undefined],
  ])
})

test('a domain is left out and doubled, and the others keep their weights', () => {
  const arms = armsOf('mixture')
  assert.equal(arms.get('without-code')!.data.weights['code'], 0)
  assert.equal(arms.get('double-maths')!.data.weights['maths'], 2 * base.data.weights['maths'])
  assert.equal(arms.get('double-maths')!.data.weights['prose'], base.data.weights['prose'])
})

test('ablations are found by name and by claim, each once, and a wrong name is answered with the right one', () => {
  assert.deepEqual(ablationNames(['batch', 'pretraining.tolerance']), ['learning-rate', 'batch', 'init'])
  assert.deepEqual(ablationNames(['foundations.stable-accumulation', 'mtp']), ['mtp', 'accumulation'])
  assert.equal(new Set(ablationList.map(({ name }) => name)).size, ablationList.length)
  assert.throws(() => ablationNames(['mpt']), /got "mpt"\. Did you mean "mtp"\?/)
  assert.throws(() => ablationNames(['pretraining.tolerence']), /Did you mean "pretraining.tolerance"/)
  assert.throws(() => ablationNames(['something-else-entirely']), /There are mtp, balance/)
})
