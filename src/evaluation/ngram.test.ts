import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { NgramModel, trainNgram } from './ngram.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

test('an untrained model takes eight bits a byte', () => {
  const { bitsPerByte, trainingBytes } = trainNgram([], 100).score(['größer'])
  assert.deepEqual([bitsPerByte, trainingBytes], [8, 0])
})

test('the probabilities are those of the formula', () => {
  // "abab": a 2, b 2, two kinds, four bytes; behind a came b twice, behind b came a once.
  const model = trainNgram(['abab'], 100, 1)
  const first = (2 + 2 / 256) / 6
  const behindA = (2 + first) / 3
  const near = (actual: number, p: number) => assert.ok(Math.abs(actual + Math.log2(p)) < 1e-12, `${actual}`)
  near(model.bitsOf(bytesOf('b'), 0), first)
  near(model.bitsOf(bytesOf('ab'), 1), behindA)
  near(model.bitsOf(bytesOf('aa'), 1), first / 3)
  near(model.bitsOf(bytesOf('ca'), 1), first)
})

test('in every context the probabilities of all bytes sum to one', () => {
  const bytes = fc.uint8Array({ maxLength: 60, max: 4 })
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 0, max: 5 }), (training, context, contextBytes) => {
      const model = new NgramModel(contextBytes)
      model.learn(training)
      const text = Uint8Array.of(...context, 0)
      let sum = 0
      for (let byte = 0; byte < 256; byte++) {
        text[context.length] = byte
        sum += 2 ** -model.bitsOf(text, context.length)
      }
      assert.ok(Math.abs(sum - 1) < 1e-9, `${sum}`)
    }),
    { numRuns: 40 },
  )
})

test('training stops at its bytes, and more context reads a regular text better', () => {
  const text = 'the sea was calm and the men were at rest; '.repeat(50)
  assert.equal(trainNgram([text, text], 100).trainingBytes, 100)
  const bits = [0, 1, 2, 5].map((contextBytes) => trainNgram([text], 1e6, contextBytes).score([text.slice(0, 100)]).bitsPerByte)
  for (const [index, value] of bits.entries()) if (index > 0) assert.ok(value < bits[index - 1], bits.join(' '))
})
