import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/index.ts'
import { type Dialect, Machine, roundToBf16 } from '../compute/index.ts'
import { type AdamW, type AdamWConfig, averageOf, createAdamW, momentNumbers, norm, stepAdamW } from './adamw.ts'
import { ParameterPlan, type ParameterSet } from './parameters.ts'

const config: AdamWConfig = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, emaDecay: 0.9 }

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

/** Matrices of 17,003 numbers, more than a chunk and no multiple of a vector's lanes, then gains of 37. */
function makeSet(on: Machine): ParameterSet {
  const plan = new ParameterPlan()
  plan.matrix([1000, 17], 'matrix')
  plan.matrix([3], 'odd')
  plan.gain(37, 'gain')
  const set = plan.layOut(on, true)
  fill(set.weights.data, 'weights', 0.3)
  return set
}

function fill(target: Float32Array | Int32Array, name: string, std: number): void {
  const rng = Random.seeded(8).fork(name)
  for (let i = 0; i < target.length; i++) target[i] = std * rng.normal()
}

/** The same rule in float64, number by number. */
class Twin {
  readonly weights: Float64Array
  readonly mean: Float64Array
  readonly square: Float64Array
  readonly average: Float64Array
  step = 0

  constructor({ weights }: ParameterSet) {
    this.weights = Float64Array.from(weights.data)
    this.mean = new Float64Array(weights.count)
    this.square = new Float64Array(weights.count)
    this.average = Float64Array.from(weights.data)
  }

  take(gradients: ArrayLike<number>, decayedCount: number, c: AdamWConfig, lr: number): void {
    this.step++
    let squares = 0
    for (let i = 0; i < gradients.length; i++) squares += gradients[i] ** 2
    const clip = Math.min(1, c.clipNorm / Math.sqrt(squares))
    for (let i = 0; i < gradients.length; i++) {
      const g = clip * gradients[i]
      this.mean[i] = c.beta1 * this.mean[i] + (1 - c.beta1) * g
      this.square[i] = c.beta2 * this.square[i] + (1 - c.beta2) * g * g
      const meanHat = this.mean[i] / (1 - c.beta1 ** this.step)
      const squareHat = this.square[i] / (1 - c.beta2 ** this.step)
      const decay = i < decayedCount ? c.weightDecay : 0
      this.weights[i] -= lr * (meanHat / (Math.sqrt(squareHat) + c.epsilon) + decay * this.weights[i])
      this.average[i] = c.emaDecay! * this.average[i] + (1 - c.emaDecay!) * this.weights[i]
    }
  }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]))
  return largest
}

/** Steps with gradients above the clipping norm, then below it, at changing learning rates. */
function train(set: ParameterSet, state: AdamW, after: (gradients: Float32Array, learningRate: number) => void): void {
  const { gradients } = set
  const stds = [1, 0.3, 0.001, 0.004, 2, 0.0001]
  for (const [step, std] of stds.entries()) {
    fill(gradients!.data, `gradients/${step}`, std)
    const learningRate = 0.01 / (1 + step)
    stepAdamW(state, set, config, norm(gradients!), learningRate)
    after(gradients!.data as Float32Array, learningRate)
  }
}

for (const dialect of ['relaxed', 'plain'] as const satisfies readonly Dialect[]) {
  test(`weights, moments and average follow a float64 twin for six steps (${dialect})`, async () => {
    const on = await Machine.start({ threads: 2, dialect })
    try {
      const set = makeSet(on)
      const state = createAdamW(set, config)
      const twin = new Twin(set)
      train(set, state, (gradients, learningRate) => {
        twin.take(gradients, set.decayedCount, config, learningRate)
        // A step moves a weight by at most a few learning rates; f32 keeps the weights, about 1, to 6e-8 a step.
        assert.ok(largestDifference(set.weights.data, twin.weights) < 5e-7, `weights after step ${twin.step}`)
        assert.ok(largestDifference(state.average!.data, twin.average) < 5e-7, `average after step ${twin.step}`)
        assert.ok(largestDifference(state.mean.data, twin.mean) < 1e-8, `mean after step ${twin.step}`)
        assert.ok(largestDifference(state.square.data, twin.square) < 1e-9, `square after step ${twin.step}`)
      })
      assert.equal(state.step, 6)
      assert.ok(largestDifference(set.weights.data, state.average!.data) > 1e-3, 'the average lags behind')
    } finally {
      on.close()
    }
  })
}

test('one, two and three threads give the same bits', async () => {
  const found = []
  for (const threads of [1, 2, 3]) {
    const on = await Machine.start({ threads })
    try {
      const set = makeSet(on)
      const state = createAdamW(set, config)
      const norms: number[] = []
      train(set, state, () => void norms.push(norm(set.gradients!)))
      found.push({ norms, weights: set.weights.data.slice(), average: state.average!.data.slice() })
    } finally {
      on.close()
    }
  }
  assert.deepEqual(found[1], found[0])
  assert.deepEqual(found[2], found[0])
})

test('without a gradient matrices decay and gains stay', () => {
  using _scope = machine.scope()
  const set = makeSet(machine)
  const start = set.weights.data.slice()
  stepAdamW(createAdamW(set, config), set, config, norm(set.gradients!), 0.5)
  const { data } = set.weights
  for (let i = 0; i < set.decayedCount; i++) assert.ok(Math.abs(data[i] - 0.95 * start[i]) < 1e-6)
  assert.deepEqual(data.slice(set.decayedCount), start.slice(set.decayedCount))
})

