/** What this run measured of serving: regimes, the parts of a token's time, resident state, drafts, hot experts, rollouts. */
import { formatBytes } from '../../base/format.ts'
import { cite, figureReference, published, table, tableReference } from '../blocks.ts'
import { decodeExposed } from '../claims/inference-decode-exposed.ts'
import { residentEnds } from '../claims/inference-resident-state.ts'
import { twoRegimes } from '../claims/inference-two-regimes.ts'
import { type Drafts, draftsOf, draftVerdict, speedText } from '../findings/drafts.ts'
import { hotExperts } from '../findings/hot-experts.ts'
import { atLongest, regimes, splitEnds } from '../findings/regimes.ts'
import { budgetBytes } from '../findings/resident-state.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { counted, digits, listed, percent, times } from '../wording.ts'
import { evidence, missing } from './placed.ts'

/** Both regimes on the roofline. */
export function regimesMeasured(run: RunFacts): Html {
  const found = atLongest(run)
  if (!found) return missing('Prefill and decoding were not measured in this run.')
  const { prefill, decode } = found
  return html`<p>
      With ${prefill.contextLength} tokens of context this model reads ${digits(prefill.tokensPerSecond)} tokens of a prompt in a second and
      writes ${digits(decode.tokensPerSecond)} to a single reader: reading is ${times(prefill.tokensPerSecond / decode.tokensPerSecond)} as
      fast (${figureReference('regimes')}). In production a node of eight GPUs of the published system was reported to read
      ${published('73.7K')} and to write ${published('14.8K')} tokens a second${cite('production-2025')}, for many readers at once and with
      more than half of what it read found in a cache.
    </p>
    ${evidence(twoRegimes, run)}`
}

/** Parts of a decoded token's time, and what batching does to it. */
export function decoding(run: RunFacts): Html {
  const ends = splitEnds(run)
  if (!ends) return missing('The time of a decoded token was not split into its parts in this run.')
  const { near, far } = ends
  const atFar = regimes(run, 'decode').filter(({ contextLength }) => contextLength === far.contextLength)
  const [single, most] = [atFar[0], atFar.at(-1)!]
  const gain = most.tokensPerSecond / single.tokensPerSecond
  const batch =
    most.rows > 1
      ? ` ${most.rows} sequences at once, which share each reading of the weights but no cache, get ${digits(most.tokensPerSecond)} tokens a second together, ${times(gain)} what one gets${gain < 2 ? ': with so long a past there is little left to share, and batching helps little' : ''}.`
      : ''
  return html`<p>
      How much lies behind a token decides what its time is made of (${figureReference('decode-split')}): of
      ${micros(near.split.tokenSeconds)} µs behind ${near.contextLength} tokens and ${micros(far.split.tokenSeconds)} µs behind
      ${far.contextLength}, the cache takes ${micros(near.split.cacheSeconds)} and ${micros(far.split.cacheSeconds)}. The weights to be read
      are the same at every length.${batch}
    </p>
    ${evidence(decodeExposed, run)}`
}

const micros = (seconds: number) => (seconds * 1e6).toFixed(0)

/** Sequences that fit, counted. */
export function resident(run: RunFacts): Html {
  const { short, long } = residentEnds(run)
  const row = ({ length, latentBytes, fullBytes, latentSequences, fullSequences }: typeof short) => [
    `${length} tokens`,
    formatBytes(latentBytes * length),
    formatBytes(fullBytes * length),
    latentSequences,
    fullSequences,
  ]
  return table({
    id: 'resident-state',
    columns: [
      { title: 'sequence' },
      { title: 'cache, latents', align: 'end' },
      { title: 'cache, full heads', align: 'end' },
      { title: 'fit, latents', align: 'end' },
      { title: 'fit, full heads', align: 'end' },
    ],
    rows: long.length === short.length ? [row(long)] : [row(short), row(long)],
    caption: html`In ${formatBytes(budgetBytes)} of cache fit ${times(long.latentSequences / Math.max(1, long.fullSequences))} as many
    sequences of ${long.length} tokens with latents as with full heads. Counted from the model’s sizes in four-byte numbers; the weights
    take ${formatBytes(long.weightBytes)} beside. For the published sizes the ratio is ${published('57 to 1')}, counted in the same way.`,
  })
}

