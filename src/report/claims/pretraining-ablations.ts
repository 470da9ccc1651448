/** An ablation is an instrument: it separates what is structural from what is luck, as far as its interval reaches. */
import { allAblations, decidingResults, leastSeeds } from '../findings/ablation-results.ts'
import type { Claim } from '../types.ts'
import { counted, listed } from '../wording.ts'
import { differenceText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished } from './verdicts.ts'

export const ablationsSeparate: Claim = {
  id: 'pretraining.ablations',
  statement: claimStatements['pretraining.ablations'],
  mechanism: 'src/pretraining/ablations/paired.ts',
  needs: needs('ablation/result'),
  command: `strata ablate mtp balance latent-cache --seeds ${leastSeeds} --run runs/first`,
  rule: `It holds where, under ${leastSeeds} seeds or more, the interval of at least one ablation excludes zero; it does not hold where all of them contain it. With fewer seeds nothing is established, because an interval over held-out rows does not contain the luck of a seed.`,
  judge(run) {
    const results = decidingResults(run)
    const phrases = results.map((result) => `${result.variant} against ${result.control} ${differenceText(result)}`)
    const all = allAblations(run)
    const decided = all.filter(({ verdict }) => verdict !== 'not established').length
    const sentence = `Of ${counted(all.length, 'paired difference')}, ${decided === 0 ? 'none has' : decided === 1 ? 'one has' : `${decided} have`} an interval that excludes zero. On the metric that decides each: ${listed(phrases)}.`
    const seeded = results.filter(({ seeds }) => seeds >= leastSeeds)
    if (seeded.length === 0) return notEstablished(`${sentence} None was run under ${leastSeeds} seeds.`)
    return seeded.some(({ verdict }) => verdict !== 'not established') ? held(sentence) : didNotHold(sentence)
  },
}
