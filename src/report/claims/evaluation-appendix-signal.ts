/** The appendices carry the technical signal: whether experts specialise by domain, and what low precision does. */
import { clearestRouter, specialisation } from '../findings/specialisation.ts'
import { heatMap } from '../figures/index.ts'
import { html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim, FigureBlock } from '../types.ts'
import { digits, times } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, needs, notEstablished, notTested } from './verdicts.ts'

/** What is found must be so many times what counting alone feigns. */
const clearlyMore = 10

export const appendixSignal: Claim = {
  id: 'evaluation.appendix-signal',
  statement: claimStatements['evaluation.appendix-signal'],
  mechanism: 'src/inference/expert-loads.ts',
  needs: needs('inference/expert-load'),
  command: 'strata run nano',
  rule: `It would hold where in every router the experts tell domains apart by more than ${clearlyMore} times the information that counting alone feigns, and an FP8 training shows the effect of its scales. This version does not train in FP8, so at most the first half is shown, and then the claim is not established; it does not hold where no router shows it.`,
  judge(run) {
    const found = specialisation(run)
    if (!found) return notTested('The load of the experts was not counted in two domains or more.')
    const clear = found.routers.filter(({ informationBits, feignedBits }) => informationBits > clearlyMore * feignedBits).length
    const { router, index } = clearestRouter(found)
    const { domain, expert, relativeLoad } = router.hottest
    const sentence =
      `In ${clear} of ${found.routers.length} routers the chosen expert tells more than ${clearlyMore} times as much about which of ${found.domains.length} domains a token is from as counting alone would feign ` +
      `(${digits(found.choices)} choices a router); the clearest is router ${index + 1} with ${digits(router.informationBits)} bits against ${digits(router.feignedBits)}, where expert ${expert} gets ${times(relativeLoad)} its even share on ${domain}. The other half, low precision, was not measured.`
    return clear === 0 ? didNotHold(sentence) : notEstablished(sentence)
  },
  figure: specialisationFigure,
}

/** Relative load of each expert in each domain, in the router that tells them apart best; null without loads. */
function specialisationFigure(run: RunFacts): FigureBlock | null {
  const found = specialisation(run)
  if (!found) return null
  const { router, index } = clearestRouter(found)
  const { domain, expert, relativeLoad } = router.hottest
  const finding = `Expert ${expert} gets ${times(relativeLoad)} its even share on ${domain}, the largest load of any expert in any domain.`
  return {
    id: 'expert-specialisation',
    drawing: heatMap({
      title: 'Relative load of experts by domain',
      description: finding,
      rowTitle: 'domain',
      columnTitle: 'expert',
      rows: found.domains,
      columns: router.relativeLoads[0].map((_, e) => String(e)),
      values: router.relativeLoads,
      label: 'load over the even share',
      from: 0,
      to: Math.max(2, relativeLoad),
      format: (value) => value.toFixed(1),
    }),
    caption: html`${finding} Router ${index + 1} of ${found.routers.length}, the one that tells the domains apart best; 1.0 is an even
    share. It is drawn like the appendix of the published report, which gives no numbers.`,
  }
}
