/** What a model knows is what it was given: each domain left out, and doubled, at equal tokens. */
import { mean } from '../../base/statistics.ts'
import { ablationMetrics } from '../../pretraining/index.ts'
import type { Claim } from '../types.ts'
import { counted, digits, listed, signed } from '../wording.ts'
import { ablationsOf, overWhat, sizeText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

const leftOut = 'without-'

export const mixtureDecides: Claim = {
  id: 'pretraining.mixture',
  statement: claimStatements['pretraining.mixture'],
  mechanism: 'src/pretraining/data/mixture.ts',
  needs: needs('ablation/result'),
  command: 'strata ablate mixture --run runs/first',
  rule: 'It holds where leaving a domain out raises the loss on that domain’s own held-out rows by more than the 95 % interval, and by more than on the others, for every domain. It does not hold where the loss on the domain left out falls so.',
  judge(run) {
    const results = ablationsOf(run, 'mixture').filter(
      ({ variant, metric }) => variant.startsWith(leftOut) && metric === ablationMetrics.loss.metric,
    )
    if (results.length === 0) return notTested('No domain of this run’s mixture was left out.')
    const found = results.map((result) => {
      const domain = result.variant.slice(leftOut.length)
      const others = Object.entries(result.details.byDomain).filter(([name]) => name !== domain)
      return { domain, result, elsewhere: others.length > 0 ? mean(others.map(([, { difference }]) => difference)) : 0 }
    })
    const phrases = found.map(({ domain, result, elsewhere }) => {
      const { difference, low, high } = result
      return `${domain} ${signed(difference)} (95 % interval ${signed(low)} to ${signed(high)}, ${overWhat(result)}; the other domains ${signed(elsewhere)})`
    })
    const [{ result: first }] = found
    const sentence = `What a domain loses when it is left out, in nats a token: ${listed(phrases)}; ${counted(results.length, 'domain')}, ${sizeText(first)}.`
    if (found.some(({ result }) => result.high < 0)) return didNotHold(sentence)
    const isClear = found.every(({ result, elsewhere }) => result.low > 0 && result.difference > elsewhere)
    if (isClear) return held(sentence)
    const lowest = Math.min(...found.map(({ result }) => result.low))
    return notEstablished(
      `${sentence} The lowest end of an interval is ${signed(lowest)}${Number.isFinite(lowest) ? '' : ` (${digits(lowest)})`}.`,
    )
  },
}
