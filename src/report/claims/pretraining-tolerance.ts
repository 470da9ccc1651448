/** Hyper-parameters show what a system tolerates: how wide the basin around the recipe is, and where it breaks. */
import { counted as count, listed, signed } from '../wording.ts'
import { sweepFactor } from '../findings/ablation-results.ts'
import type { Claim } from '../types.ts'
import { ablationsOf, lossResults, overWhat, sizeText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

const sweeps = [
  { name: 'learning-rate', says: 'learning rate' },
  { name: 'batch', says: 'batch' },
  { name: 'init', says: 'initial weights' },
] as const

/** Loss that a setting may cost and still be tolerated, nats a token. */
const tolerated = 0.1
/** Within this factor of the recipe's setting a point is near. */
const near = 2

export const toleranceShown: Claim = {
  id: 'pretraining.tolerance',
  statement: claimStatements['pretraining.tolerance'],
  mechanism: 'src/pretraining/ablations/sweeps.ts',
  needs: needs('ablation/result'),
  command: 'strata ablate learning-rate batch init --run runs/first',
  rule: `It holds where learning rate, batch and initial weights each have a basin with an edge: half and twice the recipe’s setting cost at most ${tolerated} nats, and a point further away costs more than that by its whole 95 % interval, or breaks training.`,
  judge(run) {
    const found = sweeps.map(({ name, says }) => ({ says, points: lossResults(ablationsOf(run, name)) }))
    const swept = found.filter(({ points }) => points.length > 0)
    if (swept.length === 0) return notTested('Neither learning rate nor batch nor initial weights were varied around the recipe.')
    const parts = swept.map(({ says, points }) => {
      const placed = points.flatMap((result) => {
        const factor = sweepFactor(result)
        return factor === null ? [] : [{ result, isNear: factor <= near && factor >= 1 / near }]
      })
      const costly = placed.filter(({ result }) => result.low > tolerated)
      const phrases = points.map((result) =>
        result.details.variant.brokeAtStep === null
          ? `${result.variant} ${signed(result.difference)}`
          : `${result.variant} broke at step ${result.details.variant.brokeAtStep}`,
      )
      return {
        sentence: `${says}: ${listed(phrases)} nats ${overWhat(points[0])}`,
        hasBasin: placed.some(({ isNear }) => isNear) && placed.every(({ result, isNear }) => !isNear || result.difference <= tolerated),
        hasEdge: costly.some(({ isNear }) => !isNear),
        isNarrow: costly.some(({ isNear }) => isNear),
      }
    })
    const sentence = `Loss less the recipe’s in ${count(swept.length, 'sweep')} (${sizeText(swept[0].points[0])}): ${parts.map((part) => part.sentence).join('; ')}.`
    if (parts.some(({ isNarrow }) => isNarrow)) return didNotHold(sentence)
    if (swept.length === sweeps.length && parts.every(({ hasBasin, hasEdge }) => hasBasin && hasEdge)) return held(sentence)
    const missing = sweeps.length - swept.length
    return notEstablished(
      missing > 0
        ? `${sentence} ${count(missing, 'sweep')} of ${sweeps.length} ${missing === 1 ? 'is' : 'are'} missing.`
        : `${sentence} Not every basin has an edge among these points.`,
    )
  },
}
