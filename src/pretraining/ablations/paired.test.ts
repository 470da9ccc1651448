import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Random } from '../../base/random.ts'
import { createModel, tokenLosses } from '../../architecture/index.ts'
import { Machine } from '../../compute/index.ts'
import { initialize } from '../../foundations/index.ts'
import { prepareText } from '../prepare-text.ts'
import { recipes } from '../recipes.ts'
import { heldOutRows, pairedVerdict, scoreHeldOut } from './paired.ts'

const text = await prepareText(recipes.tiny(), {})

test('rows that one model finds harder by the same amount are told apart, however much the rows differ', () => {
  const rng = Random.seeded(1)
  const control = Array.from({ length: 40 }, () => 3 + 2 * rng.uniform())
  const harder = pairedVerdict([control.map((loss) => loss + 0.01 + 0.001 * rng.normal())], [control], 'rows')
  assert.equal(harder.verdict, 'higher')
  assert.ok(harder.low > 0.009 && harder.high < 0.011, JSON.stringify(harder))
  const easier = pairedVerdict([control], [control.map((loss) => loss + 0.01 + 0.001 * rng.normal())], 'rows')
  assert.equal(easier.verdict, 'lower')
  assert.deepEqual([harder.n, harder.intervalOver], [40, 'rows'])
})

test('a difference whose interval holds zero is not established', () => {
  const shift = [0.1, -0.1, 0.2, -0.2, 0.05, -0.04]
  const { difference, low, high, verdict } = pairedVerdict([shift], [shift.map(() => 0)], 'rows')
  assert.ok(low < difference && difference < high)
  assert.equal(verdict, 'not established')
})

test('three seeds make the interval one over seeds, and few of them a wide one', () => {
  const rows = (shift: number) => Array.from({ length: 50 }, () => shift)
  const control = [rows(0), rows(0), rows(0)]
  const two = pairedVerdict([rows(0.1), rows(0.3)], control.slice(0, 2), 'rows')
  assert.deepEqual([two.intervalOver, two.n], ['rows', 50])
  const three = pairedVerdict([rows(0.1), rows(0.3), rows(-0.05)], control, 'rows')
  assert.deepEqual([three.intervalOver, three.n, three.verdict], ['seeds', 3, 'not established'])
})

test('broken training is worse than any loss, and nothing is established where both arms broke', () => {
  const rows = [1, 2, 3]
  assert.deepEqual(pairedVerdict([null], [rows], 'rows').verdict, 'higher')
  assert.equal(pairedVerdict([rows], [null], 'rows').difference, Number.NEGATIVE_INFINITY)
  assert.deepEqual(pairedVerdict([null], [null], 'rows').verdict, 'not established')
})

test('exchanging the arms turns the result round', () => {
  const sample = fc.array(fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true })), {
    minLength: 2,
  })
  fc.assert(
    fc.property(sample, (pairs) => {
      const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
      const there = pairedVerdict([a], [b], 'rows')
      const back = pairedVerdict([b], [a], 'rows')
      const near = (x: number, y: number) => assert.ok(Math.abs(x - y) < 1e-9)
      near(there.difference, -back.difference)
      near(there.low, -back.high)
      near(there.high, -back.low)
    }),
  )
})

test('held-out rows hold no training text, none of them twice, and say how many bytes they predict', () => {
  const length = 64
  const { batches, domainOfRow, bytesOfRow } = heldOutRows(text, length, 1000, 1)
  assert.ok(domainOfRow.length < 1000, 'the vendored corpus holds less back than that')
  assert.equal(domainOfRow.length, batches.length * 8)
  const inputs = batches.flatMap(({ rows, rowTokens, tokens_BS }) =>
    Array.from({ length: rows }, (_, row) => [...tokens_BS.subarray(row * rowTokens, row * rowTokens + length)].join(' ')),
  )
  assert.equal(new Set(inputs).size, inputs.length)
  for (const { name, train } of text.tokenized.domains) {
    const trained = ` ${[...train.ids].join(' ')} `
    for (const [row, ids] of inputs.entries())
      if (domainOfRow[row] === name) assert.ok(!trained.includes(` ${ids} `), `${name}, row ${row}`)
  }
  const [{ tokens_BS }] = batches
  const decoded = new TextEncoder().encode(
    text.tokenizer.decode([...tokens_BS.subarray(1, length + 1)].filter((id) => id !== text.tokenized.eosId)),
  )
  assert.ok(Math.abs(decoded.length - bytesOfRow[0]) <= 4, 'characters that are cut at an end are all that may differ')
})

test('too little held-out text is said', () => {
  const short = {
    ...text,
    tokenized: {
      ...text.tokenized,
      domains: text.tokenized.domains.map((domain) => ({
        ...domain,
        heldOut: { ids: domain.heldOut.ids.subarray(0, 90), offsets: Uint32Array.of(0, 90) },
      })),
    },
  }
  assert.throws(() => heldOutRows(short, 64, 100, 1), /held-out text for 8 rows of 65 tokens, got [0-7] rows/)
})

test('a row’s loss is the mean of its tokens’, and an even router has no overload', async () => {
  const machine = await Machine.start({ threads: 1, dialect: 'plain' })
  const { model: config } = recipes.tiny()
  const model = createModel(machine, config, { withGradients: false, length: 64 })
  initialize(model.parameters.set, config.initStd, Random.seeded(3))
  const rows = heldOutRows(text, 64, 16, 1)
  const level = machine.heap.levelBytes
  const { rowLossNats, lossByQuarter, batchOverload } = scoreHeldOut(model, rows, false)
  assert.equal(machine.heap.levelBytes, level)
  const { tokens_BS, rowTokens } = rows.batches[1]
  const losses = tokenLosses(model, { rows: 8, length: 64, rowTokens, tokens_BS }).toArray()
  const mean = losses.subarray(128, 192).reduce((sum, loss) => sum + loss, 0) / 64
  assert.ok(Math.abs(rowLossNats[10] - mean) < 1e-6)
  assert.equal(lossByQuarter.length, 4)
  assert.equal(batchOverload.length, 2)
  assert.ok(batchOverload.every((overload) => overload > 0))
  machine.close()
})
