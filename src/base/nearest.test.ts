import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { didYouMean, nearest } from './nearest.ts'

const verbs = ['plan', 'schedule', 'balance', 'run', 'data', 'tokenizer', 'pretrain', 'generate', 'inspect', 'bench', 'doctor']

test('a mistyped name finds the one that was meant', () => {
  const expected = { pln: 'plan', tokeniser: 'tokenizer', genrate: 'generate', docotr: 'doctor', PLAN: 'plan', becnh: 'bench' }
  for (const [typed, meant] of Object.entries(expected)) assert.equal(nearest(typed, verbs)[0], meant)
})

test('a path finds its last part and the other way round', () => {
  assert.deepEqual(nearest('width', ['model.width', 'model.layerCount']), ['model.width'])
  assert.deepEqual(nearest('model.width', ['width', 'depth']), ['width'])
})

test('a name that resembles nothing gets no suggestion', () => {
  assert.deepEqual(nearest('xylophone', verbs), [])
  assert.equal(didYouMean('xylophone', verbs), '')
  assert.deepEqual(nearest('', verbs), [])
})

test('a suggestion is a sentence', () => {
  assert.equal(didYouMean('plna', verbs), 'Did you mean "plan"?')
  assert.equal(didYouMean('mode', ['model', 'mode2']), 'Did you mean "mode2" or "model"?')
})

test('whatever is typed, the answer is a few of the candidates', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 2000 }), fc.array(fc.string({ maxLength: 20 }), { maxLength: 10 }), (name, candidates) => {
      const found = nearest(name, candidates)
      assert.ok(found.length <= 3 && found.every((candidate) => candidates.includes(candidate)))
    }),
    { numRuns: 50 },
  )
})
