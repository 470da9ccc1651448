/**
 * What lies in the heap between the forward and the backward pass: memory for time, or for digits.
 *
 * An op's backward pass reads its inputs again, but they need not have stayed where they were. A value whose forward pass
 * is cheap is made again from what stayed (norms and up-projections: DeepSeek-V3 report, section 3.2.3); an input of linear
 * products may stay in eight bits (section 3.3.3). The model says which values these are, and where the forward pass has
 * read them for the last time; the tape says what is done with them.
 */
import { loadE4m3, storeE4m3 } from './e4m3.ts'
import type { Tensor } from './tensor.ts'

/** What a tape keeps of activations. */
export interface Keeping {
  /** Norms and up-projections are made again on the way back. */
  readonly recompute: boolean
  /** How inputs of linear products and of SwiGLU are kept, where they are: as they are, or in E4M3 with a scale for 1 x 128. */
  readonly activations: 'f32' | 'fp8'
}

/** Everything stays as it is. */
export const keepAll: Keeping = { recompute: false, activations: 'f32' }

/** How values are made again, while somebody holds them. */
const makers = new WeakMap<Tensor, () => Tensor>()

/**
 * Runs `make`, and remembers it for `release`.
 *
 * @param make pure: the same ops on the same tensors each time; its output is a whole tensor that it allocates, and nothing
 *             else that it allocates stays
 * @returns what it made
 */
export function remakable(make: () => Tensor): Tensor {
  const x = make()
  if (x.machine.tape?.keeping.recompute) makers.set(x, make)
  return x
}

/**
 * Says that the forward pass has read `x` for the last time. With recomputation, what is remakable goes and comes back, bit
 * for bit, when the backward pass gets here; otherwise an input of products stays, in eight bits where the tape wants that.
 * The last one that is released is the first to come back: what `x` is made from is released after it. No tensor may view `x`.
 *
 * @param x    an op's output, or what an op holds for its backward pass
 * @param role whether it is an input of linear products or of SwiGLU
 */
export function release(x: Tensor, role: 'input' | 'other'): void {
  const { machine } = x
  const { tape, heap } = machine
  if (!tape) return
  const comesBack = makers.get(x) ?? (role === 'input' && tape.keeping.activations === 'fp8' ? shrunk(x) : undefined)
  if (!comesBack) return
  heap.free(x.address)
  tape.record({
    made: [],
    inputs: () => {
      const outer = machine.tape
      machine.tape = null
      try {
        x.moveTo(comesBack().address)
      } finally {
        machine.tape = outer
      }
    },
  })
}

/** Stores a value in E4M3. → reads it back into a tensor of its own, once */
function shrunk(x: Tensor): () => Tensor {
  const { heap } = x.machine
  const stored = storeE4m3(x)
  return () => {
    const wide = loadE4m3(x, stored)
    heap.free(stored.codes)
    heap.free(stored.scales)
    return wide
  }
}
