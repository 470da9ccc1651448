import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from './errors.ts'
import { applySettings, settingPaths } from './settings.ts'

const defaults = {
  name: 'nano',
  gate: 'sigmoid',
  isQuiet: false,
  model: { width: 160, queryRank: 96, yarn: null as { factor: number } | null },
  rates: [0.1, 0.2],
  tags: [] as unknown[],
  phases: [
    { tokens: 10, rate: 1 },
    { tokens: 20, rate: 2 },
  ],
}
const rules = { nullable: ['model.queryRank'], choices: { gate: ['sigmoid', 'softmax'] } }
const set = (...assignments: string[]) => applySettings(defaults, assignments, rules)

test('a value takes the type of the default that it replaces', () => {
  const result = set('name=12', 'isQuiet=true', 'model.width=3e2', 'gate=softmax')
  assert.deepEqual(result, { ...defaults, name: '12', isQuiet: true, gate: 'softmax', model: { ...defaults.model, width: 300 } })
})

test('the defaults stay as they were', () => {
  const before = structuredClone(defaults)
  set('model.width=1', 'rates=9', 'phases.0.tokens=99')
  assert.deepEqual(defaults, before)
})

test('a text may contain "=" and spaces', () => {
  assert.equal(set('name= a = b ').name, 'a = b')
})

test('lists are set whole, with commas or as JSON, or item by item', () => {
  assert.deepEqual(set('rates=1,2.5').rates, [1, 2.5])
  assert.deepEqual(set('rates=[3]').rates, [3])
  assert.deepEqual(set('rates=').rates, [])
  assert.deepEqual(set('rates.1=7').rates, [0.1, 7])
  assert.deepEqual(set('tags=a,1').tags, ['a', 1])
  assert.equal(set('phases.1.tokens=5').phases[1].tokens, 5)
  assert.deepEqual(set('phases=[{"tokens":1,"rate":3}]').phases, [{ tokens: 1, rate: 3 }])
})

test('null is a value where the default is null or the rules allow it', () => {
  assert.equal(set('model.queryRank=null').model.queryRank, null)
  assert.equal(set('model.yarn=null').model.yarn, null)
  assert.deepEqual(set('model.yarn={"factor":4}').model.yarn, { factor: 4 })
  assert.throws(() => set('model.width=null'), /model\.width: expected a number, got "null"/)
})

test('every mistake is reported at once, with what to do', () => {
  const wrong = ['width=3', 'model.widht=3', 'isQuiet=yes', 'gate=softmx', 'model=3', 'rates=1,x', 'nothing', '=3', 'phases=[{"tokens":1}]']
  assert.throws(
    () => set(...wrong),
    (error: unknown) => {
      assert.ok(error instanceof UsageError)
      const lines = error.message.split('\n')
      assert.equal(lines[0], '--set: 9 things are wrong.')
      assert.match(error.message, /width: is not a setting\. Did you mean "model\.width"\?/)
      assert.match(error.message, /model\.widht: is not a setting\. Did you mean "model\.width"/)
      assert.match(error.message, /isQuiet: expected true or false, got "yes"/)
      assert.match(error.message, /gate: expected sigmoid or softmax, got "softmx"\. Did you mean "softmax"\?/)
      assert.match(error.message, /model: is a group of settings: set model\.width/)
      assert.match(error.message, /rates: item 2: expected a number, got "x"/)
      assert.match(error.message, /"nothing": expected path=value/)
      assert.match(error.message, /"=3": expected path=value/)
      assert.match(error.message, /phases: expected a list of items like \{"tokens":10,"rate":1\}/)
      return true
    },
  )
})

test('a path that resembles nothing is answered with what there is', () => {
  assert.throws(() => set('zzzzzz=1'), /zzzzzz: is not a setting\. There are name, gate, isQuiet, model\.width/)
})

test('a setting that would overwrite another one is refused, not ignored', () => {
  assert.throws(() => set('name=a', 'name=b'), /name: is set twice/)
  assert.throws(() => set('rates=1,2', 'rates.0=3'), /rates\.0: overlaps with rates/)
})

test('numbers that JavaScript would bend are refused', () => {
  for (const text of ['', ' ', '0x10', '1_000', 'Infinity', 'NaN', '1e999', '1,5', 'true', '--1']) {
    assert.throws(() => set(`model.width=${text}`), /model\.width: expected a number/)
  }
})

test('paths that JavaScript objects inherit are not settings', () => {
  for (const path of ['__proto__.x', 'constructor', 'model.toString', 'rates.length', 'rates.01', 'name.0']) {
    assert.throws(() => set(`${path}=1`), /is not a setting/)
  }
  assert.equal(({} as Record<string, unknown>)['x'], undefined)
})

test('the list of paths names every leaf once', () => {
  const paths = settingPaths(defaults)
  assert.deepEqual(paths.slice(0, 6), ['name', 'gate', 'isQuiet', 'model.width', 'model.queryRank', 'model.yarn'])
  assert.equal(new Set(paths).size, paths.length)
})

test('any assignment either changes only its own path or is a usage error', () => {
  const path = fc.oneof(fc.constantFrom(...settingPaths(defaults)), fc.string({ maxLength: 12 }))
  fc.assert(
    fc.property(path, fc.oneof(fc.string({ maxLength: 12 }), fc.json({ maxDepth: 1 })), (target, value) => {
      try {
        const result = set(`${target}=${value}`)
        const [key] = target.trim().split('.') as [keyof typeof defaults]
        assert.deepEqual({ ...result, [key]: 0 }, { ...defaults, [key]: 0 })
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error))
      }
    }),
  )
})

test('a path that may be absent is read as what holds without it, and no other absent path is', () => {
  const rules = { optional: { 'training.recompute': false, 'training.kept': 'all' }, choices: { 'training.kept': ['all', 'few'] } }
  const defaults = { training: { rows: 4 } }
  assert.deepEqual(applySettings(defaults, ['training.recompute=true', 'training.kept=few'], rules), {
    training: { rows: 4, recompute: true, kept: 'few' },
  })
  assert.deepEqual(applySettings({ training: { recompute: true } }, ['training.recompute=false'], rules), {
    training: { recompute: false },
  })
  assert.throws(
    () => applySettings(defaults, ['training.recompute=yes', 'training.kept=none', 'training.recomput=true', 'trainin.kept=few'], rules),
    /recompute: expected true or false[^]*kept: expected all or few[^]*Did you mean "training.recompute"[^]*trainin.kept: is not a setting/,
  )
  assert.deepEqual(defaults, { training: { rows: 4 } })
})
