import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { UsageError } from '../../base/errors.ts'
import type { BatchSource } from '../batch-source.ts'
import { InterleavedRows } from './interleaved-rows.ts'

/** Rows that say whose they are and which: token 100 n + i of the source with number n. */
function counting(name: string, n: number, weight?: number): BatchSource {
  let next = 0
  return {
    domainNames: [name],
    nextBatch: (rows, length) => {
      const rowTokens = length + 1
      const tokens_BS = Int32Array.from({ length: rows * rowTokens }, () => 100 * n)
      for (let row = 0; row < rows; row++) tokens_BS.fill(100 * n + next++, row * rowTokens, (row + 1) * rowTokens)
      const targetWeight_BS = weight === undefined ? undefined : new Float32Array(rows * rowTokens).fill(weight)
      return {
        rows,
        length,
        rowTokens,
        tokens_BS,
        documentStart_BS: new Int32Array(rows * rowTokens),
        targetWeight_BS,
        domainOfRow_B: new Int32Array(rows),
      }
    },
    state: () => next,
    restore: (state) => void (next = state as number),
  }
}

const both = (share: number) => new InterleavedRows(counting('answers', 1, 0.5), counting('prose', 2), share, 'replayed ')

test('a share of the rows is of the second source, spread evenly, each source in its own order', () => {
  const source = both(0.25)
  assert.deepEqual(source.domainNames, ['answers', 'replayed prose'])
  const { tokens_BS, domainOfRow_B, targetWeight_BS } = source.nextBatch(8, 3)
  const firsts = Array.from({ length: 8 }, (_, row) => tokens_BS[4 * row])
  assert.deepEqual(firsts, [100, 101, 102, 200, 103, 104, 105, 201])
  assert.deepEqual([...domainOfRow_B], [0, 0, 0, 1, 0, 0, 0, 1])
  assert.deepEqual([targetWeight_BS![0], targetWeight_BS![12]], [0.5, 1], 'rows without weights count in full')
})

test('batches of any size give the same rows, and a state continues them', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.95, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
      (share, sizes) => {
        const [whole, parts] = [both(share), both(share)]
        const total = sizes.reduce((sum, size) => sum + size, 0)
        const expected = [...whole.nextBatch(total, 2).tokens_BS]
        const got = sizes.flatMap((size) => {
          const resumed = both(share)
          resumed.restore(JSON.parse(JSON.stringify(parts.state())))
          const rows = [...parts.nextBatch(size, 2).tokens_BS]
          assert.deepEqual([...resumed.nextBatch(size, 2).tokens_BS], rows)
          return rows
        })
        assert.deepEqual(got, expected)
        const seconds = expected.filter((token, i) => i % 3 === 0 && token >= 200).length
        assert.equal(seconds, Math.floor(total * share))
      },
    ),
  )
})

test('impossible shares and foreign states are refused', () => {
  for (const share of [1, -0.1, Number.NaN]) assert.throws(() => both(share), UsageError)
  assert.throws(() => both(0.5).restore({ drawn: -1 }), UsageError)
})
