/**
 * Checks an op of the table: forward against its float64 reference, gradients against central differences of that same
 * reference. The case (numbers, expected results, derivatives) is made once and holds for every machine that runs it.
 */
import type { Random } from '../base/random.ts'
import { bits, type Machine } from './machine.ts'
import { completeSizes, countOf, drawOperands, type OpSpec, shapeOf, type Sizes, type Values } from './op-spec.ts'
import { Tape } from './tape.ts'
import { columns, type Dtype, Tensor } from './tensor.ts'
import { tolerance } from './tolerance.ts'

/** How fast the objective grows when an operand moves along a direction of length 1. */
interface Derivative {
  readonly operand: string
  readonly direction: Float64Array
  readonly value: number
}

export interface OpCase {
  readonly op: OpSpec
  readonly sizes: Sizes
  readonly values: Values
  readonly expected: Values
  /** The objective is the sum of <cotangent, output>. */
  readonly cotangents: Values
  readonly derivatives: readonly Derivative[]
}

const step = 1e-5
/** Arithmetic that the derivatives of one operand may take, about. */
const budgetFlops = 1e7
const mostElements = 10

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

function largest(values: ArrayLike<number>): number {
  let top = 0
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]))
  return top
}

/** Directions to differentiate along: one through all numbers of the operand, and some of its numbers alone. */
function directions(count: number, singles: number, rng: Random): Float64Array[] {
  if (count === 0) return []
  const through = Float64Array.from({ length: count }, () => (rng.below(2) === 0 ? -1 : 1) / Math.sqrt(count))
  const alone = Array.from({ length: Math.min(singles, count) }, () => {
    const direction = new Float64Array(count)
    direction[rng.below(count)] = 1
    return direction
  })
  return [through, ...alone]
}

/** Draws an op's operands and works out what it should give. */
export function opCase(op: OpSpec, sizes: Sizes, rng: Random): OpCase {
  const all = completeSizes(op, sizes)
  const values = drawOperands(op, sizes, rng)
  const expected = op.reference(values, all)
  const drawn = Object.entries(op.outputs)
    .filter(([, kind]) => kind === 'differentiable')
    .map(([name]) => {
      const stream = rng.fork(`cotangent/${name}`)
      return [name, Float64Array.from({ length: countOf(name, all) }, () => Math.fround(stream.normal()))]
    })
  const cotangents: Values = { ...Object.fromEntries(drawn), ...op.fixedCotangents?.(values, all) }
  const objective = (at: Values) => {
    const outputs = op.reference(at, all)
    return Object.entries(cotangents).reduce((sum, [name, cotangent]) => sum + dot(cotangent, outputs[name]), 0)
  }
  const singles = Math.min(mostElements, Math.floor(budgetFlops / (2 * op.work(all).forward.flops + 1)))
  const derivatives = Object.entries(op.operands)
    .filter(([, { role }]) => role !== 'constant' && drawn.length > 0)
    .flatMap(([operand]) =>
      directions(values[operand].length, singles, rng.fork(`direction/${operand}`)).map((direction) => {
        const moved = (by: number) => objective({ ...values, [operand]: values[operand].map((value, i) => value + by * direction[i]) })
        return { operand, direction, value: (moved(step) - moved(-step)) / (2 * step) }
      }),
    )
  return { op, sizes: all, values, expected, cotangents, derivatives }
}

export interface RunOptions {
  /** Operands that may be views of columns are such views. */
  readonly areViews?: boolean
  /** Gradients that are there before the backward pass, by operand: someone else's share. */
  readonly before?: Values
  /** Weight gradients wait until all input gradients are there. */
  readonly deferWeights?: boolean
  /** Without a tape, ops keep nothing. */
  readonly isForwardOnly?: boolean
}

/** Copies of what a run left in the heap. */
export interface OpResult {
  readonly outputs: Readonly<Record<string, ArrayLike<number>>>
  readonly gradients: Readonly<Record<string, ArrayLike<number>>>
}

/** Bytes of NaN laid down where the op's tensors will be, so that reading what nobody wrote shows. */
const dirtBytes = 2 ** 20
const marginColumns = 3

