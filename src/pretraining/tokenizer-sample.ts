/** The text that a run's tokenizer learns from: a sample of its training documents, domain by domain in the mixture's shares. */
import { Random } from '../base/random.ts'
import type { CorpusDomain } from './data/index.ts'

/**
 * Training documents in the order of a seeded shuffle, from each domain up to its share of `bytes`. A domain that has less
 * gives all it has.
 *
 * @param domains of the corpus; held-out documents are never taken
 * @param bytes   of UTF-8 in all, about
 */
export function* tokenizerTexts(domains: readonly CorpusDomain[], bytes: number, seed: number): Generator<string> {
  for (const { name, weight, train } of domains) {
    let left = bytes * weight
    for (const { text, utf8Bytes } of Random.seeded(seed)
      .fork(`tokenizer/${name}`)
      .shuffle([...train])) {
      if (left <= 0) break
      left -= utf8Bytes
      yield text
    }
  }
}
