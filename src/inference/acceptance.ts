/**
 * The exact rule of speculative sampling: whatever the draft was, what comes out is distributed as the model's own draws.
 *
 *   accept the draft x with probability min(1, p(x) / q(x)), else draw from max(p - q, 0), normalised
 *
 * Both p and q are what the sampling options make of the logits: temperature and filters are applied to each before the rule.
 * Source: Leviathan et al., "Fast inference from transformers via speculative decoding" (2023), section 2.3 and appendix A.1.
 */
import type { Random } from '../base/random.ts'
import type { SamplingOptions } from './generation-options.ts'
import { candidates, checkLogits, likeliest, weigh } from './sampling.ts'

/** Probability of each id, [V]; the sum is 1 to rounding. */
export type Distribution = Float64Array

/** What became of a draft. */
export interface Verdict {
  readonly isAccepted: boolean
  /** The draft itself, or what was drawn in its place. */
  readonly id: number
}

/**
 * What the sampling options make of logits. At temperature 0 all of it lies on the likeliest id.
 *
 * @param logits  one row, [V]
 * @param idCount ids that the tokenizer knows
 * @throws UsageError when the logits are not finite
 */
export function distribution(logits: Float32Array, idCount: number, options: SamplingOptions): Distribution {
  checkLogits(logits, idCount)
  const probabilities = new Float64Array(idCount)
  if (options.temperature === 0) {
    probabilities[likeliest(logits, idCount)] = 1
    return probabilities
  }
  if (options.topK === 0 && options.topP === 1 && options.minP === 0) {
    const { weights, total } = weigh(logits, idCount, options.temperature)
    for (let id = 0; id < idCount; id++) probabilities[id] = weights[id] / total
    return probabilities
  }
  const { ids, weights } = candidates(logits, idCount, options)
  let total = 0
  for (const id of ids) total += weights[id]
  for (const id of ids) probabilities[id] = weights[id] / total
  return probabilities
}

/** Draws an id by weights that need not sum to 1. @param rng moves by one draw */
export function drawFrom(weights: Float64Array, total: number, rng: Random): number {
  let left = rng.uniform() * total
  let last = 0
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] === 0) continue
    left -= weights[id]
    last = id
    if (left < 0) break
  }
  return last
}

/**
 * Accepts a draft or draws in its place.
 *
 * @param model    p: what the model says at this place
 * @param proposal q: what the draft was drawn from; q(draft) > 0
 * @param rng      moves by one draw, or by two when the draft is rejected
 */
export function accept(model: Distribution, proposal: Distribution, draft: number, rng: Random): Verdict {
  if (rng.uniform() * proposal[draft] < model[draft]) return { isAccepted: true, id: draft }
  const rest = new Float64Array(model.length)
  let total = 0
  for (let id = 0; id < rest.length; id++) {
    rest[id] = Math.max(0, model[id] - proposal[id])
    total += rest[id]
  }
  // Where p = q nothing is left, and a draft is rejected by a rounding at most: then p is drawn from as it is.
  return { isAccepted: false, id: total > 0 ? drawFrom(rest, total, rng) : drawFrom(model, 1, rng) }
}
