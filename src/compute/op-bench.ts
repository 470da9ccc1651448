/**
 * Ops of the table as closures to time: operands drawn once, every round in a scope of its own. Checking the results is
 * op-check.ts's part, timing the caller's.
 */
import type { Random } from '../base/random.ts'
import { bits, type Machine } from './machine.ts'
import { completeSizes, drawOperands, type OpSpec, type OpWork, shapeOf, type Sizes } from './op-spec.ts'
import { Tape } from './tape.ts'
import { Tensor } from './tensor.ts'

export interface PreparedOp {
  readonly work: OpWork
  /** Forward alone, without a tape. */
  readonly forward: () => void
  /** Forward and backward, both gradients; absent where nothing is differentiable. */
  readonly forwardAndBackward: (() => void) | undefined
}

/**
 * Places an op's operands in the innermost scope of the heap; they live as long as it does.
 *
 * @param sizes one of `op.benchSizes`, or any others
 */
export function prepareOp(machine: Machine, op: OpSpec, sizes: Sizes, rng: Random): PreparedOp {
  const all = completeSizes(op, sizes)
  const values = drawOperands(op, sizes, rng)
  const fixed: Record<string, Tensor> = {}
  const taken: string[] = []
  for (const [name, { role, dtype, use }] of Object.entries(op.operands)) {
    const shape = shapeOf(name, all)
    const tensor = machine.tensorOf(values[name], shape, dtype)
    if (use === 'taken') taken.push(name)
    else fixed[name] = role === 'weight' ? new Tensor(machine, tensor.address, shape, dtype, undefined, machine.zeros(shape)) : tensor
  }
  // What the op gives back to the heap is allocated anew each round; its numbers do not matter to the time.
  const operands = () => ({ ...fixed, ...Object.fromEntries(taken.map((name) => [name, machine.tensor(shapeOf(name, all))])) })
  const isDifferentiable = Object.values(op.outputs).includes('differentiable')
  return {
    work: op.work(all),
    forward: () => {
      using _scope = machine.scope()
      op.run(machine, operands(), all)
    },
    forwardAndBackward: isDifferentiable
      ? () => {
          using _scope = machine.scope()
          const tape = new Tape(machine)
          machine.tape = tape
          const { outputs, cotangents } = op.run(machine, operands(), all)
          machine.tape = null
          for (const [name, tensor] of Object.entries(outputs)) {
            const given = cotangents?.[name]
            if (op.outputs[name] !== 'differentiable' || given === null) continue
            const { address, count } = given ?? tape.into(tensor).gradient
            machine.run('fill', address, count, bits(1))
          }
          tape.backward()
        }
      : undefined,
  }
}
