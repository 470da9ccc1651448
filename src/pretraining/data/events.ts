/** What the data layer has to say while it works. Every fallback and every skip is one of these; nothing is silent. */

export type DataEvent =
  /** A package came over the network and its checksum held. */
  | { readonly type: 'data-fetched'; readonly packageName: string; readonly version: string; readonly packedBytes: number }
  /** A source's documents are ready, out of the cache or freshly extracted (the mathematics: generated). */
  | {
      readonly type: 'data-source'
      readonly source: string
      readonly domain: string
      readonly documents: number
      readonly utf8Bytes: number
      readonly isCached: boolean
    }
  /** Something else is used than what was asked for. */
  | { readonly type: 'data-fallback'; readonly reason: string }
  /** A file or a part of one is not used. */
  | { readonly type: 'data-skipped'; readonly path: string; readonly reason: string }
  /** Copies that were left out. */
  | {
      readonly type: 'data-deduplicated'
      readonly exactCopies: number
      readonly nearCopies: number
      readonly droppedBytes: number
    }
  /** How a domain was divided, said only where it was not by whole documents. */
  | { readonly type: 'data-split'; readonly domain: string; readonly note: string }
  /** A domain has become token ids. */
  | {
      readonly type: 'data-tokenized'
      readonly domain: string
      readonly tokens: number
      readonly utf8Bytes: number
      readonly isCached: boolean
    }

/** Who listens; called in order, on the caller's own turn. */
export type OnDataEvent = (event: DataEvent) => void
