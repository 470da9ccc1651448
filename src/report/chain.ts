/** The chain of constraints from routing to serving: one arrow after the other, each with this run's numbers or "not measured". */
import type { ClaimId } from './claims/catalogue.ts'
import { html, type Html } from './html.ts'
import type { JudgedClaim } from './judge.ts'

/** How one decision narrows the next. */
interface Arrow {
  readonly from: string
  readonly to: string
  readonly because: string
  /** The claim that measures it. */
  readonly claim: ClaimId
}

const arrows: readonly Arrow[] = [
  {
    from: 'Routing',
    to: 'traffic',
    because: 'A token’s experts lie on several nodes, and every node that it visits is a copy that has to travel.',
    claim: 'sequence.routing-to-traffic',
  },
  {
    from: 'Traffic',
    to: 'cluster',
    because: 'Copies cross the slowest link of the machine that they are sent over.',
    claim: 'infrastructure.cluster-shape',
  },
  {
    from: 'Traffic',
    to: 'schedule',
    because: 'Only a schedule that has other work to do meanwhile can hide what travels.',
    claim: 'sequence.traffic-to-schedule',
  },
  {
    from: 'Schedule',
    to: 'memory',
    because: 'What is in flight at once has to be kept or computed again.',
    claim: 'infrastructure.not-resident',
  },
  {
    from: 'Training',
    to: 'what survives',
    because: 'Serving keeps the weights, the biases and perhaps the draft module; the moments and the balance loss have done their work.',
    claim: 'sequence.schedule-to-inference',
  },
  {
    from: 'Attention',
    to: 'cache',
    because: 'What a token leaves behind for the ones after it is decided with the shape of attention.',
    claim: 'architecture.latent-cache',
  },
  {
    from: 'Cache',
    to: 'decoding',
    because: 'Each new token reads all of the cache and its experts’ weights.',
    claim: 'inference.decode-exposed',
  },
  {
    from: 'Experts',
    to: 'placement',
    because: 'Real text prefers some experts, and the busiest device sets the pace of all.',
    claim: 'inference.hot-experts',
  },
  {
    from: 'Decoding',
    to: 'reinforcement',
    because: 'A model can only learn from replies that it is already able to write.',
    claim: 'posttraining.rule-rewards',
  },
  {
    from: 'Cost of inference',
    to: 'architecture',
    because: 'What is dear to serve is made smaller in the next model: the chain closes.',
    claim: 'sequence.inference-to-architecture',
  },
]

const states = {
  held: 'measured: held',
  'did not hold': 'measured: did not hold',
  'not established': 'measured: not established',
  'not tested': 'not measured',
} as const

/** The chain as a list of arrows. */
export function chainOfConstraints(judged: readonly JudgedClaim[]): Html {
  const items = arrows.flatMap(({ from, to, because, claim }) => {
    const found = judged.find((member) => member.claim.id === claim)
    const outcome = found?.verdict.outcome ?? 'not tested'
    const numbers = found && outcome !== 'not tested' ? html` ${found.verdict.sentence}` : null
    const state = found ? html`<a href="#claim-${claim}">${states[outcome]}</a>` : states[outcome]
    return html`<li>
      <span class="arrow">${from} → ${to} <span class="state">(${state})</span></span> ${because}${numbers}
    </li> `
  })
  const measured = arrows.filter(({ claim }) =>
    judged.some((member) => member.claim.id === claim && member.verdict.outcome !== 'not tested'),
  )
  return html`<section id="chain">
    <h2>The chain of constraints</h2>
    <p>
      The chapters can be read as one sentence: each layer narrows what the next can do, and the last one’s cost returns to the first. Here
      is that sentence as a list of arrows, with what this run measured of each. ${measured.length} of ${arrows.length} were measured.
    </p>
    <ol class="chain">
      ${items}
    </ol>
  </section> `
}
