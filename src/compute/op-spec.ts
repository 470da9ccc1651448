/**
 * What the op table says about one op. Shapes are names here as everywhere: an operand `x_MK` has the sizes that M and K
 * have, so an op's shape rule is the list of its operands' and outputs' names.
 */
import type { Random } from '../base/random.ts'
import type { Machine } from './machine.ts'
import type { Dtype, Tensor } from './tensor.ts'

/** Numbers behind the letters, and settings that are numbers too. */
export type Sizes = Readonly<Record<string, number>>

/** Operands or results outside the heap, whole numbers included. */
export type Values = Readonly<Record<string, Float64Array>>

export interface Operand {
  /** Differentiated as an activation, as a parameter, or not at all. */
  readonly role: 'input' | 'weight' | 'constant'
  readonly dtype?: Dtype
  /** Its numbers; default: standard normal, divided by the root of the last size where it is a weight. */
  readonly fill?: (rng: Random, count: number, sizes: Sizes) => ArrayLike<number>
  /** Whether columns of a wider matrix will do. */
  readonly mayBeView?: boolean
  /** `alone`: nothing else may use it, so its gradient never adds up. `taken`: its storage goes back to the heap, too. */
  readonly use?: 'alone' | 'taken'
}

/** What running an op gave. */
export interface Ran {
  readonly outputs: Readonly<Record<string, Tensor>>
  /** Where an output's cotangent goes; default: the tape's gradient of it. null: the op knows it itself. */
  readonly cotangents?: Readonly<Record<string, Tensor | null>>
  /** An input's gradient, read after the backward pass; default: the tape's. */
  readonly gradients?: Readonly<Record<string, () => ArrayLike<number>>>
}

/** Arithmetic (a multiply-add counts two) and bytes that must at least be read and written. */
export interface Work {
  readonly flops: number
  readonly bytes: number
}

export interface OpWork {
  readonly forward: Work
  /** Backward to the inputs; all of backward where the two cannot be told apart. */
  readonly inputs: Work
  /** Backward to the weights. */
  readonly weights: Work
}

export interface OpSpec {
  readonly name: string
  /** The formula in one line. */
  readonly formula: string
  /** Letters that follow from others: G = 2 F. */
  readonly derived?: (sizes: Sizes) => Sizes
  readonly operands: Readonly<Record<string, Operand>>
  /** Real numbers that something can be differentiated by, real numbers that it cannot, whole numbers. */
  readonly outputs: Readonly<Record<string, 'differentiable' | 'real' | 'whole'>>
  /** Letters of the longest sum behind any result, gradients included: the K of the tolerance. */
  readonly terms: (sizes: Sizes) => number
  readonly run: (machine: Machine, tensors: Readonly<Record<string, Tensor>>, sizes: Sizes) => Ran
  readonly reference: (values: Values, sizes: Sizes) => Values
  /** Cotangents that the op itself sets; the others are drawn at random. */
  readonly fixedCotangents?: (values: Values, sizes: Sizes) => Values
  readonly work: (sizes: Sizes) => OpWork
  /** Odd ones, small ones, empty ones: what the checks run. */
  readonly checkSizes: readonly Sizes[]
  /** Those of the `bench` model at 8 rows of 512 tokens. */
  readonly benchSizes: readonly Sizes[]
}

/** All letters of an op, the derived ones included. */
export function completeSizes(op: OpSpec, sizes: Sizes): Sizes {
  return { ...sizes, ...op.derived?.(sizes) }
}

/** The shape behind a name's letters; a letter without a size is an error of the table. */
export function shapeOf(name: string, sizes: Sizes): number[] {
  const letters = name.slice(name.lastIndexOf('_') + 1)
  return Array.from(letters, (letter) => {
    const size = sizes[letter]
    if (size === undefined) throw new RangeError(`${name}: expected a size for ${letter}, got none`)
    return size
  })
}

/** How many numbers a tensor of that name holds. */
export function countOf(name: string, sizes: Sizes): number {
  return shapeOf(name, sizes).reduce((product, size) => product * size, 1)
}

/** Numbers drawn for one operand, at most; a longer operand repeats them, which only benchmarks are long enough to see. */
const mostDraws = 2 ** 18

/** The operands' numbers, all of them exact in f32; each operand has a stream of its own. */
export function drawOperands(op: OpSpec, sizes: Sizes, rng: Random): Values {
  const all = completeSizes(op, sizes)
  return Object.fromEntries(
    Object.entries(op.operands).map(([name, { role, fill }]) => {
      const stream = rng.fork(name)
      const count = countOf(name, all)
      const scale = role === 'weight' ? 1 / Math.sqrt(shapeOf(name, all).at(-1) || 1) : 1
      const draws = Math.min(count, mostDraws)
      const drawn = fill ? fill(stream, draws, all) : Array.from({ length: draws }, () => scale * stream.normal())
      return [name, Float64Array.from({ length: count }, (_, i) => Math.fround(drawn[i % draws]))]
    }),
  )
}

/** Bytes of the named tensors, each read or written once at 4 bytes a number. */
export function bytesOf(names: readonly string[], sizes: Sizes): number {
  return names.reduce((sum, name) => sum + 4 * countOf(name, sizes), 0)
}

/** No work: the op has no such pass. */
export const noWork: Work = { flops: 0, bytes: 0 }
