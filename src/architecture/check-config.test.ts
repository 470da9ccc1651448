import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../base/errors.ts'
import { checkModelConfig } from './check-config.ts'
import type { ModelConfig } from './config.ts'
import { presetNamed, presets } from './presets.ts'

function violationsOf(change: Partial<ModelConfig>): string[] {
  try {
    checkModelConfig({ ...presets.tiny, ...change }, 'recipe')
  } catch (error) {
    assert.ok(error instanceof UsageError)
    assert.match(error.message, /^recipe: /)
    return error.message.split('\n').filter((line) => line.startsWith('  - '))
  }
  return []
}

test('every preset obeys the rules', () => {
  for (const [name, config] of Object.entries(presets)) assert.equal(checkModelConfig(config, name), config)
})

test('all values out of range are named at once', () => {
  const lines = violationsOf({
    vocabSize: -1,
    width: 1.5,
    layerCount: 0,
    queryRank: 0,
    routedScale: Number.NaN,
    ropeTheta: 1,
    normEpsilon: 0,
  })
  assert.equal(lines.length, 7)
  assert.match(lines.join('\n'), /vocabSize: expected a whole number from 2 to 16777216, got -1/)
})

test('all contradictions are named at once', () => {
  const lines = violationsOf({ ropeWidth: 7, denseLayerCount: 9, expertCount: 18, activeGroupCount: 5, mtpDepth: 60, maxLength: 50 })
  assert.deepEqual(
    lines.map((line) => line.slice(4, line.indexOf(':'))),
    ['denseLayerCount', 'ropeWidth', 'activeGroupCount', 'expertCount', 'mtpDepth'],
  )
})

const contradictions: readonly [string, Partial<ModelConfig>, RegExp][] = [
  [
    'more active experts than the kept groups hold',
    { activeExpertCount: 9 },
    /activeExpertCount: expected at most the 8 experts of 2 groups, got 9/,
  ],
  ['sigmoid groups of one expert', { groupCount: 16, activeGroupCount: 8 }, /groupCount: expected at most 8 .* got 16/],
  ['a context beyond the reach of YaRN', { maxLength: 257 }, /maxLength: expected at most .* = 256, got 257/],
  ['YaRN bounds in the wrong order', { yarn: { ...presets.tiny.yarn!, betaFast: 0.5 } }, /yarn.betaFast: expected at least/],
  ['a YaRN factor below one', { yarn: { ...presets.tiny.yarn!, factor: 0.5 } }, /yarn.factor/],
  [
    'a trained length too short for a turn',
    { maxLength: 16, yarn: { ...presets.tiny.yarn!, originalLength: 6 } },
    /yarn.originalLength: expected at least 7/,
  ],
  ['an unknown gate', { gate: 'relu' as 'softmax' }, /gate: expected sigmoid or softmax, got relu/],
  ['a model that nobody can count', { expertCount: 65_536, width: 2 ** 20, expertFfnWidth: 2 ** 20 }, /parameters: expected at most 2\^50/],
]
for (const [what, change, message] of contradictions) {
  test(`rejected: ${what}`, () => {
    assert.match(violationsOf(change).join('\n'), message)
  })
}

test('softmax groups may hold one expert', () => {
  assert.deepEqual(violationsOf({ groupCount: 16, activeGroupCount: 8, gate: 'softmax' }), [])
})

test('an unknown preset is answered with the known ones', () => {
  assert.throws(() => presetNamed('toString'), /preset: expected one of deepseek-v3, .*tiny, got toString/)
  assert.equal(presetNamed('bench'), presets.bench)
})