/** Runs an op of the table forward, and backward unless told not to. */
export function runOp(machine: Machine, { op, sizes, values, cotangents }: OpCase, options: RunOptions = {}): OpResult {
  using _scope = machine.scope()
  const dirt = machine.heap.allocate(dirtBytes)
  machine.run('fill', dirt, dirtBytes / 4, bits(NaN))
  machine.heap.free(dirt)

  const tensors = Object.fromEntries(
    Object.entries(op.operands).map(([name, { role, dtype, mayBeView }]) => {
      const before = role === 'weight' ? (options.before?.[name] ?? new Float64Array(values[name].length)) : undefined
      const shape = shapeOf(name, sizes)
      const isView = options.areViews === true && mayBeView === true
      return [name, isView ? placeView(machine, values[name], shape, before) : place(machine, values[name], shape, dtype, before)]
    }),
  )
  const isDifferentiated = Object.keys(cotangents).length > 0 && options.isForwardOnly !== true
  const tape = isDifferentiated ? new Tape(machine, { deferWeights: options.deferWeights ?? false }) : null
  machine.tape = tape
  const ran = op.run(machine, tensors, sizes)
  machine.tape = null
  const outputs = Object.fromEntries(Object.entries(ran.outputs).map(([name, tensor]) => [name, tensor.toArray()]))
  if (!tape) return { outputs, gradients: {} }

  for (const [name, cotangent] of Object.entries(cotangents)) {
    const given = ran.cotangents?.[name]
    if (given !== null) write(given ?? tape.into(ran.outputs[name]).gradient, cotangent)
  }
  const isInput = (name: string) => op.operands[name].role === 'input'
  for (const [name, before] of Object.entries(options.before ?? {})) if (isInput(name)) write(tape.into(tensors[name]).gradient, before)
  // What the op made is gone after the backward pass, the gradients of what it was given are still there.
  tape.backward()
  tape.flushWeights()
  const gradients = Object.entries(op.operands)
    .filter(([, { role }]) => role !== 'constant')
    .map(([name]) => {
      const tensor = tensors[name]
      return [name, ran.gradients?.[name]?.() ?? (tensor.gradient ?? tape.gradientOf(tensor)).toArray()]
    })
  return { outputs, gradients: Object.fromEntries(gradients) }
}

function place(machine: Machine, values: ArrayLike<number>, shape: readonly number[], dtype?: Dtype, gradient?: ArrayLike<number>): Tensor {
  const tensor = machine.tensorOf(values, shape, dtype)
  return gradient ? new Tensor(machine, tensor.address, shape, dtype, undefined, machine.tensorOf(gradient, shape)) : tensor
}

/** The matrix between columns of NaN, and likewise its gradient. */
function placeView(machine: Machine, values: ArrayLike<number>, [rows, width]: readonly number[], gradient?: ArrayLike<number>): Tensor {
  const shape = [rows, width + 2 * marginColumns]
  const margins = new Float32Array(shape[0] * shape[1]).fill(NaN)
  const whole = place(machine, margins, shape, 'f32', gradient && margins)
  const view = columns(whole, marginColumns, marginColumns + width)
  write(view, values)
  if (gradient) write(view.gradient!, gradient)
  return view
}

/** Writes numbers row by row, into a view too. */
function write(to: Tensor, values: ArrayLike<number>): void {
  const width = to.shape.at(-1) ?? 1
  for (let row = 0; row * width < values.length; row++) {
    const line = new Float32Array(to.machine.heap.memory.buffer, to.address + 4 * row * to.rowStride, width)
    for (let i = 0; i < width; i++) line[i] = values[row * width + i]!
  }
}

/** One thing compared: its error and the largest that rounding explains, both as shares of the largest number. */
export interface Comparison {
  readonly what: string
  readonly error: number
  readonly allowed: number
}

/** Holds a run beside its case. An error that is not at most `allowed` (NaN included) is a defect. */
export function compare({ op, sizes, expected, derivatives }: OpCase, result: OpResult, before: Values = {}): Comparison[] {
  const allowed = tolerance('f32', op.terms(sizes))
  const outputs = Object.entries(op.outputs).map(([name, kind]) => {
    const [got, right] = [result.outputs[name], expected[name]]
    const scale = kind === 'whole' ? 1 : largest(right)
    const difference = right.map((value, i) => got[i] - value)
    return {
      what: name,
      error: got.length === right.length ? share(largest(difference), scale) : NaN,
      allowed: kind === 'whole' ? 0 : allowed,
    }
  })
  if (Object.keys(result.gradients).length === 0) return outputs
  const gradients = derivatives.map(({ operand, direction, value }) => {
    const gradient = result.gradients[operand]
    const right = value + (before[operand] ? dot(before[operand], direction) : 0)
    // Differences of the reference are themselves only as good as the reference's last digits.
    const scale = Math.max(largest(gradient), Math.abs(right), 1e-4)
    return { what: `gradient of ${operand}`, error: share(Math.abs(dot(gradient, direction) - right), scale), allowed }
  })
  return [...outputs, ...gradients]
}

const share = (difference: number, scale: number) => (difference === 0 ? 0 : difference / scale)
