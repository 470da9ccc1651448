/** Numbers that more than one table entry draws. */
import type { Random } from '../../base/random.ts'

/** Whole numbers, uniform in 0..bound-1. */
export function uniformBelow(rng: Random, count: number, bound: number): number[] {
  return Array.from({ length: count }, () => rng.below(bound))
}
