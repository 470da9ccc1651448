/**
 * Long held-out text as one run of tokens, for what is measured by position: the longest documents of the domain that the
 * mixture draws most from, then those of the next domain.
 */
import type { Tokenizer } from '../foundations/index.ts'
import type { CorpusDomain } from '../pretraining/data/index.ts'

/**
 * Tokens of whole documents, each behind the end-of-text token, cut off at `mostTokens`.
 *
 * @returns fewer tokens when the corpus holds out less
 */
export function heldOutStream(domains: readonly CorpusDomain[], tokenizer: Tokenizer, mostTokens: number): Int32Array {
  const documents = domains
    .toSorted((a, b) => b.weight - a.weight)
    .flatMap(({ heldOut }) => heldOut.toSorted((a, b) => b.utf8Bytes - a.utf8Bytes))
  const stream = new Int32Array(mostTokens)
  let length = 0
  for (const { text } of documents) {
    if (length >= mostTokens) break
    const ids = [tokenizer.eosId, ...tokenizer.encode(text)].slice(0, mostTokens - length)
    stream.set(ids, length)
    length += ids.length
  }
  return stream.subarray(0, length)
}
