import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { InvariantError } from '../base/errors.ts'
import { Random } from '../base/index.ts'
import { mean, variance } from '../base/statistics.ts'
import { Machine } from '../compute/index.ts'
import { initialize, ParameterPlan } from './parameters.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 1 })
})
after(() => machine.close())

test('matrices come first, gains last, both in the order of the plan, without gaps', () => {
  using _scope = machine.scope()
  const plan = new ParameterPlan()
  const norm = plan.gain(3, 'norm')
  const up = plan.matrix([5, 3], 'up')
  const lastNorm = plan.gain(5, 'lastNorm')
  const down = plan.matrix([3, 5], 'down')
  assert.equal(plan.count, 38)
  const { weights, gradients, decayedCount, named } = plan.layOut(machine, true)
  assert.equal(decayedCount, 30)
  assert.equal(weights.count, 38)
  const places = [up(), down(), norm(), lastNorm()].map(({ address }) => (address - weights.address) / 4)
  assert.deepEqual(places, [0, 15, 30, 33])
  assert.deepEqual(
    named.map(({ parts }) => parts[0].name),
    ['up', 'down', 'norm', 'lastNorm'],
  )
  for (const { tensor } of named) assert.equal(tensor.gradient!.address - gradients!.address, tensor.address - weights.address)
  assert.ok(gradients!.data.every((value) => value === 0))
})

test('a model that only runs has no gradients', () => {
  using _scope = machine.scope()
  const plan = new ParameterPlan()
  const matrix = plan.matrix([2, 2], 'matrix')
  const { gradients } = plan.layOut(machine, false)
  assert.equal(gradients, undefined)
  assert.equal(matrix().gradient, undefined)
})

test('a parameter cannot be had before the plan is laid out', () => {
  assert.throws(new ParameterPlan().matrix([2, 2], 'matrix'), InvariantError)
})

test('matrices are drawn from N(0, std²) and gains are one', () => {
  using _scope = machine.scope()
  const plan = new ParameterPlan()
  const matrix = plan.matrix([200, 100], 'matrix')
  const gain = plan.gain(100, 'gain')
  initialize(plan.layOut(machine, false), 0.05, Random.seeded(0))
  const drawn = matrix().data
  // Five standard errors: of the mean, and of the variance of a normal distribution.
  assert.ok(Math.abs(mean(drawn)) < (5 * 0.05) / Math.sqrt(drawn.length))
  assert.ok(Math.abs(variance(drawn) / 0.05 ** 2 - 1) < 5 * Math.sqrt(2 / drawn.length))
  assert.ok(drawn.some((value) => Math.abs(value) > 3 * 0.05))
  assert.ok(gain().data.every((value) => value === 1))
})

test('a parameter starts with the same weights whatever else the model has and however its parts are stacked', () => {
  using _scope = machine.scope()
  const start = (build: (plan: ParameterPlan) => void) => {
    const plan = new ParameterPlan()
    build(plan)
    const set = plan.layOut(machine, false)
    initialize(set, 1, Random.seeded(4))
    return set.weights.data.slice()
  }
  const alone = start((plan) => plan.matrix([4, 3], 'a'))
  const amongOthers = start((plan) => {
    plan.gain(4, 'norm')
    plan.matrix([7, 7], 'b')
    plan.matrix([4, 3], 'a')
  })
  assert.deepEqual(amongOthers.slice(49, 61), alone)
  const stacked = start((plan) =>
    plan.matrix(
      [6, 3],
      [
        { name: 'c', shape: [2, 3], offset: 0 },
        { name: 'a', shape: [4, 3], offset: 6 },
      ],
    ),
  )
  assert.deepEqual(stacked.slice(6), alone)
  assert.notDeepEqual(
    start((plan) => plan.matrix([4, 3], 'other')),
    alone,
  )
})
