/** Every op of the table, with the relaxed and the plain kernels and on one, two and three threads. */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Random } from '../base/random.ts'
import { Machine } from './machine.ts'
import { compare, type OpCase, opCase, type OpResult, runOp } from './op-check.ts'
import { type Sizes, type Values } from './op-spec.ts'
import { opTable } from './op-table.ts'

const machines: Machine[] = []

before(async () => {
  for (const dialect of ['relaxed', 'plain'] as const) {
    for (const threads of [1, 2, 3]) machines.push(await Machine.start({ dialect, threads }))
  }
})
after(() => {
  for (const machine of machines) machine.close()
})

const named = (machine: Machine) => `${machine.kernels.dialect}, ${machine.threads} threads`
const described = (sizes: Sizes) => JSON.stringify(sizes)

function assertRight(testCase: OpCase, result: OpResult, where: string, before?: Values) {
  const { op, sizes } = testCase
  const wrong = compare(testCase, result, before).filter(({ error, allowed }) => !(error <= allowed))
  assert.deepEqual(wrong, [], `${op.name} ${described(sizes)}, ${where}`)
}

/** Another user's share of the gradient of everything that may have several users. */
function earlierGradients({ op, values }: OpCase, rng: Random): Values {
  const shared = Object.entries(op.operands).filter(([, { role, use }]) => role !== 'constant' && !use)
  return Object.fromEntries(shared.map(([name]) => [name, values[name].map(() => Math.fround(rng.normal()))]))
}

for (const op of opTable) {
  suite(op.name, () => {
    const cases = op.checkSizes.map((sizes, i) => opCase(op, sizes, Random.seeded(7).fork(`${op.name}/${i}`)))

    test('forward and gradients agree with the reference and its differences', () => {
      for (const testCase of cases) {
        for (const machine of machines) assertRight(testCase, runOp(machine, testCase), named(machine))
      }
    })

    test('without a tape the results are the same', () => {
      for (const testCase of cases) {
        const { outputs } = runOp(machines[0], testCase, { isForwardOnly: true })
        assert.deepEqual(outputs, runOp(machines[0], testCase).outputs)
      }
    })

    test('results and gradients do not depend on the number of threads, bit for bit', () => {
      for (const testCase of cases) {
        const [relaxed, plain] = [machines.slice(0, 3), machines.slice(3)]
        for (const [single, ...more] of [relaxed, plain]) {
          const alone = runOp(single, testCase)
          for (const machine of more) assert.deepEqual(runOp(machine, testCase), alone, `${described(testCase.sizes)}, ${named(machine)}`)
        }
      }
    })

    test('gradients are added to those that are there', () => {
      for (const testCase of cases) {
        const before = earlierGradients(testCase, Random.seeded(8).fork(op.name))
        assertRight(testCase, runOp(machines[1], testCase, { before }), 'added', before)
      }
    })

    test('weight gradients that wait are the same', () => {
      for (const testCase of cases) {
        assert.deepEqual(runOp(machines[0], testCase, { deferWeights: true }), runOp(machines[0], testCase))
      }
    })

    if (!Object.values(op.operands).some(({ mayBeView }) => mayBeView)) return
    test('columns of a wider matrix do as well', () => {
      for (const testCase of cases) {
        const before = earlierGradients(testCase, Random.seeded(9).fork(op.name))
        for (const machine of [machines[0], machines[4]]) {
          assert.deepEqual(runOp(machine, testCase, { areViews: true }), runOp(machine, testCase), described(testCase.sizes))
          assertRight(testCase, runOp(machine, testCase, { areViews: true, before }), 'views, added', before)
        }
      }
    })
  })
}

test('every letter of the table has its size, and every op is checked and timed', () => {
  for (const op of opTable) {
    assert.ok(op.checkSizes.length > 0 && op.benchSizes.length > 0, op.name)
    for (const sizes of [...op.checkSizes, ...op.benchSizes]) {
      const { forward, inputs, weights } = op.work({ ...sizes, ...op.derived?.(sizes) })
      for (const { flops, bytes } of [forward, inputs, weights]) assert.ok(flops >= 0 && bytes >= 0, `${op.name} ${described(sizes)}`)
    }
  }
})
