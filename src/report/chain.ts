/**
 * The chain of constraints from routing to serving: one arrow after the other, each with one number of this run, or "not
 * measured". What was measured and how stands with the claim that an arrow names; nothing of it is told again here.
 */
import { mean } from '../base/statistics.ts'
import { cacheOf } from './claims/architecture-latent-cache.ts'
import type { ClaimId } from './claims/catalogue.ts'
import { shapesOf } from './claims/infrastructure-cluster-shape.ts'
import { comparedSizes } from './claims/sequence-inference-to-architecture.ts'
import { trafficOf } from './claims/sequence-routing-to-traffic.ts'
import { changingNetworks } from './claims/sequence-traffic-to-schedule.ts'
import { accuracyOf } from './findings/accuracies.ts'
import { hotExperts } from './findings/hot-experts.ts'
import { memorySavings } from './findings/memory-savings.ts'
import { splitEnds } from './findings/regimes.ts'
import { trainedState } from './findings/trained-state.ts'
import { html, type Html } from './html.ts'
import type { JudgedClaim } from './judge.ts'
import type { RunFacts } from './run-facts.ts'
import { changed, counted, digits, listed, percent, times } from './wording.ts'

/** How one decision narrows the next. */
interface Arrow {
  readonly from: string
  readonly to: string
  readonly because: string
  /** The claim that measures it. */
  readonly claim: ClaimId
  /** Its number in this run, a short sentence; null without the measurement. */
  readonly inShort: (run: RunFacts) => string | null
}

const arrows: readonly Arrow[] = [
  {
    from: 'Routing',
    to: 'traffic',
    because: 'A token’s experts lie on several nodes, and every node that it visits is a copy that has to travel.',
    claim: 'sequence.routing-to-traffic',
    inShort(run) {
      const { limits } = trafficOf(run)
      const trained = limits.find(({ isAsTrained }) => isAsTrained)
      return trained
        ? `Here it is copied ${digits(trained.copiesPerToken)} times a layer, and ${digits(limits.at(-1)!.copiesPerToken)} times without the limit on groups.`
        : null
    },
  },
  {
    from: 'Traffic',
    to: 'cluster',
    because: 'Copies cross the slowest link of the machine that they are sent over.',
    claim: 'infrastructure.cluster-shape',
    inShort(run) {
      const seconds = shapesOf(run).flatMap((shape) => (shape.nodeCount > 1 ? [shape.seconds] : []))
      return seconds.length < 2
        ? null
        : `Here the worst shape of cluster takes ${times(Math.max(...seconds) / Math.min(...seconds))} as long as the best.`
    },
  },
  {
    from: 'Traffic',
    to: 'schedule',
    because: 'Only a schedule that has other work to do meanwhile can hide what travels.',
    claim: 'sequence.traffic-to-schedule',
    inShort(run) {
      const changing = changingNetworks(run)
      return changing.length === 0
        ? null
        : `Here the limit on groups decides which one can, on ${listed(changing.map((gbits) => `${gbits} Gbit/s`))}.`
    },
  },
  {
    from: 'Schedule',
    to: 'memory',
    because: 'What is in flight at once has to be kept or computed again.',
    claim: 'infrastructure.not-resident',
    inShort(run) {
      const found = memorySavings(run)
      return (
        found &&
        `Here keeping less takes ${percent(found.together.measuredBytes / found.event.plain.measuredBytes)} off the peak of the heap.`
      )
    },
  },
  {
    from: 'Training',
    to: 'what survives',
    because: 'Serving keeps the weights, the biases and perhaps the draft module; the moments and the balance loss have done their work.',
    claim: 'sequence.schedule-to-inference',
    inShort(run) {
      const items = trainedState(run.document.recipe)
      const bytesOf = (some: typeof items) => some.reduce((sum, { bytes }) => sum + bytes, 0)
      return `Here ${percent(bytesOf(items.filter(({ fate }) => fate === 'dropped')) / bytesOf(items))} of the bytes are dropped.`
    },
  },
  {
    from: 'Attention',
    to: 'cache',
    because: 'What a token leaves behind for the ones after it is decided with the shape of attention.',
    claim: 'architecture.latent-cache',
    inShort: (run) => `Here it takes ${percent(cacheOf(run).share)} of the bytes of full keys and values.`,
  },
  {
    from: 'Cache',
    to: 'decoding',
    because: 'Each new token reads all of the cache and its experts’ weights.',
    claim: 'inference.decode-exposed',
    inShort(run) {
      const ends = splitEnds(run)
      if (!ends) return null
      const [near, far] = [ends.near, ends.far].map(({ split }) => split.cacheSeconds / split.tokenSeconds)
      return `Here the cache’s share of a token’s time ${changed(near, far, percent)} between ${ends.near.contextLength} and ${ends.far.contextLength} tokens of context.`
    },
  },
  {
    from: 'Experts',
    to: 'placement',
    because: 'Real text prefers some experts, and the busiest device sets the pace of all.',
    claim: 'inference.hot-experts',
    inShort(run) {
      const found = hotExperts(run)
      return (
        found &&
        `Here it has ${percent(mean(found.domains.map(({ inOrder }) => inOrder)) - 1)} more to do than the mean, of ${counted(found.deviceCount, 'device')}.`
      )
    },
  },
  {
    from: 'Decoding',
    to: 'reinforcement',
    because: 'A model can only learn from replies that it is already able to write.',
    claim: 'posttraining.rule-rewards',
    inShort(run) {
      const [before, after] = [accuracyOf(run, 'sft'), accuracyOf(run, 'rl')]
      return before && after && `Here the share of right answers to held-out problems ${changed(before.accuracy, after.accuracy, percent)}.`
    },
  },
  {
    from: 'Cost of inference',
    to: 'architecture',
    because: 'What is dear to serve is made smaller in the next model: the chain closes.',
    claim: 'sequence.inference-to-architecture',
    inShort(run) {
      const compared = comparedSizes(run)
      return compared && `Here ${compared.free} of ${compared.tried} other sizes are established to be better without a dearer token.`
    },
  },
]

const states = {
  held: 'measured: held',
  'did not hold': 'measured: did not hold',
  'not established': 'measured: not established',
  'not tested': 'not measured',
} as const

/** The chain as a list of arrows. */
export function chainOfConstraints(run: RunFacts, judged: readonly JudgedClaim[]): Html {
  const items = arrows.map(({ from, to, because, claim, inShort }) => {
    const found = judged.find((member) => member.claim.id === claim)
    const outcome = found?.verdict.outcome ?? 'not tested'
    const number = outcome === 'not tested' ? null : inShort(run)
    const state = found ? html`<a href="#claim-${claim}">${states[outcome]}</a>` : states[outcome]
    return html`<li>
      <span class="arrow">${from} → ${to} <span class="state">(${state})</span></span> ${because} ${number}
    </li> `
  })
  const measured = arrows.filter(({ claim }) =>
    judged.some((member) => member.claim.id === claim && member.verdict.outcome !== 'not tested'),
  )
  return html`<section id="chain">
    <h2>The chain of constraints</h2>
    <p>
      The chapters can be read as one sentence: each layer narrows what the next can do, and the last one’s cost returns to the first. Here
      is that sentence as a list of arrows, each with a number of this run and a link to the claim that measures it. ${measured.length} of
      ${arrows.length} were measured.
    </p>
    <ol class="chain">
      ${items}
    </ol>
  </section> `
}
