/** Chapter 05: what serving makes of the trained model, and where its time and its memory go. */
import { formatBytes, formatCount } from '../../base/format.ts'
import { cacheEquivalents, countParameters } from '../../architecture/index.ts'
import { cite, formula, maths, published, sidenote } from '../blocks.ts'
import { residentEnds } from '../claims/inference-resident-state.ts'
import { ridgeOf } from '../findings/regimes.ts'
import { html, type Html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Chapter } from '../types.ts'
import { digits, percent } from '../wording.ts'
import { decoding, drafts, experts, regimesMeasured, resident, rollouts } from './05-served.ts'

export const inferenceChapter: Chapter = {
  name: 'inference',
  decides,
  inherited,
  mechanism: (run) => html`${twoPhases(run)}${absorption(run)}${drafting()}${placing()}`,
  measured: (run) => html`${regimesMeasured(run)}${decoding(run)}${resident(run)}${drafts(run)}${experts(run)}${rollouts(run)}`,
  handsOn,
}

function decides(): Html {
  return html`<p>
      Training ends; serving does not. What inference decides is how the finished weights are brought to somebody who waits: in which form
      attention is computed, what is kept of the text so far, how many sequences share one reading of the weights, whether a second token is
      guessed along with the first, and on which devices the experts lie. None of these changes what the model would say. They decide what
      it costs to hear it, and so whether it can be used at all.
    </p>
    <p>
      Two acts of very different nature make up one answer. Prefill reads the prompt, all of its tokens at once. Decoding writes the answer,
      one token after the other, each of which must wait for the one before. The report deploys the two on different machines,
      ${published('prefill on 32 GPUs and decoding on 320')}${cite('deepseek-v3', 'section 3.4')}, and the rest of this chapter is about
      why.
    </p> `
}

function inherited(run: RunFacts): Html {
  const { recipe } = run.document
  const { activated, total } = countParameters(recipe.model)
  const { mla, mha } = cacheEquivalents(recipe.model)
  const { long } = residentEnds(run)
  const drafter = recipe.model.mtpDepth > 0 ? ', and left a module that predicts one token further, which is at hand as a drafter' : ''
  return html`<p>
    Most of what could be decided about serving was decided before. The architecture fixed that a token visits
    ${recipe.model.activeExpertCount} of ${recipe.model.expertCount} experts, so that ${formatCount(activated)} of ${formatCount(total)}
    weights take part in it, and that it leaves ${mla} numbers in the cache where full keys and values of the same heads would leave ${mha}.
    Training gave the routers biases that decide which experts those are${drafter}. The longest sequence is set by context extension, to
    ${long.length} tokens, whose cache takes ${formatBytes(long.latentBytes * long.length)} here. In the published model the cache takes
    ${published('70,272 bytes a token')}${cite('isca-2025', 'table 1')} in two-byte numbers, where full heads of its sizes would take
    ${published('4.0 MB')}.
  </p> `
}

function twoPhases(run: RunFacts): Html {
  const ridge = ridgeOf(run)
  return html`<h4>Two regimes</h4>
    <p>
      A machine can do so much arithmetic a second and read so many bytes. Work that does much with each byte it reads is bound by
      arithmetic, other work by memory. What tells them apart is the arithmetic intensity, FLOPs for each byte, and the machine’s own ratio
      of the two is where they meet${cite('roofline')}.
    </p>
    ${formula(String.raw`\text{GFLOP/s} \le \min\big(P,\ I \cdot B\big), \qquad I = \frac{\text{FLOPs}}{\text{bytes}}`)}
    <p>
      ${maths('P')} and ${maths('B')} are the ceilings of arithmetic and of memory; here they meet at ${digits(ridge)} FLOP a byte. Prefill
      multiplies each weight that it reads with all tokens of the prompt, so its intensity grows with their number. Decoding a single
      sequence multiplies each weight with one row and is done with it: two FLOPs for each number read.
    </p> `
}

