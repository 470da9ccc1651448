import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/index.ts'
import { type Dialect, Machine, Tape } from '../compute/index.ts'
import { initialize } from '../foundations/index.ts'
import { gradientsByName } from './checkpoint-weights.ts'
import type { ModelConfig } from './config.ts'
import { type Batch, createModel, forward, logits, type Model, type Objective, tokenLosses } from './model.ts'
import { presets } from './presets.ts'

const { tiny } = presets
const plainConfig: ModelConfig = { ...tiny, mtpDepth: 0 }
const objective: Objective = { mtpWeight: 0.3, balanceWeight: 0.01 }
const mainOnly: Objective = { mtpWeight: 0, balanceWeight: 0 }

/** Two orders of adding the same numbers: what a layer or three make of single rounding errors. */
const rounding = 1e-5

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 2 })
})
after(() => machine.close())

/** A model in the innermost scope, with weights and router biases that depend on nothing but their names. */
function makeModel(on: Machine, config: ModelConfig): Model {
  const model = createModel(on, config, { withGradients: true })
  const rng = Random.seeded(3)
  initialize(model.parameters.set, config.initStd, rng)
  for (const { name, tensor } of model.parameters.biases) {
    const stream = rng.fork(name)
    tensor.data.set(Float32Array.from({ length: tensor.count }, () => 0.1 * stream.normal()))
  }
  return model
}

/** Random rows of T + 1 tokens. */
function makeBatch(rows: number, length: number, name = 'tokens'): Batch {
  const rng = Random.seeded(5).fork(name)
  const rowTokens = length + 1
  return { rows, length, rowTokens, tokens_BS: Int32Array.from({ length: rows * rowTokens }, () => rng.below(tiny.vocabSize)) }
}

/** One row of a batch, as a batch of its own. */
function rowOf(batch: Batch, row: number): Batch {
  const { rowTokens } = batch
  return { ...batch, rows: 1, tokens_BS: batch.tokens_BS.slice(row * rowTokens, (row + 1) * rowTokens) }
}

/** The batch with one token changed. */
function withToken(batch: Batch, index: number): Batch {
  const tokens_BS = batch.tokens_BS.slice()
  tokens_BS[index] = (tokens_BS[index] + 1) % tiny.vocabSize
  return { ...batch, tokens_BS }
}

/** Logits as an array, the heap as before. */
function logitsOf(model: Model, batch: Batch): Float32Array {
  using _scope = model.machine.scope()
  return logits(model, batch).toArray()
}

/** One forward and backward pass into zeroed gradients. */
function run(model: Model, batches: readonly Batch[], goal: Objective, deferWeights = false) {
  model.parameters.set.gradients!.data.fill(0)
  const losses = batches.map((batch) => {
    using _scope = model.machine.scope()
    const tape = new Tape(model.machine, { deferWeights })
    model.machine.tape = tape
    const found = forward(model, batch, goal)
    model.machine.tape = null
    tape.backward()
    // In two goes, as a schedule would.
    tape.flushWeights(Math.ceil(tape.waitingCount / 2))
    tape.flushWeights()
    return found
  })
  return { losses, gradients: gradientsByName(model), flat: model.parameters.set.gradients!.data.slice() as Float32Array }
}

function assertClose(ours: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(ours.length, expected.length)
  let largest = 0
  let difference = 0
  for (let i = 0; i < ours.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]))
    difference = Math.max(difference, Math.abs(ours[i] - expected[i]))
  }
  assert.ok(largest > 0, `${what}: expected something but zeros`)
  assert.ok(difference <= tolerance * largest, `${what}: differ by ${difference / largest} of the largest`)
}

test('a token changes no logits before it, and those at it and after it', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, plainConfig)
  const { vocabSize } = plainConfig
  const batch = makeBatch(1, 50)
  const whole = logitsOf(model, batch)
  for (const t of [0, 1, 17, 49]) {
    const changed = logitsOf(model, withToken(batch, t))
    const cut = t * vocabSize
    assert.deepEqual(changed.subarray(0, cut), whole.subarray(0, cut), `before token ${t}`)
    for (let later = t; later < batch.length; later++) {
      const [from, to] = [later * vocabSize, (later + 1) * vocabSize]
      assert.notDeepEqual(changed.subarray(from, to), whole.subarray(from, to), `token ${t} is not seen at ${later}`)
    }
  }
})

