/** Sparse serving has hot experts: the busiest device before and after redundant experts are placed. */
import { mean } from '../../base/statistics.ts'
import { hotExperts } from '../findings/hot-experts.ts'
import type { Claim } from '../types.ts'
import { counted, digits, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** What the busiest device must carry above the mean to be called hot, and the share of it that placing must remove. */
const leastExcess = 0.1
const leastRemoved = 0.5

export const hotExpertsClaim: Claim = {
  id: 'inference.hot-experts',
  statement: claimStatements['inference.hot-experts'],
  mechanism: 'src/infrastructure/balancer/rebalance.ts',
  needs: needs('inference/expert-load'),
  command: 'strata run nano',
  rule: `It holds where with experts in their order the busiest device carries at least ${100 * leastExcess} % more than the mean, and one redundant expert a device, placed by the domain’s own load, removes at least ${100 * leastRemoved} % of that excess (means over domains and routers).`,
  judge(run) {
    const found = hotExperts(run)
    if (!found) return notTested('The load of the experts was not counted in two domains, or one device holds them all.')
    const { domains, deviceCount, slotCount, expertCount, routerCount } = found
    const excess = (of: (domain: (typeof domains)[number]) => number) => mean(domains.map(of)) - 1
    const [inOrder, byOthers, byOwn] = [
      excess((domain) => domain.inOrder),
      excess((domain) => domain.placedByOthers),
      excess((domain) => domain.placedByOwn),
    ]
    const worst = domains.reduce((most, domain) => (domain.inOrder > most.inOrder ? domain : most))
    const sentence =
      `With ${expertCount} experts in order on ${deviceCount} devices the busiest carries ${percent(inOrder)} more than the mean (${counted(domains.length, 'domain')}, ${counted(routerCount, 'router')}; ${worst.domain} is the worst with ${digits(worst.inOrder)} times the mean); ` +
      `with ${slotCount - expertCount} redundant ones placed by the domain’s own load ${percent(byOwn)} more, by the load of the other domains ${percent(byOthers)} more.`
    return inOrder >= leastExcess && inOrder - byOwn >= leastRemoved * inOrder ? held(sentence) : didNotHold(sentence)
  },
}
