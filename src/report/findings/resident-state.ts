/** What stays in memory while sequences are served: weights once, and a cache for each sequence, with latents and with full heads. */
import { cacheEquivalents, countParameters, type ModelConfig } from '../../architecture/index.ts'

/** Bytes of a number, as the decoder keeps it. */
const bytesOfNumber = 4

/** Memory beside the weights that is given to caches. */
export const budgetBytes = 2 ** 30

export interface ResidentState {
  readonly weightBytes: number
  /** Cache of a token, all layers. */
  readonly latentBytes: number
  readonly fullBytes: number
  /** Tokens of a sequence. */
  readonly length: number
  /** Sequences of that length that fit the budget. */
  readonly latentSequences: number
  readonly fullSequences: number
  /** Share that latents take off weights and cache together, for one sequence. */
  readonly savedShareOfOne: number
}

/** Counted from a model's sizes, for sequences of `length` tokens. */
export function residentState(config: ModelConfig, length: number): ResidentState {
  const { mla, mha } = cacheEquivalents(config)
  const [latentBytes, fullBytes] = [mla * bytesOfNumber, mha * bytesOfNumber]
  const weightBytes = countParameters(config).total * bytesOfNumber
  return {
    weightBytes,
    latentBytes,
    fullBytes,
    length,
    latentSequences: Math.floor(budgetBytes / (latentBytes * length)),
    fullSequences: Math.floor(budgetBytes / (fullBytes * length)),
    savedShareOfOne: ((fullBytes - latentBytes) * length) / (weightBytes + fullBytes * length),
  }
}
