/** Where training text comes from and how it becomes rows of tokens. */
export { defaultCacheFolder } from './cache.ts'
export { prepareCorpus, type Corpus, type CorpusOptions, type CorpusStatistics } from './corpus.ts'
export { makeDocument, utf8Length, type CorpusDomain, type Document, type Skipped } from './document.ts'
export { findDuplicates, nearThreshold, type Duplicates } from './duplicates.ts'
export { dataEventSchemas } from './event-schemas.ts'
export type { DataEvent, OnDataEvent } from './events.ts'
export { fimOptions, publishedFimRate, type FimOptions } from './fill-in-the-middle.ts'
export { defaultHeldOutShare, splitHeldOut, type Split } from './held-out.ts'
export { InterleavedRows } from './interleaved-rows.ts'
export { describeSources, type SourceDescription } from './load-sources.ts'
export { Mixture, type MixtureOptions, type MixtureState } from './mixture.ts'
export { dataSets, domainWeights, type DataSet } from './sources.ts'
export {
  tokenizeCorpus,
  tokenizeDocuments,
  type CorpusTokenizer,
  type TokenIds,
  type TokenizedCorpus,
  type TokenizedDocuments,
  type TokenizedDomain,
  type TokenizeOptions,
} from './tokenize.ts'
export { readUserDocuments, type UserDocuments } from './user-documents.ts'
