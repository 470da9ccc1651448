/** Whether this process asks the engine for vectors of 256 bits: as long as nobody says otherwise, where it has them. */
import { usageError } from '../base/errors.ts'
import { joiningEngines, joinVectors } from '../compute/wide-vectors.ts'

/**
 * @param asked `STRATA_VECTOR_BITS`: 128 for kernels that need no flag of the engine's, 256 to insist
 * @throws UsageError for anything else, and for 256 where they cannot be had
 */
export function chooseVectors(asked: string | undefined): void {
  if (!['', '128', '256', undefined].includes(asked))
    throw usageError('STRATA_VECTOR_BITS', '128 or 256', `"${asked}"`, 'Unset it to have what the engine can do.')
  if (asked === '128' || joinVectors()) return
  if (asked === '256') throw usageError('STRATA_VECTOR_BITS', '128 on this engine', '"256"', joiningEngines)
}
