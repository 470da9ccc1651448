/** What the tape promises when a tensor has several users, views, shared gradients, or weights whose gradients wait. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Random } from '../base/random.ts'
import { Machine } from './machine.ts'
import { linear } from './ops/linear.ts'
import { residual } from './ops/residual.ts'
import { rmsNorm } from './ops/rms-norm.ts'
import { Tape, type TapeOptions } from './tape.ts'
import { columns, Tensor } from './tensor.ts'

let machine: Machine
before(async () => {
  machine = await Machine.start({ threads: 1 })
})
after(() => machine.close())

const draw = (count: number, name: string) => {
  const rng = Random.seeded(6).fork(name)
  return Float32Array.from({ length: count }, () => rng.normal())
}
const input = (name: string, ...shape: number[]) => machine.tensorOf(draw(shape[0] * shape[1], name), shape)

function parameter(name: string, ...shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return new Tensor(machine, machine.tensorOf(draw(count, name), shape).address, shape, 'f32', undefined, machine.zeros(shape))
}

/** Runs `forward` under a tape and gives what it returns the gradient 1. */
function record(forward: () => Tensor, options?: TapeOptions): Tape {
  const tape = new Tape(machine, options)
  machine.tape = tape
  const result = forward()
  machine.tape = null
  tape.into(result).gradient.data.fill(1)
  return tape
}

/** Number by number, as f32 adds. */
const added = (a: ArrayLike<number>, b: ArrayLike<number>) => Float32Array.from(a, (value, i) => Math.fround(value + b[i]))

test('two users of one tensor add their gradients', () => {
  using _scope = machine.scope()
  const [w, u] = [parameter('w', 5, 4), parameter('u', 5, 4)]
  const gradient = (forward: (x: Tensor) => Tensor) => {
    const x_MD = input('x', 3, 4)
    const tape = record(() => forward(x_MD))
    tape.backward()
    return tape.gradientOf(x_MD).toArray()
  }
  const both = gradient((x_MD) => linear(x_MD, u, linear(x_MD, w)))
  assert.deepEqual(
    both,
    added(
      gradient((x_MD) => linear(x_MD, u)),
      gradient((x_MD) => linear(x_MD, w)),
    ),
  )
})

test('two uses of one parameter, and two steps, add their gradients to what is there', () => {
  using _scope = machine.scope()
  const w = parameter('w', 4, 4)
  const once = () => {
    record(() => linear(input('x', 3, 4), w)).backward()
    return w.gradient!.toArray()
  }
  const first = once()
  assert.deepEqual(once(), added(first, first))
  w.gradient!.data.fill(0)
  record(() => linear(input('x', 3, 4), w, linear(input('x', 3, 4), w))).backward()
  assert.deepEqual(w.gradient!.toArray(), added(first, first))
})

test('views of different columns write their own columns of one gradient, a second view of the same adds', () => {
  using _scope = machine.scope()
  const [w, u] = [parameter('w', 5, 3), parameter('u', 5, 2)]
  const gradientOf = (forward: (x: Tensor) => Tensor) => {
    const x_MD = input('x', 4, 5)
    const tape = record(() => forward(x_MD))
    tape.backward()
    return { left: tape.gradientOf(columns(x_MD, 0, 3)).toArray(), right: tape.gradientOf(columns(x_MD, 3, 5)).toArray() }
  }
  const alone = gradientOf((x_MD) => linear(columns(x_MD, 3, 5), u, linear(columns(x_MD, 0, 3), w)))
  const twice = gradientOf((x_MD) => linear(columns(x_MD, 0, 3), w, linear(columns(x_MD, 3, 5), u, linear(columns(x_MD, 0, 3), w))))
  assert.deepEqual(twice, { left: added(alone.left, alone.left), right: alone.right })
})

test('columns of a parameter add to their columns of its gradient alone', () => {
  using _scope = machine.scope()
  const w = parameter('w', 3, 6)
  record(() => linear(input('x', 4, 2), columns(w, 2, 4))).backward()
  const gradient = w.gradient!.toArray()
  assert.ok(gradient.every((value, i) => (i % 6 === 2 || i % 6 === 3 ? value !== 0 : value === 0)))
})

test('columns first and the whole later is fine, the other way round is refused', () => {
  using _scope = machine.scope()
  const [whole, part] = [parameter('whole', 3, 4), parameter('part', 3, 2)]
  const x_MD = input('x', 2, 4)
  record(() => linear(x_MD, whole, linear(columns(x_MD, 0, 2), part))).backward()
  const y_MD = input('x', 2, 4)
  const tape = record(() => linear(columns(y_MD, 0, 2), part, linear(y_MD, whole)))
  assert.throws(() => tape.backward(), /expected no gradient yet, got one of some columns/)
})

test('a sum and its branches share one gradient, and all storage comes back', () => {
  using _scope = machine.scope()
  const [w, u] = [parameter('w', 4, 4), parameter('u', 4, 4)]
  const x_MD = input('x', 3, 4)
  const tape = new Tape(machine)
  const level = machine.heap.levelBytes
  machine.tape = tape
  const start_MD = linear(x_MD, w)
  const middle_MD = residual(start_MD, linear(start_MD, u), linear(start_MD, w))
  const end_MD = residual(middle_MD, linear(middle_MD, u))
  machine.tape = null
  tape.into(end_MD).gradient.data.fill(1)
  tape.backward()
  // What stays is the gradient of x, which no op made.
  machine.heap.free(tape.gradientOf(x_MD).address)
  assert.equal(machine.heap.levelBytes, level)
})

test('without a tape, branches go back to the heap at once', () => {
  using _scope = machine.scope()
  const [x_MD, w] = [input('x', 3, 4), parameter('w', 4, 4)]
  const level = machine.heap.levelBytes
  const y_MD = residual(x_MD, linear(x_MD, w), linear(x_MD, w))
  machine.heap.free(y_MD.address)
  assert.equal(machine.heap.levelBytes, level)
})

test('weight gradients wait in the order of the backward pass, and storage waits with them', () => {
  using _scope = machine.scope()
  const [w, u, gain] = [parameter('w', 4, 4), parameter('u', 4, 4), parameter('gain', 4)]
  const x_MD = input('x', 3, 4)
  const forward = () => linear(rmsNorm(linear(x_MD, w), gain), u)
  record(forward).backward()
  const gradients = [w, u, gain].map(({ gradient }) => gradient!.toArray())
  for (const { gradient } of [w, u, gain]) gradient!.data.fill(0)

  const level = machine.heap.levelBytes
  const tape = record(forward, { deferWeights: true })
  tape.backward()
  assert.equal(tape.waitingCount, 2)
  assert.ok(w.gradient!.toArray().every((value) => value === 0))
  tape.flushWeights(1)
  assert.equal(tape.waitingCount, 1)
  assert.deepEqual(u.gradient!.toArray(), gradients[1], 'the last op is the first to go back')
  assert.ok(machine.heap.levelBytes > level)
  tape.flushWeights()
  assert.deepEqual(
    [w, u, gain].map(({ gradient }) => gradient!.toArray()),
    gradients,
  )
  machine.heap.free(tape.gradientOf(x_MD).address)
  assert.equal(machine.heap.levelBytes, level)
})

test('a gradient that nobody wrote is a defect, not zeros', () => {
  using _scope = machine.scope()
  const tape = new Tape(machine)
  machine.tape = tape
  const y_MD = linear(input('x', 2, 3), parameter('w', 4, 3))
  machine.tape = null
  assert.equal(tape.hasGradient(y_MD), false)
  assert.throws(() => tape.backward(), /expected a gradient, got a tensor that nothing used/)
})
