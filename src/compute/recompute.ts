/**
 * Memory for time: a part of the model whose inner values are not kept but computed once more on the way back.
 *
 * What the report does with RMSNorms and up-projections (section 3.2.3); here it wraps any part with one output.
 */
import { Tape } from './tape.ts'
import type { Tensor } from './tensor.ts'

/**
 * Runs `work` and keeps only its output. On the way back it runs again, on a tape of its own, and is differentiated then:
 * the same gradients, bit for bit. A part must not stand inside another one.
 *
 * @param x    any tensor of the machine
 * @param work pure: the same ops on the same tensors each time; its output is a whole tensor that it allocates
 * @returns the output of `work`
 */
export function recompute({ machine }: Tensor, work: () => Tensor): Tensor {
  const { tape, heap } = machine
  if (!tape) return work()
  machine.tape = null
  let y: Tensor
  try {
    const { result, blocks } = heap.collect(work)
    y = result
    for (const address of blocks) if (address !== y.address) heap.free(address)
  } finally {
    machine.tape = tape
  }
  const inner = new Tape(machine, { deferWeights: tape.deferWeights }, tape)
  tape.record({
    made: [y],
    inputs: () => {
      const outer = machine.tape
      machine.tape = inner
      try {
        inner.repeat(y, work())
        inner.backward()
      } finally {
        machine.tape = outer
      }
    },
    weights: () => inner.flushWeights(),
  })
  return y
}
