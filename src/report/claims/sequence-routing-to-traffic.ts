/** How far a token's experts are spread decides what crosses the network: the trained router under several group limits. */
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import { formatBytes } from '../../base/format.ts'
import { bytesOfCopy, trafficByLimit } from '../findings/routed-traffic.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed, signed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Copies of a token that the loosest limit must add to those of the tightest, as a share of them, in every layer. */
const leastGrowth = 0.1

/** The probe's findings, the last of each kind; none without the event. */
export function trafficOf(run: RunFacts) {
  const events = run.latestOf('inference/routing', ({ activeGroupCount, hasBias }) => `${activeGroupCount} ${hasBias}`)
  return { limits: trafficByLimit(events, run.document.recipe.model), tokens: events[0]?.tokens ?? 0, rows: events[0]?.rows ?? 0 }
}

export const routingToTraffic: Claim = {
  id: 'sequence.routing-to-traffic',
  statement: claimStatements['sequence.routing-to-traffic'],
  mechanism: 'src/inference/routing-probe.ts',
  needs: needs('inference/routing'),
  command: 'strata run nano',
  rule: `It holds where the loosest limit makes at least ${100 * leastGrowth} % more copies of a token than the tightest, in every layer.`,
  judge(run) {
    const { limits, tokens } = trafficOf(run)
    if (limits.length < 2) return notTested('The router’s choices were not counted under more than one group limit.')
    const [tightest, loosest] = [limits[0], limits.at(-1)!]
    const growth = loosest.copiesByLayer.map((copies, layer) => copies / tightest.copiesByLayer[layer] - 1)
    const names = listed(limits.map(({ activeGroupCount }) => String(activeGroupCount)))
    const copies = listed(limits.map(({ copiesPerToken }) => digits(copiesPerToken)))
    const bytes = listed(limits.map(({ bytesPerToken }) => formatBytes(bytesPerToken)))
    const cost = tightest.addedNats !== null && tightest.plusMinus !== null
    const price = cost
      ? ` The tightest limit changes the loss by ${signed(tightest.addedNats)} ± ${digits(tightest.plusMinus)} nats without retraining.`
      : ''
    const sentence = `Limited to ${names} of ${run.document.recipe.model.groupCount} groups, a token visits ${copies} of them in a layer (means over ${tokens} held-out tokens and ${tightest.copiesByLayer.length} layers); at ${bytesOfCopy(run.document.recipe.model.width)} bytes a copy, that is ${bytes} a token and forward pass.${price}`
    return growth.every((share) => share >= leastGrowth) ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const { limits, tokens } = trafficOf(run)
    if (limits.length < 2) return null
    const { groupCount } = run.document.recipe.model
    const layers = run.lastOf('inference/routing')!.layers
    const named = (count: number) => (count === groupCount ? 'no limit' : `limit ${count}`)
    const [tightest, loosest] = [limits[0], limits.at(-1)!]
    return {
      id: 'groups-by-layer',
      drawing: lineChart({
        title: 'Groups of experts that a token visits, layer by layer',
        description: `Mean over ${tokens} held-out tokens: ${listed(limits.map((limit) => `${digits(limit.copiesPerToken)} with ${named(limit.activeGroupCount)}`))}.`,
        x: { label: 'layer', from: layers[0], to: layers.at(-1)! },
        y: { label: 'groups visited by a token', from: 0, to: groupCount },
        series: limits.map(({ activeGroupCount, isAsTrained, copiesByLayer }) => ({
          name: `${named(activeGroupCount)}${isAsTrained ? ', as trained' : ''}`,
          points: copiesByLayer.map((copies, index) => [layers[index], copies] as const),
          withDots: true,
        })),
        height: 190,
      }),
      caption: html`Without its limit the router would send a token to ${digits(loosest.copiesPerToken)} of ${groupCount} groups, with the
      tightest to ${digits(tightest.copiesPerToken)}. Means over ${tokens} tokens of held-out text, the same weights throughout; each group
      stands for a node.`,
    }
  },
}
