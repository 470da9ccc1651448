/**
 * From logits to one token: temperature, then top-k, top-p and min-p, then a draw.
 *
 * Each filter sees what the one before it left, shares taken anew; equally likely tokens stand in the order of their ids. Sources:
 * Holtzman et al., "The curious case of neural text degeneration" (2019), for top-p; Nguyen et al., "Min-p sampling" (2024).
 */
import { usageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { SamplingOptions } from './generation-options.ts'

/** The likeliest id; the first of equals. @param idCount ids that the tokenizer knows */
export function likeliest(logits: Float32Array, idCount: number): number {
  let best = 0
  for (let id = 1; id < idCount; id++) if (logits[id] > logits[best]) best = id
  return best
}

/** Each round of collecting looks this much further down than the one before, as a factor on the likelihood. */
const roundFactor = 2 ** -2

/**
 * Ids by falling weight, at least until there are `count` of them or they hold `mass`. Sorts those few instead of all.
 *
 * @param weights relative to the largest, which is 1
 */
function likeliestFirst(weights: Float64Array, count: number, mass: number): number[] {
  for (let threshold = roundFactor; ; threshold = threshold > 1e-300 ? threshold * roundFactor : 0) {
    const ids: number[] = []
    let held = 0
    for (let id = 0; id < weights.length; id++) {
      if (weights[id] < threshold) continue
      ids.push(id)
      held += weights[id]
    }
    if (ids.length >= count || held >= mass || threshold === 0) return ids.sort((a, b) => weights[b] - weights[a] || a - b)
  }
}

/** The shortest beginning of `ids` whose weights reach `mass`. */
function reaching(ids: readonly number[], weights: Float64Array, mass: number): readonly number[] {
  let held = 0
  const last = ids.findIndex((id) => (held += weights[id]) >= mass)
  return last < 0 ? ids : ids.slice(0, last + 1)
}

const sumOf = (ids: readonly number[], weights: Float64Array) => ids.reduce((sum, id) => sum + weights[id], 0)

/** Likelihood of each id relative to the likeliest, and their sum. @param temperature above 0 */
export function weigh(
  logits: Float32Array,
  idCount: number,
  temperature: number,
): { readonly weights: Float64Array; readonly total: number } {
  const top = logits[likeliest(logits, idCount)]
  const weights = new Float64Array(idCount)
  let total = 0
  for (let id = 0; id < idCount; id++) {
    const weight = Math.exp((logits[id] - top) / temperature)
    weights[id] = weight
    total += weight
  }
  return { weights, total }
}

/**
 * The ids that may be drawn, and their weights relative to the likeliest.
 *
 * @param logits   one row, [V]
 * @param idCount  ids that the tokenizer knows: those beyond are never drawn
 */
export function candidates(
  logits: Float32Array,
  idCount: number,
  { temperature, topK, topP, minP }: SamplingOptions,
): { readonly ids: readonly number[]; readonly weights: Float64Array } {
  const { weights, total } = weigh(logits, idCount, temperature)
  const count = topK > 0 ? Math.min(topK, idCount) : idCount
  if (count === idCount && topP === 1) {
    const ids: number[] = []
    for (let id = 0; id < idCount; id++) if (weights[id] > 0 && weights[id] >= minP) ids.push(id)
    return { ids, weights }
  }
  const isShortened = count < idCount
  const first = likeliestFirst(weights, count, isShortened ? Infinity : topP * total).slice(0, count)
  const kept = topP === 1 ? first : reaching(first, weights, topP * (isShortened ? sumOf(first, weights) : total))
  return { ids: kept.filter((id) => weights[id] >= minP), weights }
}

/**
 * Refuses logits that are not numbers.
 *
 * @throws UsageError when the logits are not finite: the weights are damaged
 */
export function checkLogits(logits: Float32Array, idCount: number): void {
  let sum = 0
  for (let id = 0; id < idCount; id++) sum += logits[id]
  if (!Number.isFinite(sum)) throw usageError('logits', 'finite numbers', String(sum), 'The weights of this model are damaged or diverged.')
}

/**
 * Draws the next token.
 *
 * @param logits   one row, [V]
 * @param idCount  ids that the tokenizer knows: those beyond are never drawn
 * @param rng      moves by one draw, unless the temperature is 0
 * @throws UsageError when the logits are not finite: the weights are damaged
 */
export function sample(logits: Float32Array, idCount: number, options: SamplingOptions, rng: Random): number {
  checkLogits(logits, idCount)
  if (options.temperature === 0) return likeliest(logits, idCount)
  const { topK, topP, minP } = options
  if (topK === 0 && topP === 1 && minP === 0) return drawFromAll(weigh(logits, idCount, options.temperature), rng)
  const { ids, weights } = candidates(logits, idCount, options)
  let left = rng.uniform() * sumOf(ids, weights)
  for (const id of ids) {
    left -= weights[id]
    if (left < 0) return id
  }
  return ids.at(-1)!
}

/** Without filters there is no list to make. */
function drawFromAll({ weights, total }: { readonly weights: Float64Array; readonly total: number }, rng: Random): number {
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
