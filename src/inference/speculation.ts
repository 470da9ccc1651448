/**
 * One step of generation with drafts, lossless: the module drafts some tokens, the trunk runs on all of them at once, and
 * the exact rule keeps a beginning of them and draws one token more.
 *
 *   text … t_n │ drafts d_1 … d_k        trunk on rows t_n, d_1, …, d_k → p_1 … p_{k+1}
 *   keep d_1 … d_a (a ≤ k), then one from max(p_{a+1} - q_{a+1}, 0), or from p_{k+1} when all were kept
 *
 * A step gives a + 1 tokens for one reading of the weights. At temperature 0 the tokens are those of generation without
 * drafts: rows of a step have the bits of single ones. Claim: foundations.denser-supervision.
 */
import type { Random } from '../base/random.ts'
import { accept, distribution, type Distribution, drawFrom } from './acceptance.ts'
import type { Decoder } from './decode.ts'
import type { Drafter } from './drafter.ts'
import type { SamplingOptions } from './generation-options.ts'
import type { Sequence } from './sequence.ts'

/** What a step has given. */
export interface SpeculativeStep {
  /** Tokens in order, one more than were accepted; all but the last are cached. */
  readonly ids: readonly number[]
  readonly drafted: number
  readonly accepted: number
}

/** What a step draws with and from. */
export interface SpeculationTools {
  readonly decoder: Decoder
  readonly drafter: Drafter
  readonly idCount: number
  readonly options: SamplingOptions
  readonly rng: Random
}

/** At temperature 0 there is one possibility and nothing to draw. */
const draw = (probabilities: Distribution, { options, rng }: SpeculationTools) =>
  options.temperature === 0 ? probabilities.indexOf(1) : drawFrom(probabilities, 1, rng)

interface Draft {
  readonly id: number
  readonly proposal: Distribution
}

/** Lets the module catch up with the text, then drafts. Its rows for drafts are forgotten again: they stood on its own output. */
function draftTokens(tools: SpeculationTools, sequence: Sequence, next: number, count: number): Draft[] {
  const { drafter, idCount, options } = tools
  const cache = sequence.draftCache!
  const drafts: Draft[] = []
  const { hidden, nextIds } = sequence.takeUnseen(next)
  let logits = drafter.draft(cache, hidden, nextIds)
  const { length } = cache
  while (drafts.length < count) {
    const proposal = distribution(logits, idCount, options)
    const id = draw(proposal, tools)
    drafts.push({ id, proposal })
    if (drafts.length < count) logits = drafter.again(cache, id)
  }
  cache.truncate(length)
  return drafts
}

/**
 * Takes one step.
 *
 * @param sequence begun with drafting; its text grows by the tokens that are cached now
 * @param next     the token that was drawn last and is not cached
 * @param count    drafts, one or more; there is room for them and one token more
 */
export function speculativeStep(tools: SpeculationTools, sequence: Sequence, next: number, count: number): SpeculativeStep {
  const { decoder, idCount, options, rng } = tools
  const { cache } = sequence
  const drafts = draftTokens(tools, sequence, next, count)
  const before = cache.length
  const logits_MV = decoder.decode([next, ...drafts.map(({ id }) => id)].map((id) => ({ id, cache })))
  const { vocabSize: V } = decoder.model.config
  const rows = logits_MV.data as Float32Array
  const modelAt = (row: number) => distribution(rows.subarray(row * V, (row + 1) * V), idCount, options)
  const ids: number[] = []
  let accepted = 0
  for (const { id, proposal } of drafts) {
    const model = modelAt(accepted)
    const verdict = options.temperature === 0 ? greedily(model, id) : accept(model, proposal, id, rng)
    ids.push(verdict.id)
    if (!verdict.isAccepted) break
    accepted++
  }
  if (accepted === count) ids.push(draw(modelAt(count), tools))
  cache.truncate(before + 1 + accepted)
  sequence.append([next, ...ids.slice(0, accepted)], decoder.hidden(1 + accepted))
  return { ids, drafted: count, accepted }
}

function greedily(model: Distribution, draft: number) {
  const id = model.indexOf(1)
  return { isAccepted: id === draft, id }
}
