/** Nothing that is not a number is ever written: a checkpoint from which nobody can go on is worse than none. */
import { usageError } from '../base/errors.ts'
import type { TensorToWrite } from '../foundations/index.ts'

/**
 * Throws when a tensor holds NaN or infinity.
 *
 * @param subject where the tensors were to be written
 * @param tensors floats are looked at, whole numbers are not
 * @throws UsageError naming the first such tensor, and the place in it
 */
export function rejectNonFinite(subject: string, tensors: readonly TensorToWrite[]): void {
  for (const { name, data } of tensors) {
    if (!(data instanceof Float32Array)) continue
    const index = firstNonFinite(data)
    if (index < 0) continue
    const hint = 'Nothing was written: go on from the last checkpoint with a lower learning rate.'
    throw usageError(`${subject}: ${name}`, 'finite numbers', `${data[index]} at ${index}`, hint)
  }
}

/** x - x is 0 for every finite x and NaN for all others, so a sum over a stretch says whether a closer look is needed. */
function firstNonFinite(data: Float32Array): number {
  const stretch = 4096
  for (let start = 0; start < data.length; start += stretch) {
    const end = Math.min(data.length, start + stretch)
    let sum = 0
    for (let i = start; i < end; i++) sum += data[i] - data[i]
    if (sum === 0) continue
    for (let i = start; i < end; i++) if (!Number.isFinite(data[i])) return i
  }
  return -1
}