test('a gradient above the norm counts as if scaled down to it, one below as it is', () => {
  using _scope = machine.scope()
  const set = makeSet(machine)
  const firstMean = (scale: number) => {
    const state = createAdamW(set, config)
    fill(set.gradients!.data, 'gradients', scale)
    const length = norm(set.gradients!)
    stepAdamW(state, set, config, length, 0)
    return { length, meanLength: norm(state.mean) / (1 - config.beta1) }
  }
  const large = firstMean(10)
  assert.ok(large.length > 100)
  assert.ok(Math.abs(large.meanLength - config.clipNorm) < 1e-5)
  const small = firstMean(1e-3)
  assert.ok(small.length < 1)
  assert.ok(Math.abs(small.meanLength / small.length - 1) < 1e-5)
})

test('the average starts at the weights, whatever lay in the heap before, and can be left out', () => {
  using _scope = machine.scope()
  {
    using _dirty = machine.scope()
    machine.tensor([1 << 18]).data.fill(Number.NaN)
  }
  const set = makeSet(machine)
  const state = createAdamW(set, config)
  assert.deepEqual(state.average!.data, set.weights.data)
  assert.ok(state.mean.data.every((value) => value === 0) && state.square.data.every((value) => value === 0))

  const { average } = createAdamW(set, { ...config, emaDecay: null })
  assert.equal(average, undefined)
})

test('without an average the weights take the same steps', () => {
  using _scope = machine.scope()
  const run = (emaDecay: number | null) => {
    const set = makeSet(machine)
    fill(set.gradients!.data, 'gradients', 0.1)
    stepAdamW(createAdamW(set, { ...config, emaDecay }), set, { ...config, emaDecay }, norm(set.gradients!), 0.01)
    return set.weights.data.slice()
  }
  assert.deepEqual(run(null), run(0.9))
})

for (const dialect of ['relaxed', 'plain'] as const) {
  test(`moments in bf16: each step is that of f32 moments, rounded to nearest even afterwards, bit for bit (${dialect})`, async () => {
    const on = await Machine.start({ threads: 2, dialect })
    try {
      const [set, twinSet] = [makeSet(on), makeSet(on)]
      const state = createAdamW(set, { ...config, moments: 'bf16' })
      const twin = createAdamW(twinSet, config)
      train(set, state, (gradients, learningRate) => {
        twinSet.gradients!.data.set(gradients)
        stepAdamW(twin, twinSet, config, norm(twinSet.gradients!), learningRate)
        const moved = twin.mean.toArray()
        for (const { data } of [twin.mean, twin.square]) roundToBf16(data as Float32Array)
        assert.notDeepEqual(twin.mean.data, moved)
        assert.deepEqual(momentNumbers(state.mean), twin.mean.data)
        assert.deepEqual(momentNumbers(state.square), twin.square.data)
        assert.deepEqual(set.weights.data, twinSet.weights.data)
        assert.deepEqual(state.average!.data, twin.average!.data)
      })
    } finally {
      on.close()
    }
  })

  test(`an average in the host's memory has the same bits as one in the heap, whose level stays (${dialect})`, async () => {
    const on = await Machine.start({ threads: 3, dialect })
    try {
      for (const moments of ['f32', 'bf16'] as const) {
        const plan = new ParameterPlan()
        // More than passes through the heap at once, and no multiple of anything.
        plan.matrix([523, 257], 'matrix')
        plan.gain(16_391, 'gain')
        const [inside, outside] = [plan.layOut(on, true), plan.layOut(on, true)]
        for (const { weights } of [inside, outside]) fill(weights.data, 'weights', 0.3)
        const heapState = createAdamW(inside, { ...config, moments })
        const hostState = createAdamW(outside, { ...config, moments, averageIn: 'host' })
        assert.deepEqual([hostState.average, averageOf(heapState)], [undefined, heapState.average])
        const level = on.heap.levelBytes
        train(inside, heapState, (gradients, learningRate) => {
          outside.gradients!.data.set(gradients)
          stepAdamW(hostState, outside, config, norm(outside.gradients!), learningRate)
          assert.deepEqual(outside.weights.data, inside.weights.data)
          assert.deepEqual(averageOf(hostState), heapState.average!.data)
        })
        assert.equal(on.heap.levelBytes, level)
        assert.notDeepEqual(averageOf(hostState), outside.weights.data)
      }
    } finally {
      on.close()
    }
  })
}

test('the norm is that of all numbers, wherever they are, and leaves nothing on the heap', () => {
  using _scope = machine.scope()
  for (const count of [1, 7, 16_383, 16_384, 16_385, 50_001]) {
    const x = machine.tensor([count])
    fill(x.data, 'norm', 2)
    const level = machine.heap.levelBytes
    const expected = Math.sqrt((x.data as Float32Array).reduce((sum, value) => sum + value * value, 0))
    assert.ok(Math.abs(norm(x) / expected - 1) < 1e-6, `${count} numbers`)
    assert.equal(machine.heap.levelBytes, level)
  }
})

test('one number that is not finite makes the norm not finite', () => {
  using _scope = machine.scope()
  const x = machine.zeros([40_003])
  for (const index of [0, 5, 16_384, 40_002]) {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      x.data[index] = bad
      assert.ok(!Number.isFinite(norm(x)), `${bad} at ${index}`)
      x.data[index] = 0
    }
  }
  assert.equal(norm(x), 0)
})
