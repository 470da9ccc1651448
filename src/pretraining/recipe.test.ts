import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { applySettings, settingPaths } from '../base/settings.ts'
import { checkRecipe, type Recipe, recipeRules } from './recipe.ts'
import { recipes } from './recipes.ts'

const violationsOf = (value: unknown): string[] => {
  try {
    checkRecipe(value)
    return []
  } catch (error) {
    assert.equal((error as Error).name, 'UsageError')
    return (error as Error).message.split('\n').filter((line) => line.startsWith('  - '))
  }
}

test('every recipe of the house and of the folder of recipes obeys the rules, and survives JSON', async () => {
  const folder = path.resolve(import.meta.dirname, '..', '..', 'recipes')
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  assert.ok(files.length > 0)
  const fromFiles = await Promise.all(
    files.map(async (name) => ((await import(path.join(folder, name))) as { default: () => Recipe }).default),
  )
  for (const make of [...Object.values(recipes), ...fromFiles]) {
    const recipe = make()
    assert.deepEqual(violationsOf(recipe), [])
    assert.deepEqual(violationsOf(JSON.parse(JSON.stringify(recipe))), [])
    assert.deepEqual(make(), recipe)
  }
})

test('what is out of range or missing is named by its path, all of it', () => {
  const { nano } = recipes
  const wrong = {
    ...nano(),
    seed: -1,
    extra: 1,
    training: { ...nano().training, rows: 0.5, optimizer: { ...nano().training.optimizer, beta2: 1 } },
    samples: { count: 1 },
  }
  const lines = violationsOf(wrong).join('\n')
  for (const name of ['seed', 'extra', 'training.rows', 'training.optimizer.beta2', 'samples.maxTokens', 'samples.topP']) {
    assert.match(lines, new RegExp(name.replaceAll('.', String.raw`\.`)))
  }
})

test('a number out of range is named by its path, with both ends of the range and what to do, whatever the setting', () => {
  const isNumber = (at: string) =>
    typeof at.split('.').reduce<unknown>((inside, key) => (inside as never)[key], recipes.tiny()) === 'number'
  const paths = settingPaths(recipes.tiny()).filter((at) => isNumber(at))
  assert.ok(paths.length > 80)
  for (const at of paths) {
    const refused = [-5, 0.5, 1e300].flatMap((value) => {
      const lines = violationsOf(applySettings(recipes.tiny(), [`${at}=${value}`], recipeRules))
      const own = lines.find((line) => line.startsWith(`  - ${at}: expected `))
      assert.ok(lines.length === 0 || own !== undefined, `${at}=${value}: ${lines.join()}`)
      return own ?? []
    })
    assert.ok(refused.length > 0, at)
    assert.match(refused[0], /: expected a (?:whole )?number(?:,| from| of at least| above) ?-?\d/, at)
  }
  assert.throws(
    () => checkRecipe(applySettings(recipes.nano(), ['training.tokens=-5', 'rl.learningRate=2'], recipeRules)),
    /training\.tokens: expected a whole number, 1 or more, got -5\n.*rl\.learningRate: expected a number above 0 and at most 1, got 2\nSet each to what is expected\.$/,
  )
})

test('settings that contradict each other are named together', () => {
  const settings = [
    'tokenizer.vocabSize=9000',
    'training.rowLength=300',
    'training.microRows=5',
    'training.schedule.mtpWeight=2',
    'model.ropeWidth=7',
    'data.set=none',
  ]
  const recipe = applySettings(recipes.nano(), settings, recipeRules)
  const lines = violationsOf(recipe)
  assert.equal(lines.length, settings.length, lines.join('\n'))
})

test('every setting can be set, and what it may be is looked at', () => {
  const paths = settingPaths(recipes.nano())
  for (const name of [
    'model.width',
    'training.schedule.learningRate',
    'training.optimizer.emaDecay',
    'data.weights.prose',
    'samples.topP',
  ]) {
    assert.ok(paths.includes(name), name)
  }
  const ema = applySettings(recipes.nano(), ['training.optimizer.emaDecay=0.99', 'model.queryRank=null'], recipeRules)
  assert.equal(checkRecipe(ema).training.optimizer.emaDecay, 0.99)
  assert.equal(ema.model.queryRank, null)
  assert.throws(() => applySettings(recipes.nano(), ['data.set=defualt'], recipeRules), /Did you mean "default"/)
})

test('what is kept can be set although recipes do not say it, and is held against what it needs', () => {
  const settings = ['training.recompute=true', 'training.activations=fp8', 'training.optimizer.moments=bf16']
  const { training } = checkRecipe(applySettings(recipes.nano(), settings, recipeRules))
  assert.deepEqual([training.recompute, training.activations, training.optimizer.moments], [true, 'fp8', 'bf16'])
  assert.deepEqual(
    Object.keys(recipeRules.optional).filter((name) => settingPaths(recipes.nano()).includes(name)),
    [],
  )
  assert.throws(() => applySettings(recipes.nano(), ['training.activations=fp4'], recipeRules), /expected f32 or fp8/)
  const outside = (emaDecay: string) =>
    applySettings(recipes.nano(), ['training.optimizer.averageIn=host', `training.optimizer.emaDecay=${emaDecay}`], recipeRules)
  assert.deepEqual(violationsOf(outside('0.99')), [])
  assert.match(violationsOf(outside('null')).join(), /averageIn: expected a moving average to keep there, got none/)
})
