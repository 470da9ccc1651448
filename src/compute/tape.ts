/**
 * Reverse-mode differentiation: ops append what it takes to go back, `backward` runs it in reverse.
 *
 * Each op gives two closures, one for its inputs' gradients and one for its weights': schedules without bubbles need the
 * first at once and the second later, so a tape can keep the second ones in a queue. Storage goes back to the heap as
 * soon as the reverse pass has left the op that made it.
 */
import { invariant } from '../base/errors.ts'
import { keepAll, type Keeping } from './keeping.ts'
import type { Machine } from './machine.ts'
import { columns, Tensor } from './tensor.ts'

/** What an op leaves on the tape. */
export interface Step {
  /** Tensors that the op made and that nobody needs once the reverse pass has left it. */
  readonly made: readonly Tensor[]
  /** From the gradient of what was made to the gradients of activations. */
  readonly inputs: () => void
  /** To the gradients of parameters; runs after `inputs`. */
  readonly weights?: () => void
}

interface Gradient {
  tensor: Tensor
  /** First columns of the views that have been written already; -1: all of it. */
  readonly written: Set<number>
  /** Whether the storage goes back to the heap elsewhere. */
  isBorrowed: boolean
  /** Other gradients' storage that goes back together with this one. */
  readonly kept: Tensor[]
}

export interface TapeOptions {
  /** Keep weight gradients in a queue until `flushWeights`. */
  readonly deferWeights?: boolean
  /** What is kept of activations; everything unless given. */
  readonly keeping?: Keeping
}

/** What was done since it was made, ready to be undone. One forward pass, one backward pass. */
/** Records ops as they run and runs them in reverse. */
export class Tape {
  readonly machine: Machine
  readonly deferWeights: boolean
  readonly keeping: Keeping
  readonly #steps: Step[] = []
  readonly #gradients = new Map<Tensor, Gradient>()
  readonly #waiting: (() => void)[] = []
  readonly #discarded = new Set<Tensor>()
  readonly #unreleased: Tensor[] = []

  constructor(machine: Machine, { deferWeights = false, keeping = keepAll }: TapeOptions = {}) {
    this.machine = machine
    this.deferWeights = deferWeights
    this.keeping = keeping
  }

  record(step: Step): void {
    this.#steps.push(step)
  }

  /** The gradient of something that an op made; whoever used it has written it by now. */
  gradientOf(x: Tensor): Tensor {
    const known = this.#gradients.get(x.base)
    invariant(known, 'tape: expected a gradient, got a tensor that nothing used')
    return viewAs(known.tensor, x)
  }

  /** Whether anything has written a gradient for `x`. */
  hasGradient(x: Tensor): boolean {
    return this.#gradients.has(x.base)
  }

  /**
   * Where to put the gradient of an input or a parameter, and whether to add to what is there.
   * The first one to ask writes, the others add. Parameters always add.
   */
  into(x: Tensor): { readonly gradient: Tensor; readonly accumulate: boolean } {
    if (x.gradient) return { gradient: x.gradient, accumulate: true }
    let known = this.#gradients.get(x.base)
    if (!known) {
      known = { tensor: this.machine.tensor(x.base.shape), written: new Set(), isBorrowed: false, kept: [] }
      this.#gradients.set(x.base, known)
    }
    const key = x.base === x ? -1 : x.address - x.base.address
    const accumulate = known.written.has(-1) || known.written.has(key)
    invariant(key >= 0 || accumulate || known.written.size === 0, 'tape: expected no gradient yet, got one of some columns')
    known.written.add(key)
    return { gradient: viewAs(known.tensor, x), accumulate }
  }

  /**
   * Makes the gradient of `y` that of each branch too, without a copy. Its storage goes back with the gradient of `x`,
   * an input of the branches: by then all of them have read it.
   */
  share(y: Tensor, branches: readonly Tensor[], x: Tensor): void {
    const known = this.#gradients.get(y)
    const last = this.#gradients.get(x)
    invariant(known && last, 'tape: expected gradients to share')
    known.isBorrowed = true
    for (const branch of branches) {
      invariant(!this.#gradients.has(branch), 'tape: expected a branch that nothing else uses')
      this.#gradients.set(branch, { tensor: known.tensor, written: new Set([-1]), isBorrowed: true, kept: [] })
    }
    last.kept.push(known.tensor)
  }

  /** Returns the storage of a value that no backward pass reads; its gradient lives on. */
  discard(x: Tensor): void {
    this.#discarded.add(x)
    this.machine.heap.free(x.address)
  }

  /** Runs all steps in reverse and returns their storage; deferred weight gradients keep it until they are flushed. */
  backward(): void {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      const { made, inputs, weights } = step
      inputs()
      if (this.deferWeights) {
        if (weights) this.#waiting.push(weights)
        this.#unreleased.push(...made)
      } else {
        weights?.()
        this.#release(made)
      }
    }
  }

  /** Weight gradients that wait for `flushWeights`. */
  get waitingCount(): number {
    return this.#waiting.length
  }

  /** Runs the waiting weight gradients, first in, first out. @param count how many, at most; default: all */
  flushWeights(count = Infinity): void {
    for (let i = 0; i < count && this.#waiting.length > 0; i++) this.#waiting.shift()!()
    if (this.#waiting.length === 0) this.#release(this.#unreleased.splice(0))
  }

  #release(made: readonly Tensor[]) {
    const { heap } = this.machine
    for (const tensor of made) {
      const known = this.#gradients.get(tensor)
      if (known && !known.isBorrowed) heap.free(known.tensor.address)
      for (const kept of known?.kept ?? []) heap.free(kept.address)
      this.#gradients.delete(tensor)
      if (!this.#discarded.delete(tensor)) heap.free(tensor.address)
    }
  }
}

/**
 * Runs `work` with a tape on the machine, then goes back over it. What both allocated is returned, whatever happens, so the
 * result must not be a tensor.
 *
 * @param keeping what is kept of activations in between; everything unless given
 */
export function differentiate<T>(machine: Machine, work: () => T, keeping?: Keeping): T {
  using _scope = machine.scope()
  const tape = new Tape(machine, { keeping })
  machine.tape = tape
  try {
    const result = work()
    tape.backward()
    return result
  } finally {
    machine.tape = null
  }
}

function viewAs(gradient: Tensor, x: Tensor): Tensor {
  if (x.base === x) return gradient
  const from = (x.address - x.base.address) / 4
  return columns(gradient, from, from + x.shape[1])
}
