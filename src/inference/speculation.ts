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
import { accept, distribution, type Distribution, drawFrom, type Verdict } from './acceptance.ts'
import type { Decoder } from './decode.ts'
import type { Drafter } from './drafter.ts'
import type { SamplingOptions } from './generation-options.ts'
import { checkLogits, likeliest } from './sampling.ts'
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

/** A token, and the distribution that it was drawn from; none at temperature 0, where there is nothing to draw. */
interface Draft {
  readonly id: number
  readonly proposal: Distribution | undefined
}

function draw(logits: Float32Array, { idCount, options, rng }: SpeculationTools): Draft {
  if (options.temperature > 0) {
    const proposal = distribution(logits, idCount, options)
    return { id: drawFrom(proposal, 1, rng), proposal }
  }
  checkLogits(logits, idCount)
  return { id: likeliest(logits, idCount), proposal: undefined }
}

/** The model's verdict on a draft: its own likeliest token at temperature 0, else the rule. */
function judge(logits: Float32Array, draft: Draft, tools: SpeculationTools): Verdict {
  const { idCount, options, rng } = tools
  if (draft.proposal) return accept(distribution(logits, idCount, options), draft.proposal, draft.id, rng)
  const { id } = draw(logits, tools)
  return { isAccepted: id === draft.id, id }
}

/** Lets the module catch up with the text, then drafts. Its rows for drafts are forgotten again: they stood on its own output. */
function draftTokens(tools: SpeculationTools, sequence: Sequence, next: number, count: number): Draft[] {
  const { drafter } = tools
  const cache = sequence.draftCache!
  const drafts: Draft[] = []
  const { hidden, nextIds } = sequence.takeUnseen(next)
  let logits = drafter.draft(cache, hidden, nextIds)
  const { length } = cache
  while (drafts.length < count) {
    const draft = draw(logits, tools)
    drafts.push(draft)
    if (drafts.length < count) logits = drafter.again(cache, draft.id)
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
  const { decoder } = tools
  const { cache } = sequence
  const drafts = draftTokens(tools, sequence, next, count)
  const before = cache.length
  const logits_MV = decoder.decode([next, ...drafts.map(({ id }) => id)].map((id) => ({ id, cache })))
  const { vocabSize: V } = decoder.model.config
  const rows = logits_MV.data as Float32Array
  const logitsAt = (row: number) => rows.subarray(row * V, (row + 1) * V)
  const ids: number[] = []
  let accepted = 0
  for (const draft of drafts) {
    const verdict = judge(logitsAt(accepted), draft, tools)
    ids.push(verdict.id)
    if (!verdict.isAccepted) break
    accepted++
  }
  if (accepted === count) ids.push(draw(logitsAt(count), tools).id)
  cache.truncate(before + 1 + accepted)
  sequence.append([next, ...ids.slice(0, accepted)], decoder.hidden(1 + accepted))
  return { ids, drafted: count, accepted }
}
