/** Starts the machine of a verb, and says once when its kernels are not the fast ones. */
import { type KernelChoice, Machine } from '../compute/index.ts'
import type { CommonFlags } from './flags.ts'
import type { Output } from './output.ts'

/** The machine that `--threads` asks for. */
export async function startMachine({ threads }: Pick<CommonFlags, 'threads'>, output: Output): Promise<Machine> {
  const machine = await Machine.start(threads === undefined ? {} : { threads })
  notePlainKernels(machine.kernels, output)
  return machine
}

/** One line where the engine has no relaxed SIMD; none with `--json`, whose reader has the result alone. */
export function notePlainKernels({ dialect, reason }: KernelChoice, output: Output): void {
  if (dialect === 'plain' && !output.isJson) output.note(`kernels   plain: ${reason}`)
}