test('documents in a row neither see each other nor mind where in the row they stand', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, plainConfig)
  const { vocabSize } = plainConfig
  const batch = makeBatch(1, 60)
  const border = 23
  const documentStart_BS = Int32Array.from({ length: batch.rowTokens }, (_, t) => (t < border ? 0 : border))
  const packed = logitsOf(model, { ...batch, documentStart_BS })
  const alone = (from: number, to: number): Batch => ({
    rows: 1,
    length: to - from,
    rowTokens: to - from + 1,
    tokens_BS: batch.tokens_BS.slice(from, to + 1),
  })
  assertClose(packed.subarray(0, border * vocabSize), logitsOf(model, alone(0, border)), rounding, 'first document')
  assertClose(packed.subarray(border * vocabSize), logitsOf(model, alone(border, batch.length)), rounding, 'second document')
  const changed = logitsOf(model, { ...withToken(batch, 5), documentStart_BS })
  assertClose(changed.subarray(border * vocabSize), packed.subarray(border * vocabSize), rounding, 'second document, first one changed')
  const open = logitsOf(model, batch)
  assert.ok(open.at(-1) !== packed.at(-1), 'without borders the second document sees the first')
})

test('documents are apart in training too: each one’s gradient is its own', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, plainConfig)
  const batch = makeBatch(1, 40)
  const border = 24
  const documentStart_BS = Int32Array.from({ length: batch.rowTokens }, (_, t) => (t < border ? 0 : border))
  const packed = run(model, [{ ...batch, documentStart_BS }], mainOnly)
  // The last token of a document still predicts the first one of the next: the same targets, weighed by length.
  const parts = [
    { ...batch, length: border, rowTokens: border + 1, tokens_BS: batch.tokens_BS.slice(0, border + 1) },
    { ...batch, length: 40 - border, rowTokens: 41 - border, tokens_BS: batch.tokens_BS.slice(border) },
  ]
  const sum = new Float32Array(packed.flat.length)
  for (const part of parts) {
    const { flat } = run(model, [part], { ...mainOnly, share: part.length / batch.length })
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i] + flat[i]
  }
  assertClose(packed.flat, sum, rounding, 'gradients')
})

test('a batch of three rows equals three batches of one', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, tiny)
  const batch = makeBatch(3, 33)
  const rows = [0, 1, 2].map((row) => rowOf(batch, row))
  const together = logitsOf(model, batch)
  const size = batch.length * tiny.vocabSize
  for (const [b, row] of rows.entries()) {
    assert.deepEqual(together.subarray(b * size, (b + 1) * size), logitsOf(model, row), `row ${b}`)
  }
  const one = run(model, [batch], objective)
  const three = run(model, rows, { ...objective, share: 1 / 3 })
  assertClose(three.flat, one.flat, rounding, 'gradients accumulated over micro-batches')
  const mean = three.losses.reduce((sum, { total }) => sum + total, 0) / 3
  assert.ok(Math.abs(mean - one.losses[0].total) < rounding)
})

test('without a weight for them, MTP modules are as if they were not there', () => {
  using _scope = machine.scope()
  const batch = makeBatch(2, 40)
  const withModule = run(makeModel(machine, tiny), [batch], mainOnly)
  const without = run(makeModel(machine, plainConfig), [batch], mainOnly)
  assert.deepEqual(withModule.losses[0].mtp, [])
  assert.equal(withModule.losses[0].main, without.losses[0].main)
  for (const [name, gradient] of withModule.gradients) {
    const expected = without.gradients.get(name)
    if (expected) assert.deepEqual(gradient, expected, name)
    else assert.ok(name.startsWith('model.layers.3.') && gradient.every((value) => value === 0), name)
  }
  const weighed = run(makeModel(machine, tiny), [batch], objective)
  assert.equal(weighed.losses[0].main, without.losses[0].main)
  assert.equal(weighed.losses[0].mtp.length, 1)
  assert.ok(weighed.gradients.get('model.layers.3.eh_proj.weight')!.some((value) => value !== 0))
})