/** Drafts, also where they lose. */
export function drafts(run: RunFacts): Html {
  const found = draftsOf(run)
  if (!found) return missing('Drafts were not measured in this run.')
  const { drafted, accepted, steps, acceptance, isSameText, byText } = found
  const same = isSameText
    ? 'The text was the same with drafts and without, token for token.'
    : 'The text was not the same with drafts and without, which it must be: this is a fault.'
  return html`<p>
    Going on from held-out text, before fine-tuning, the drafting module’s token was accepted in ${accepted} of ${drafted} cases,
    ${percent(acceptance.value)} (95 % interval ${(100 * acceptance.low).toFixed(0)} to
    ${percent(acceptance.high)}${byText ? `, over ${byText.texts} texts` : ''}), over ${counted(steps, 'step')}, always taking the likeliest
    token; published are ${published('85 to 90 %')}. ${repetition(byText)} ${draftSpeed(found)} ${same}
  </p> `
}

/** How far the text that was drafted repeats itself, and what that means for the share that was taken. */
function repetition(byText: Drafts['byText']): string {
  if (!byText) return 'How far that text repeats itself was not recorded; what was written before is easily drafted.'
  const { repeatedShare, runTokens } = byText
  const share = `Of the tokens written, ${percent(repeatedShare)} end a run of ${runTokens} that stood in the same text before`
  return repeatedShare < 0.5
    ? `${share}.`
    : `${share}: the likeliest text goes round in circles, which is easily drafted, so the share says little about text that does not.`
}

/** How fast decoding is with drafts, and what that tells whoever serves the model. */
function draftSpeed(found: Drafts): string {
  const { tokensPerSecondOff, tokensPerSecondOn } = found
  const speeds = `With drafts the model wrote ${digits(tokensPerSecondOn)} tokens a second, without ${digits(tokensPerSecondOff)}: ${speedText(found, digits)}`
  const meanings = {
    faster: 'so on this machine they are worth having',
    slower:
      'here they lose, because what they save is less than what drafting and checking cost, and this model is better served without them',
    'not established': 'whether they help is not established',
  }
  return `${speeds}; ${meanings[draftVerdict(found)]}.`
}

/** Devices before and after redundancy, domain by domain. */
export function experts(run: RunFacts): Html {
  const found = hotExperts(run)
  if (!found) return missing('The load of experts by domain was not counted in this run, or one device would hold them all.')
  const { domains, deviceCount, slotCount, expertCount } = found
  const worst = domains.reduce((most, domain) => (domain.inOrder > most.inOrder ? domain : most))
  const helped = domains.filter(({ inOrder, placedByOthers }) => placedByOthers < inOrder)
  const unhelped = domains.filter(({ inOrder, placedByOthers }) => placedByOthers >= inOrder)
  const warning = unhelped.length === 0 ? '' : `, and on ${listed(unhelped.map(({ domain }) => domain))} they are worth nothing`
  return html`<p>
      Sent through the routers, held-out text of each domain asks for experts of its own (${tableReference('hot-experts')}). If the
      ${expertCount} experts lay in order on ${deviceCount} devices, the busiest would carry ${times(worst.inOrder)} its even share on
      ${worst.domain}. Since the experts’ part of a step takes as long as its busiest device, the column tells how many times slower it is
      than it need be. Placement by the load of other domains helps in ${helped.length} of ${domains.length}: copies that were placed for
      yesterday’s traffic are worth as much as yesterday resembles today${warning}.
    </p>
    ${table({
      id: 'hot-experts',
      columns: [
        { title: 'text served' },
        { title: 'experts in order', align: 'end' },
        { title: 'placed by other domains', align: 'end' },
        { title: 'placed by its own load', align: 'end' },
      ],
      rows: domains.map(({ domain, inOrder, placedByOthers, placedByOwn }) => [
        domain,
        digits(inOrder),
        digits(placedByOthers),
        digits(placedByOwn),
      ]),
      caption: html`${counted(slotCount - expertCount, 'redundant expert')} placed by the load itself
      ${slotCount - expertCount === 1 ? 'brings' : 'bring'} the busiest device on ${worst.domain} from ${digits(worst.inOrder)} times the
      mean to ${digits(worst.placedByOwn)}, by the load of other domains to ${digits(worst.placedByOthers)}. Load of the busiest device over
      the mean, averaged over the routers; 1 is even. Computed from the routers’ real choices; no second device was at work.`,
    })}`
}

/** Batched rollouts against single ones. */
export function rollouts(run: RunFacts): Html {
  const events = run.latestOf('inference/rollout', ({ rows }) => String(rows)).toSorted((a, b) => a.rows - b.rows)
  const [single, most] = [events[0], events.at(-1)]
  if (!single || !most || most.rows === single.rows) return missing('Rollouts in batches were not measured in this run.')
  const phrases = events.map(({ rows, tokensPerSecond }) => `${digits(tokensPerSecond)} tokens a second with ${counted(rows, 'sequence')}`)
  return html`<p>
    Replies for the next chapter are drawn in batches: ${listed(phrases)}, ${times(most.tokensPerSecond / single.tokensPerSecond)} as many.
    What a sequence says does not depend on which others share its steps.
  </p> `
}
