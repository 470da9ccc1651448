/** The appendices carry the technical signal: whether experts specialise by domain, and what low precision does. */
import { precisionMetrics, roundings } from '../../pretraining/index.ts'
import { errorsText, lossError, lossErrorText, precisionError } from '../findings/precision.ts'
import { clearestRouter, specialisation } from '../findings/specialisation.ts'
import { idleExperts, idleShare } from '../findings/idle-experts.ts'
import { heatMap } from '../figures/index.ts'
import { html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim, FigureBlock } from '../types.ts'
import { digits, inCode, listed, percent, times } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** What is found must be so many times what counting alone feigns. */
const clearlyMore = 10

/** The second half. */
const blocksCommand = 'strata ablate fp8-blocks fp8-products --seeds 3 --run runs/first'

export const appendixSignal: Claim = {
  id: 'evaluation.appendix-signal',
  statement: claimStatements['evaluation.appendix-signal'],
  mechanism: 'src/inference/expert-loads.ts',
  needs: needs('inference/expert-load'),
  command: blocksCommand,
  rule: `It holds where in every router the experts tell domains apart by more than ${clearlyMore} times the information that counting alone feigns, and training with gradients scaled by blocks of tokens is established to end with a higher loss than with tiles, or breaks. It does not hold where no router tells them apart, or blocks are established to end lower; where only one half is shown, or one was not measured, it is not established.`,
  judge(run) {
    const found = specialisation(run)
    if (!found) return notTested('The load of the experts was not counted in two domains or more.')
    const clear = found.routers.filter(({ informationBits, feignedBits }) => informationBits > clearlyMore * feignedBits).length
    const { router, index } = clearestRouter(found)
    const { domain, expert, relativeLoad } = router.hottest
    const sentence =
      `In ${clear} of ${found.routers.length} routers the chosen expert tells more than ${clearlyMore} times as much about which of ${found.domains.length} domains a token is from as counting alone would feign ` +
      `(${digits(found.choices)} choices a router); the clearest is router ${index + 1} with ${digits(router.informationBits)} bits against ${digits(router.feignedBits)}, where expert ${expert} gets ${times(relativeLoad)} its even share on ${domain}. ${lowPrecision(run)}`
    const blocks = lossError(run, 'fp8-blocks', 'fp8-blocks', 'fp8')
    if (clear === 0 || (blocks && blocks.high < 0)) return didNotHold(sentence)
    return clear === found.routers.length && blocks && blocks.low > 0 ? held(sentence) : notEstablished(sentence)
  },
  figure: specialisationFigure,
}

/** What blocks instead of tiles did to the loss and to gradients, in one sentence. */
function lowPrecision(run: RunFacts): string {
  const blocks = lossError(run, 'fp8-blocks', 'fp8-blocks', 'fp8')
  if (!blocks) return `The other half, low precision, was not measured; ${inCode(blocksCommand)} does it.`
  const error = precisionError(run, precisionMetrics.inputs, roundings.block)
  const products = error ? `, where the gradients themselves are off by ${errorsText(error)}` : ''
  return `Training in emulated FP8 with gradients scaled by blocks of 128 tokens ends with a loss that differs from that with tiles by ${lossErrorText(blocks)}${products}; published is divergence.`
}

/** Relative load of each expert in each domain, in the router that tells them apart best; null without loads. */
function specialisationFigure(run: RunFacts): FigureBlock | null {
  const found = specialisation(run)
  if (!found) return null
  const { router, index } = clearestRouter(found)
  const { domain, expert, relativeLoad } = router.hottest
  const finding = `Expert ${expert} gets ${times(relativeLoad)} its even share on ${domain}, the largest load in this router.`
  const idle = idleExperts(run)?.idle.filter((one) => one.router === index) ?? []
  const pale =
    idle.length === 0
      ? ''
      : ` Nearly idle over all domains, with less than ${percent(idleShare)} of the mean load: ${listed(idle.map(({ expert: one, share }) => `expert ${one} (${percent(share)})`))}.`
  return {
    id: 'expert-specialisation',
    drawing: heatMap({
      title: 'Relative load of experts by domain',
      description: `${finding}${pale}`,
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
    caption: html`${finding}${pale} Router ${index + 1} of ${found.routers.length}, the one that tells the domains apart best; 1.0 is an
    even share. It is drawn like the appendix of the published report, which gives no numbers.`,
  }
}