test('the total is main + lambda mean(mtp) + alpha sum(balance)', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, { ...tiny, mtpDepth: 2 })
  const { main, mtp, routers, total } = run(model, [makeBatch(2, 40)], objective).losses[0]
  assert.equal(mtp.length, 2)
  assert.equal(routers.length, 4)
  const balance = routers.reduce((sum, report) => sum + report.balance!, 0)
  assert.equal(total, main + (0.3 * (mtp[0] + mtp[1])) / 2 + 0.01 * balance)
  // At random weights every prediction is close to uniform; depth 2 has one target of 40 less, depth 3 two.
  assert.ok(Math.abs(main - Math.log(512)) < 0.5)
  assert.ok(Math.abs(mtp[0] - (Math.log(512) * 39) / 40) < 0.5)
  assert.ok(Math.abs(mtp[1] - (Math.log(512) * 38) / 40) < 0.5)
})

test('the mean of the losses of all tokens is the main loss', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, plainConfig)
  const batch = makeBatch(2, 31)
  const each = tokenLosses(model, batch).toArray()
  const mean = each.reduce((sum, loss) => sum + loss, 0) / each.length
  assert.ok(Math.abs(mean - forward(model, batch, mainOnly).main) < 1e-6)
})

test('weight gradients that wait are the same ones, bit for bit', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, tiny)
  const batches = [makeBatch(2, 40), makeBatch(2, 40, 'more')]
  const atOnce = run(model, batches, objective)
  const deferred = run(model, batches, objective, true)
  assert.deepEqual(deferred.flat, atOnce.flat)
})

for (const dialect of ['relaxed', 'plain'] as const satisfies readonly Dialect[]) {
  test(`one, two and three threads give the same bits (${dialect})`, async () => {
    const found = []
    for (const threads of [1, 2, 3]) {
      const pool = await Machine.start({ threads, dialect })
      try {
        const model = makeModel(pool, tiny)
        const batch = makeBatch(3, 61)
        const documentStart_BS = Int32Array.from({ length: batch.tokens_BS.length }, (_, i) => (i % 62 < 20 ? 0 : 20))
        const { losses, flat } = run(model, [{ ...batch, documentStart_BS }], objective)
        found.push({ total: losses[0].total, flat, logits: logitsOf(model, batch) })
      } finally {
        pool.close()
      }
    }
    assert.deepEqual(found[1], found[0])
    assert.deepEqual(found[2], found[0])
  })
}

test('a step leaves the heap as it found it, and the next one needs no more', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, tiny)
  const batch = makeBatch(2, 50)
  const level = machine.heap.levelBytes
  run(model, [batch], objective)
  assert.equal(machine.heap.levelBytes, level)
  const peak = machine.heap.peakBytes
  for (let step = 0; step < 3; step++) run(model, [batch, batch], objective)
  assert.equal(machine.heap.levelBytes, level)
  assert.equal(machine.heap.peakBytes, peak)
})

test('the loss moves along its gradient as the gradient says', () => {
  using _scope = machine.scope()
  // Every expert active: a choice that flips would be a step in the loss, which no gradient knows of.
  const model = makeModel(machine, { ...tiny, groupCount: 1, activeGroupCount: 1, activeExpertCount: tiny.expertCount })
  const batch = makeBatch(2, 24)
  const { flat } = run(model, [batch], objective)
  const weights = model.parameters.set.weights
  const start = weights.data.slice()
  const squared = flat.reduce((sum, g) => sum + g * g, 0)
  const totalAt = (change: number) => {
    weights.data.set(start.map((value, i) => value + (change * flat[i]) / squared))
    using _step = machine.scope()
    return forward(model, batch, objective).total
  }
  // Central, so that the curvature cancels; large beside the rounding of a loss of about 6 nats.
  const change = 0.01
  const share = (totalAt(change) - totalAt(-change)) / (2 * change)
  assert.ok(Math.abs(share - 1) < 0.01, `the loss moved by ${share} of what the gradient said`)
})

test('the reverse pass returns storage as it goes, gradients too', () => {
  using _scope = machine.scope()
  const model = makeModel(machine, tiny)
  const tape = new Tape(machine)
  machine.tape = tape
  forward(model, makeBatch(2, 200), objective)
  machine.tape = null
  const level = machine.heap.levelBytes
  tape.backward()
  assert.ok(machine.heap.levelBytes < level, `expected less than the ${level} bytes of the forward pass, got ${machine.heap.levelBytes}`)
})
