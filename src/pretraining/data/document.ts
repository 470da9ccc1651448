/**
 * The nouns of the data layer: a document, and the corpus as domains of documents.
 *
 * A domain is what the mixture weighs and what held-out scores are given for (claim: pretraining.mixture).
 */

/** One text, the unit of de-duplication, of the held-out split and of the end-of-text token. */
export interface Document {
  /** The domain's name: "prose", "code", or a folder of the user's. */
  readonly domain: string
  /** Unique in the corpus: "sotu/1862_abraham_lincoln_r". */
  readonly id: string
  /** Unicode NFC, lines ended by "\n". */
  readonly text: string
  /** Length of `text` in UTF-8; bits per byte divides by it. */
  readonly utf8Bytes: number
  /** Set where the source itself decides on which side of the held-out split a document lies. */
  readonly isHeldOut?: boolean
}

/** What an extractor makes: a document before it has a domain. */
export type ExtractedText = Pick<Document, 'id' | 'text' | 'isHeldOut'>

/** A file out of a package or a folder. */
export interface DataFile {
  /** Path inside the package or folder, with "/" on every system. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** Documents of one domain, split, in a fixed order. */
export interface CorpusDomain {
  readonly name: string
  /** Share of the rows that the mixture draws from here, 0..1; the domains' weights sum to 1. */
  readonly weight: number
  readonly train: readonly Document[]
  readonly heldOut: readonly Document[]
}

/** Something that was found and not used, and why. */
export interface Skipped {
  readonly path: string
  readonly reason: string
}

/**
 * Length of a string in UTF-8, without encoding it. A lone surrogate counts as U+FFFD, which is what an encoder writes.
 */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2
      i++
    } else bytes += 2
  }
  return bytes
}

/** A document with its length counted. */
export function makeDocument(domain: string, { id, text, isHeldOut }: ExtractedText): Document {
  const document = { domain, id, text, utf8Bytes: utf8Length(text) }
  return isHeldOut === undefined ? document : { ...document, isHeldOut }
}

/** Bytes of UTF-8 in all of `documents`. */
export function totalBytes(documents: readonly Document[]): number {
  return documents.reduce((sum, { utf8Bytes }) => sum + utf8Bytes, 0)
}
