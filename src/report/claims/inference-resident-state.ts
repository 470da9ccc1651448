/** A narrow cache is worth something where the cache is what fills the memory: counted for this model, beside what decoding takes. */
import { formatBytes } from '../../base/format.ts'
import { configAfter } from '../../pretraining/index.ts'
import { decodeRounds } from '../findings/decode-rounds.ts'
import { lastStagedStage } from '../findings/long-context.ts'
import { splitEnds } from '../findings/regimes.ts'
import { budgetBytes, residentState } from '../findings/resident-state.ts'
import type { RunFacts } from '../run-facts.ts'
import { intervalText } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

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
  rule: `It holds where at the last window at least ${leastRatio} times as many sequences fit with latents as with full heads, for one sequence of the pre-training window latents save at most ${100 * mostAside} % of the memory, and the cache’s share of a decoded token’s time is at least ${leastRise} times as large at the longest context as at the shortest, the 95 % intervals of repeated timings apart. Where they are not, or timings were not repeated, it is not established.`,
  judge(run) {
    const ends = splitEnds(run)
    if (!ends) return notTested('Decoding was not split into its parts at two context lengths.')
    const { short, long } = residentEnds(run)
    const rounds = decodeRounds(run)
    const ratio = long.latentSequences / Math.max(1, long.fullSequences)
    const counts =
      `In ${formatBytes(budgetBytes)} beside the weights fit ${long.latentSequences} sequences of ${long.length} tokens with latents (${formatBytes(long.latentBytes)} a token in f32, half of that in BF16) and ${long.fullSequences} with full heads (${formatBytes(long.fullBytes)}), counted; ` +
      `for one sequence of ${short.length} tokens latents save ${percent(short.savedShareOfOne)} of the memory.`
    if (!rounds) {
      const [near, far] = [ends.near, ends.far].map(({ split }) => percent(split.cacheSeconds / split.tokenSeconds))
      const sentence = `${counts} Timed without repetition, the cache takes ${near} of a decoded token’s time at ${ends.near.contextLength} tokens and ${far} at ${ends.far.contextLength}.`
      return ratio >= leastRatio && short.savedShareOfOne <= mostAside ? notEstablished(sentence) : didNotHold(sentence)
    }
    const [near, far] = rounds.cacheShares
    const sentence = `${counts} Measured, the cache takes ${intervalText(near)} of a decoded token’s time at ${rounds.near} tokens and ${intervalText(far)} at ${rounds.far}.`
    if (ratio < leastRatio || short.savedShareOfOne > mostAside || far.high <= leastRise * near.low) return didNotHold(sentence)
    return far.low > leastRise * near.high ? held(sentence) : notEstablished(sentence)
  },
}
