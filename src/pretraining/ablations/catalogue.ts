/** Every ablation by name, and which of them bear on a claim. */
import { usageError } from '../../base/errors.ts'
import { didYouMean } from '../../base/nearest.ts'
import type { Ablation } from './ablation.ts'
import { mechanismAblations } from './mechanisms.ts'
import { memoryAblation } from './memory-settings.ts'
import { precisionAblations } from './precision-arms.ts'
import { sweepAblations } from './sweeps.ts'

/** The one that compares sums and not trainings of two recipes. */
export const accumulationAblation = {
  name: 'accumulation',
  claims: ['foundations.stable-accumulation'],
  question: 'Is a batch in parts the same as the whole batch, and is it still when sums are kept in bf16?',
} as const

/** The one that looks at single products and at gradients, in FP8 and in f32. */
export const productErrorsAblation = {
  name: 'fp8-products',
  claims: ['infrastructure.fp8-policy', 'evaluation.appendix-signal'],
  question: 'How far are products and gradients in FP8 from those in f32, by their scales, their sums, and what is rounded?',
} as const

/** Those that train arms, in the order in which the report meets them. */
export const ablations: readonly Ablation[] = [...mechanismAblations, memoryAblation, ...sweepAblations, ...precisionAblations]

/** Name, question and claims of every ablation. */
export const ablationList: readonly Pick<Ablation, 'name' | 'claims' | 'question'>[] = [
  ...ablations,
  accumulationAblation,
  productErrorsAblation,
]

/**
 * The names of the ablations that were asked for, in the order of the catalogue, each once.
 *
 * @param wanted names of ablations, and ids of claims that some bear on
 * @throws UsageError naming the first that is neither
 */
export function ablationNames(wanted: readonly string[]): string[] {
  const known = [...new Set(ablationList.flatMap(({ name, claims }) => [name, ...claims]))]
  for (const name of wanted) {
    if (!known.includes(name))
      throw usageError(
        'ablation',
        'the name of an ablation, or a claim that one bears on',
        `"${name}"`,
        didYouMean(name, known) || `There are ${ablationList.map((ablation) => ablation.name).join(', ')}.`,
      )
  }
  return ablationList.filter(({ name, claims }) => [name, ...claims].some((id) => wanted.includes(id))).map(({ name }) => name)
}
