/**
 * Documents to token ids: one long typed array a domain, each document closed by the end-of-text token.
 *
 * Encoding 57 MB takes seconds, so the result is kept on disk under the hash of everything that it depends on: the text,
 * the split, the weights and the tokenizer.
 */
import { usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { fingerprintOf } from './cache.ts'
import type { Corpus } from './corpus.ts'
import { totalBytes, type Document } from './document.ts'
import type { OnDataEvent } from './events.ts'
import { loadTokens, storeTokens } from './token-cache.ts'

/** What this floor needs of a tokenizer; the one in `foundations` fits. */
export interface CorpusTokenizer {
  encode(text: string): Uint32Array
  /** Everything that decides how text is encoded, as one string. */
  toJson(): string
  readonly vocabSize: number
  readonly bosId: number
  readonly eosId: number
}

/** Two bytes an id where the vocabulary allows it. */
export type TokenIds = Uint16Array | Uint32Array

/** Documents as ids, one after the other. */
export interface TokenizedDocuments {
  readonly ids: TokenIds
  /** Document i is ids[offsets[i]] to ids[offsets[i + 1] - 1], its last id the end-of-text token; one more than documents. */
  readonly offsets: Uint32Array
}

export interface TokenizedDomain {
  readonly name: string
  /** Share of the rows, 0..1. */
  readonly weight: number
  readonly train: TokenizedDocuments
  readonly heldOut: TokenizedDocuments
}

export interface TokenizedCorpus {
  /** Hash of text, split, weights and tokenizer; a data cursor is good for one corpus only. */
  readonly fingerprint: string
  readonly vocabSize: number
  readonly eosId: number
  readonly domains: readonly TokenizedDomain[]
}

export interface TokenizeOptions {
  /** Where to keep the ids; nothing is kept without it. */
  readonly cacheFolder?: string
  readonly onEvent?: OnDataEvent
}

function* identityOf(corpus: Corpus, tokenizer: CorpusTokenizer): Generator<string> {
  yield tokenizer.toJson()
  for (const { name, weight, train, heldOut } of corpus.domains) {
    yield `${name} ${weight} ${train.length} ${heldOut.length}`
    for (const documents of [train, heldOut]) {
      for (const { id, text } of documents) {
        yield id
        yield text
      }
    }
  }
}

/** An empty array of ids for a vocabulary. */
function makeTokenIds(vocabSize: number, length: number): TokenIds {
  return vocabSize <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length)
}

/**
 * Encodes documents into one array.
 *
 * @throws UsageError when there are more than 2^32 - 1 tokens
 */
export function tokenizeDocuments(documents: readonly Document[], tokenizer: CorpusTokenizer): TokenizedDocuments {
  const offsets = new Uint32Array(documents.length + 1)
  // About three bytes a token to begin with; doubled when that is not enough.
  let ids = makeTokenIds(tokenizer.vocabSize, Math.ceil(totalBytes(documents) / 3) + documents.length + 16)
  let length = 0
  for (const [index, { text }] of documents.entries()) {
    const encoded = tokenizer.encode(text)
    const needed = length + encoded.length + 1
    if (needed > 2 ** 32 - 1) throw usageError('data', `fewer than 2^32 tokens in a domain`, 'more', 'Give fewer files.')
    if (needed > ids.length) {
      const larger = makeTokenIds(tokenizer.vocabSize, Math.max(needed, ids.length * 2))
      larger.set(ids)
      ids = larger
    }
    ids.set(encoded, length)
    ids[needed - 1] = tokenizer.eosId
    length = needed
    offsets[index + 1] = length
  }
  return { ids: ids.slice(0, length), offsets }
}

/**
 * Encodes a corpus, or takes the ids from the cache.
 *
 * @throws UsageError when the cache cannot be written
 */
export function tokenizeCorpus(corpus: Corpus, tokenizer: CorpusTokenizer, options: TokenizeOptions = {}): TokenizedCorpus {
  const fingerprint = fingerprintOf(identityOf(corpus, tokenizer))
  const { vocabSize, eosId } = tokenizer
  const file = options.cacheFolder && node().path.join(options.cacheFolder, 'tokens', `${fingerprint.slice(0, 32)}.bin`)
  const cached = file ? loadTokens(file, fingerprint, vocabSize, corpus.domains.length * 2) : null
  const parts =
    cached ?? corpus.domains.flatMap(({ train, heldOut }) => [tokenizeDocuments(train, tokenizer), tokenizeDocuments(heldOut, tokenizer)])
  if (file && !cached) storeTokens(file, fingerprint, parts)

  const domains = corpus.domains.map(({ name, weight, train, heldOut }, index): TokenizedDomain => {
    const domain = { name, weight, train: parts[2 * index], heldOut: parts[2 * index + 1] }
    options.onEvent?.({
      type: 'data-tokenized',
      domain: name,
      tokens: domain.train.ids.length + domain.heldOut.ids.length,
      utf8Bytes: totalBytes(train) + totalBytes(heldOut),
      isCached: cached !== null,
    })
    return domain
  })
  return { fingerprint, vocabSize, eosId, domains }
}
