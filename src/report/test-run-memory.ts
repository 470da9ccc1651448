/** For tests: what `strata ablate memory` leaves in the log of a short run of `nano`. */
import { allSavings, memoryAblation, type MemoryEvent, type MemorySaving, planHeap, type Recipe } from '../pretraining/index.ts'

const mebi = 2 ** 20

/** Peaks about as the heap measures them: a little above the plan. */
export function testMemoryEvent({ model, training }: Recipe, base: MemoryEvent['base']): MemoryEvent {
  const plainBytes = planHeap(model, { ...training, optimizer: { ...training.optimizer, emaDecay: 0.999 } }).total
  const saving = (name: string, savedBytes: number, changesNumbers: boolean, ratio: number): MemorySaving => ({
    name,
    says: `training with ${name}`,
    changesNumbers,
    predictedBytes: plainBytes - savedBytes,
    measuredBytes: plainBytes - Math.round(0.97 * savedBytes),
    outsideBytes: name === 'host-average' || name === allSavings ? 14 * mebi : 0,
    hasSameNumbers: !changesNumbers,
    stepRatio: { median: ratio, lowerQuartile: ratio - 0.02, upperQuartile: ratio + 0.03, pairs: 10 },
  })
  return {
    type: 'ablation/memory',
    name: memoryAblation.name,
    claims: memoryAblation.claims,
    base,
    parameters: 3_590_000,
    rowsAtOnce: training.microRows,
    steps: 2,
    plain: { predictedBytes: plainBytes, measuredBytes: plainBytes + 200_000, stepSeconds: 0.08 },
    savings: [
      saving('recompute', 10 * mebi, false, 1.04),
      saving('fp8-cache', 9 * mebi, true, 1.06),
      saving('bf16-moments', 14 * mebi, true, 0.99),
      saving('host-average', 14 * mebi, false, 1.03),
      saving(allSavings, 43 * mebi, true, 1.12),
    ],
    wasCached: false,
    seconds: 20,
  }
}
