/**
 * All parameters of a model in one stretch of the heap, their gradients in a second one of the same layout.
 *
 * Optimizer, clipping and checkpoints then see a few long vectors; the model sees records of tensors. Matrices come
 * first and are decayed, gains come last and are not.
 */
import { invariant } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { type Machine, Tensor } from '../compute/index.ts'

/** A part of a parameter under its name in checkpoints: whole, or some consecutive rows of it. */
export interface CheckpointPart {
  readonly name: string
  readonly shape: readonly number[]
  /** Numbers before it in the parameter. */
  readonly offset: number
}

interface Planned {
  readonly shape: readonly number[]
  readonly count: number
  readonly isGain: boolean
  readonly parts: readonly CheckpointPart[]
  resolve: (tensor: Tensor) => void
}

/** A parameter and its names in checkpoints. */
export interface NamedParameter {
  readonly tensor: Tensor
  readonly isGain: boolean
  readonly parts: readonly CheckpointPart[]
}

const countOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** Collects what a model needs, then lays it out; see `ParameterSet`. */
export class ParameterPlan {
  readonly #planned: Planned[] = []

  /**
   * A matrix (or stack of matrices), initialised from N(0, std²) and decayed.
   *
   * @param parts its names in checkpoints; a single name means the whole of it
   * @returns a tensor to be had once the plan is laid out
   */
  matrix(shape: readonly number[], parts: string | readonly CheckpointPart[]): () => Tensor {
    return this.#add(shape, typeof parts === 'string' ? [{ name: parts, shape, offset: 0 }] : parts, false)
  }

  /** A norm's gain, initialised to one and not decayed. */
  gain(size: number, name: string): () => Tensor {
    return this.#add([size], [{ name, shape: [size], offset: 0 }], true)
  }

  #add(shape: readonly number[], parts: readonly CheckpointPart[], isGain: boolean): () => Tensor {
    let made: Tensor | undefined
    const resolve = (tensor: Tensor) => void (made = tensor)
    this.#planned.push({ shape, count: countOf(shape), isGain, parts, resolve })
    return () => {
      invariant(made, 'parameters: expected the plan to be laid out first')
      return made
    }
  }

  /** Numbers in all. */
  get count(): number {
    return this.#planned.reduce((total, { count }) => total + count, 0)
  }

  /** Allocates everything on `machine`. @param withGradients false for models that only run */
  layOut(machine: Machine, withGradients: boolean): ParameterSet {
    const weights = machine.tensor([this.count])
    const gradients = withGradients ? machine.zeros([this.count]) : undefined
    const named: NamedParameter[] = []
    let offset = 0
    const place = ({ shape, count, isGain, parts, resolve }: Planned) => {
      const gradient = gradients && new Tensor(machine, gradients.address + 4 * offset, shape)
      const tensor = new Tensor(machine, weights.address + 4 * offset, shape, 'f32', undefined, gradient)
      resolve(tensor)
      named.push({ tensor, isGain, parts })
      offset += count
    }
    for (const planned of this.#planned) if (!planned.isGain) place(planned)
    const decayedCount = offset
    for (const planned of this.#planned) if (planned.isGain) place(planned)
    return { weights, gradients, decayedCount, named }
  }
}

/** The laid-out parameters: first `decayedCount` numbers of matrices, then gains. */
export interface ParameterSet {
  readonly weights: Tensor
  readonly gradients: Tensor | undefined
  readonly decayedCount: number
  readonly named: readonly NamedParameter[]
}

/**
 * Draws every matrix from N(0, std²), each checkpoint tensor from a stream of its own name, and sets gains to one.
 *
 * @param rng the run's root stream
 */
export function initialize({ named }: ParameterSet, std: number, rng: Random): void {
  for (const { tensor, isGain, parts } of named) {
    const data = tensor.data
    if (isGain) data.fill(1)
    else {
      for (const { name, shape, offset } of parts) {
        const stream = rng.fork(`init/${name}`)
        const end = offset + countOf(shape)
        for (let i = offset; i < end; i++) data[i] = std * stream.normal()
      }
    }
  }
}
