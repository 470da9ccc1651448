/**
 * A precision that rounds nothing and measures what rounding would do: each product of a linear layer is taken a few times
 * in plain float64 loops, on samples of its rows and columns, before the real one runs.
 */
import type { LinearOperand, LinearPrecision, LinearProduct, Scaling, Tensor } from '../../compute/index.ts'
import { roundToE4m3 } from '../../compute/index.ts'
import { limitedDot, publishedInterval, type ScaleUnit, scalingOfUnit } from '../../infrastructure/index.ts'

/** Rows and columns of a product that are looked at, at most. */
const sampled = 24
/** Every so many of these where sums are emulated, which is slow. */
const sumsEvery = 2
/** Numbers between promotions; 0: none. */
const intervals = [publishedInterval, 512, 0] as const

/** Vectors along which a product sums: its left and its right operand, as samples. */
interface Sides {
  readonly left: readonly Float32Array[]
  readonly right: readonly Float32Array[]
}

/** Scales of both operands under a name. */
interface Scales {
  readonly name: string
  readonly left: ScaleUnit
  readonly right: ScaleUnit
}

/** As the policy has them, with one scale a tensor, and gradients in blocks where they go back. */
const scalesOf = (product: LinearProduct): readonly Scales[] => [
  { name: 'tile', left: 'tile', right: product === 'weights' ? 'tile' : 'block' },
  { name: 'tensor', left: 'tensor', right: 'tensor' },
  ...(product === 'inputs' ? [{ name: 'block', left: 'block', right: 'block' } as const] : []),
]

/** Collects errors while a model runs forward and back. */
export class ProductProbe implements LinearPrecision {
  readonly #rounds: LinearPrecision
  readonly #errors = new Map<string, number[]>()
  readonly #sums = new Map<string, number[]>()
  #first: LinearOperand | null = null

  /** @param rounds tells which products are looked at: those that it would round */
  constructor(rounds: LinearPrecision) {
    this.#rounds = rounds
  }

  /** Both operands of a product are asked for one after the other, the one on the left first. */
  scalingOf(operand: LinearOperand): null {
    if (operand.weight.shape.length !== 2 || this.#rounds.scalingOf(operand) === null) return null
    const first = this.#first
    if (first?.product !== operand.product || first.weight !== operand.weight) {
      this.#first = operand
      return null
    }
    this.#first = null
    this.#look(operand.product, first.tensor, operand.tensor)
    return null
  }

  /** Relative errors by product and scales, product by product in one order. */
  products = (): Record<string, number[]> => Object.fromEntries(this.#errors)

  /** Relative errors of limited sums by numbers between promotions. */
  sums = (): Record<string, number[]> => Object.fromEntries(this.#sums)

  #look(product: LinearProduct, left: Tensor, right: Tensor): void {
    const exact = dots(sides(product, left.toArray(), right.toArray(), left, right))
    // A product of zeros (a gradient that nothing feeds) has no relative error.
    if (exact.every((value) => value === 0)) return
    const isOverRows = product === 'weights'
    for (const scales of scalesOf(product)) {
      const [a, b] = [rounded(left, scalingOfUnit(scales.left, isOverRows)), rounded(right, scalingOfUnit(scales.right, isOverRows))]
      const own = sides(product, a, b, left, right)
      add(this.#errors, `${product} ${scales.name}`, relative(dots(own), exact))
      if (!isOverRows || scales.name !== 'tensor') continue
      const thinned = (vectors: readonly Float32Array[]) => vectors.filter((_, index) => index % sumsEvery === 0)
      const few = { left: thinned(own.left), right: thinned(own.right) }
      for (const interval of intervals) {
        const limited = few.left.flatMap((x) => few.right.map((y) => limitedDot(x, y, interval === 0 ? Infinity : interval)))
        add(this.#sums, String(interval), relative(limited, dots(few)))
      }
    }
  }
}

function add(lists: Map<string, number[]>, name: string, value: number): void {
  const list = lists.get(name)
  if (list) list.push(value)
  else lists.set(name, [value])
}

function rounded(x: Tensor, scaling: Scaling): Float32Array {
  const copy = roundToE4m3(x, scaling)
  const values = copy.toArray()
  x.machine.heap.free(copy.address)
  return values
}

/** Samples of a product's vectors: x and w by rows; dy by rows, w by columns; dy and x by columns. */
function sides(product: LinearProduct, a: Float32Array, b: Float32Array, left: Tensor, right: Tensor): Sides {
  const [columnsA, columnsB] = [left.shape[1], right.shape[1]]
  return {
    left: product === 'weights' ? byColumns(a, columnsA) : byRows(a, columnsA),
    right: product === 'forward' ? byRows(b, columnsB) : byColumns(b, columnsB),
  }
}

/** Up to `sampled` of `count` places, evenly spaced. */
const places = (count: number) =>
  Array.from({ length: Math.min(sampled, count) }, (_, i) => Math.floor((i * count) / Math.min(sampled, count)))

const byRows = (values: Float32Array, columns: number) =>
  places(values.length / columns).map((row) => values.subarray(row * columns, (row + 1) * columns))

const byColumns = (values: Float32Array, columns: number) =>
  places(columns).map((column) => Float32Array.from({ length: values.length / columns }, (_, row) => values[row * columns + column]))

const dots = ({ left, right }: Sides) => left.flatMap((x) => right.map((y) => dot(x, y)))

function dot(x: Float32Array, y: Float32Array): number {
  let sum = 0
  for (let k = 0; k < x.length; k++) sum += x[k] * y[k]
  return sum
}

/** ‖got - right‖ / ‖right‖ */
function relative(got: readonly number[], right: readonly number[]): number {
  let [distance, size] = [0, 0]
  for (let i = 0; i < right.length; i++) {
    distance += (got[i] - right[i]) ** 2
    size += right[i] ** 2
  }
  return Math.sqrt(distance / size)
}
