/**
 * bf16 outside the kernels: the upper half of an f32, so widening is exact, and rounding takes eight bits of mantissa.
 *
 * The optimizer's moments may be kept so (kernels/moments.ts); checkpoints and tests read and write them here.
 */
import { invariant } from '../base/errors.ts'
import type { Tensor } from './tensor.ts'

/** Rounds every number to the nearest of bf16, ties to even, in place. */
export function roundToBf16(values: Float32Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) words[i] = (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) & 0xffff0000
}

const halvesOf = ({ machine, address, count, dtype }: Tensor) => {
  invariant(dtype === 'bf16', `bf16: expected a tensor of that type, got ${dtype}`)
  return new Uint16Array(machine.heap.memory.buffer, address, count)
}

/** The numbers of a bf16 tensor, as f32 outside the heap. */
export function widenBf16(x: Tensor): Float32Array {
  return new Float32Array(Uint32Array.from(halvesOf(x), (half) => half << 16).buffer)
}

/** Fills a bf16 tensor, each number rounded to the nearest. @param values as many finite numbers as it holds */
export function fillBf16(x: Tensor, values: Float32Array): void {
  const halves = halvesOf(x)
  invariant(values.length === halves.length, `bf16: expected ${halves.length} numbers, got ${values.length}`)
  const rounded = values.slice()
  roundToBf16(rounded)
  new Uint32Array(rounded.buffer).forEach((word, i) => void (halves[i] = word >>> 16))
}
