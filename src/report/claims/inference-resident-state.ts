/** A narrow cache is worth something where the cache is what fills the memory: counted for this model, beside what decoding takes. */
import { formatBytes } from '../../base/format.ts'
import { configAfter } from '../../pretraining/index.ts'
import { lastStagedStage } from '../findings/long-context.ts'
import { splitEnds } from '../findings/regimes.ts'
import { budgetBytes, residentState } from '../findings/resident-state.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

const leastRatio = 2
/** Share of memory that latents may save at most where the cache is not what fills it. */
const mostAside = 0.1
const leastRise = 1.1

/** The two ends: one sequence of the pre-training window, and as many as fit of the last one. */
export function residentEnds(run: RunFacts) {
  const { recipe } = run.document
  const stage = lastStagedStage(run)
  const config = stage ? configAfter(recipe, stage) : recipe.model
  return { short: residentState(config, recipe.training.rowLength), long: residentState(config, config.maxLength) }
}

export const residentStateClaim: Claim = {
  id: 'inference.resident-state',
  statement: claimStatements['inference.resident-state'],
  mechanism: 'src/inference/latent-cache.ts',
  needs: needs('inference/regime'),
  command: 'strata run nano',
  rule: `It holds where at the last window at least ${leastRatio} times as many sequences fit with latents as with full heads, for one sequence of the pre-training window latents save at most ${100 * mostAside} % of the memory, and the cache’s share of a decoded token’s time is at least ${leastRise} times as large at the longest context as at the shortest.`,
  judge(run) {
    const ends = splitEnds(run)
    if (!ends) return notTested('Decoding was not split into its parts at two context lengths.')
    const { short, long } = residentEnds(run)
    const [near, far] = [ends.near, ends.far].map(({ split }) => split.cacheSeconds / split.tokenSeconds)
    const ratio = long.latentSequences / Math.max(1, long.fullSequences)
    const sentence =
      `In ${formatBytes(budgetBytes)} beside the weights fit ${long.latentSequences} sequences of ${long.length} tokens with latents (${formatBytes(long.latentBytes)} a token in f32, half of that in BF16) and ${long.fullSequences} with full heads (${formatBytes(long.fullBytes)}), counted; ` +
      `for one sequence of ${short.length} tokens latents save ${percent(short.savedShareOfOne)} of the memory. Measured, the cache takes ${percent(near)} of a decoded token’s time at ${ends.near.contextLength} tokens and ${percent(far)} at ${ends.far.contextLength}.`
    return ratio >= leastRatio && short.savedShareOfOne <= mostAside && far > leastRise * near ? held(sentence) : didNotHold(sentence)
  },
}