/** Work of the absorbed form beside that of full heads. */
const flops = (absorbed: number, full: number) =>
  absorbed === full ? `${absorbed} FLOP here, as full heads do` : `${absorbed} FLOP here where full heads take ${full}`

function absorption({ document }: RunFacts): Html {
  const { headCount: H, keyValueRank: C, ropeWidth: R, nopeWidth: N, valueWidth: W } = document.recipe.model
  return html`<h4>Absorbed attention</h4>
    <p>
      The cache holds one latent and one rotated key of each token. To attend in the usual form, keys and values of all heads would have to
      be made from the latents again, for every token of the past at every step. Since the map from latent to key is linear, it can be moved
      to the other side of the product: the query is carried into the space of the latents once, and compared with them as they are.
    </p>
    ${formula(String.raw`q^\top \big(W^{UK} c_s\big) = \big({W^{UK}}^\top q\big)^\top c_s, \qquad o = W^{UV} \sum_s p_s\, c_s`)}
    <p>
      The result is the same up to rounding, and tests of this repository hold the two forms against each other. The price, where there is
      one, is paid in arithmetic. For a cached token and head the absorbed form takes ${flops(2 * (2 * C + R), 2 * (N + R + W))}, and it
      reads ${C + R} numbers for all ${H} heads together. From the published sizes it is ${published('2,176 FLOP against 640')}, which comes
      to ${published('242 FLOP for each byte of the cache')}, near the ridge of that system’s GPU, so decoding is no longer a matter of
      memory alone there. Prefill keeps the expanded
      form.${sidenote('Prefill in src/inference/prefill.ts, absorbed decoding in src/inference/decode.ts.')}
    </p> `
}

function drafting(): Html {
  return html`<h4>Drafts</h4>
    <p>
      If decoding waits for memory, a second row costs little. The module that was trained to predict one token further proposes the next
      token but one; the model then reads its weights once for both, and checks the proposal by its own probabilities. What is accepted
      follows exactly the distribution of the model without drafts${cite('speculative-decoding')}.
    </p>
    ${formula(String.raw`P(\text{accept } x) = \min\Big(1, \frac{p(x)}{q(x)}\Big), \qquad \text{otherwise } x \sim \frac{\max(p - q,\, 0)}{\sum \max(p - q,\, 0)}`)}
    <p>
      Here ${maths('q')} is the drafter’s distribution and ${maths('p')} the model’s. The published acceptance is
      ${published('85 to 90 % and 1.8 times the tokens a second')}${cite('deepseek-v3', 'section 5.4.3')}. The code is
      <code>src/inference/speculation.ts</code>.
    </p> `
}

function placing(): Html {
  return html`<h4>Hot experts</h4>
    <p>
      Balance in training is balance over a large batch of everything. What is served at a given moment may be all code, and then the
      experts that code asks for have more to do than their neighbours. A step ends when the busiest device is done. So hot experts are
      copied to several devices, and which ones is decided again and again from the load of the last minutes: the published prefill keeps
      ${published('32 redundant experts')} beside its 256 and considers them anew
      ${published('every ten minutes')}${cite('deepseek-v3', 'section 3.4.1')}. <code>src/infrastructure/balancer</code> is that placement.
    </p> `
}

function handsOn(run: RunFacts): Html {
  const { short, long } = residentEnds(run)
  return html`<p>
    To post-training, inference hands the speed at which a model can be taught by its own replies. To the next architecture it hands a bill:
    a cache that decides how many can be served at once (${long.latentSequences} sequences of ${long.length} tokens in a gibibyte here,
    ${long.fullSequences} with full heads), experts that must be read whether or not a batch shares them, and a second token that is cheap
    only while memory is what one waits for. Where none of this presses, as for one short conversation, the latents save
    ${percent(short.savedShareOfOne)} of the memory and nobody would have invented them. That the report’s model is shaped as it is follows
    from this bill.
  </p> `
}
