/** An ablation is an instrument: it separates what is structural from what is luck, as far as its interval reaches. */
import { ablationMetrics, type AblationResultEvent } from '../../pretraining/index.ts'
import { decidingResults, leastSeeds } from '../findings/ablation-results.ts'
import type { Claim } from '../types.ts'
import { counted, listed, signed } from '../wording.ts'
import { overWhat, unitText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

const id = 'pretraining.ablations'

/** A difference in loss that would be worth a mechanism, nats a token. */
const smallestWin = 0.01

/** Whether a difference that large is ruled out on either side. */
const isEven = ({ metric, low, high }: AblationResultEvent) =>
  metric === ablationMetrics.loss.metric && low >= -smallestWin && high <= smallestWin

export const ablationsSeparate: Claim = {
  id,
  statement: claimStatements[id],
  mechanism: 'src/pretraining/ablations/paired.ts',
  needs: needs('ablation/result'),
  command: `strata ablate mtp balance latent-cache --seeds ${leastSeeds} --run runs/first`,
  rule: `It holds where, under ${leastSeeds} seeds or more, the interval of at least one ablation excludes zero. It does not hold where all of them contain zero and lie within ${smallestWin} nats of it, so that no larger difference is left to find. Otherwise it is not established, and so it is with fewer seeds: an interval over held-out rows does not contain the luck of a seed.`,
  judge(run) {
    const results = decidingResults(run).filter((result) => result.claims.includes(id))
    if (results.length === 0) return notTested('Only settings were swept beside this run; no mechanism was left out.')
    const phrases = results.map(({ variant, control, difference, low, high }) =>
      Number.isFinite(difference)
        ? `${variant} against ${control} ${signed(difference)} (${signed(low)} to ${signed(high)})`
        : `${variant} against ${control} without a number, since training broke`,
    )
    const decided = results.filter(({ verdict }) => verdict !== 'not established').length
    const sentence = `Of ${counted(results.length, 'paired difference')} in loss, ${decided === 0 ? 'none has' : decided === 1 ? 'one has' : `${decided} have`} an interval that excludes zero: ${listed(phrases)}, in ${unitText(results[0].unit)} with 95 % intervals ${overWhat(results[0])}.`
    const seeded = results.filter(({ seeds }) => seeds >= leastSeeds)
    if (seeded.length === 0) return notEstablished(`${sentence} None was run under ${leastSeeds} seeds.`)
    if (seeded.some(({ verdict }) => verdict !== 'not established')) return held(sentence)
    return seeded.every(isEven) ? didNotHold(sentence) : notEstablished(sentence)
  },
}
