/**
 * The held-out split: whole documents, in the order of a seeded hash of their ids, until their text reaches the share.
 *
 * Counted in bytes and not in documents, because a score's error depends on how much text it is taken over. A new document
 * moves others only at the edge of the share.
 *
 * Every domain keeps something back. Where no small document can be spared (one file, or a few of very unequal size), the
 * end of the largest one is cut off at a paragraph boundary, and the split says so.
 */
import { Random } from '../../base/random.ts'
import { makeDocument, totalBytes, type Document } from './document.ts'

/** Share of each domain's text held out, 0..1. */
export const defaultHeldOutShare = 0.02

/** No document larger than this share of its domain is held out whole. */
const largestSpareShare = 0.2

export interface Split {
  readonly train: readonly Document[]
  readonly heldOut: readonly Document[]
  /** How the split was made where it was not by whole documents; null where it was. */
  readonly note: string | null
}

/**
 * Splits one domain; both sides keep the order of the documents.
 *
 * @param documents of one domain; those with `isHeldOut` set stay on the side that they name
 * @param seed      of the hash
 * @param share     of the bytes to hold out, 0..1; 0 holds nothing out
 */
export function splitHeldOut(documents: readonly Document[], seed: number, share: number = defaultHeldOutShare): Split {
  const assigned = documents.filter(({ isHeldOut }) => isHeldOut)
  if (share === 0 || documents.length === 0) return { train: documents.filter(({ isHeldOut }) => !isHeldOut), heldOut: [], note: null }
  const domainBytes = totalBytes(documents)
  const draws = Random.seeded(seed).fork('held-out')
  const inHashOrder = documents
    .filter(({ isHeldOut, utf8Bytes }) => isHeldOut === undefined && utf8Bytes <= largestSpareShare * domainBytes)
    .map((document) => ({ document, draw: draws.fork(document.id).uniform() }))
    .sort((a, b) => a.draw - b.draw)
  const chosen = new Set(assigned)
  let bytes = totalBytes(assigned)
  for (const { document } of inHashOrder) {
    if (bytes >= share * domainBytes) break
    chosen.add(document)
    bytes += document.utf8Bytes
  }
  if (chosen.size === 0) return splitLargest(documents, share)
  return {
    train: documents.filter((document) => !chosen.has(document)),
    heldOut: documents.filter((document) => chosen.has(document)),
    note: null,
  }
}

function splitLargest(documents: readonly Document[], share: number): Split {
  const largest = documents.reduce((a, b) => (b.utf8Bytes > a.utf8Bytes ? b : a))
  const cut = boundaryNear(largest.text, Math.floor(largest.text.length * (1 - share)))
  if (cut === null)
    return {
      train: documents,
      heldOut: [],
      note: `nothing is held out: ${largest.id} has one line only, and no other document can be spared`,
    }
  const { domain, id, text } = largest
  const start = makeDocument(domain, { id, text: text.slice(0, cut.index).trimEnd() })
  const end = makeDocument(domain, { id: `${id}#end`, text: text.slice(cut.index).trimStart() })
  return {
    train: documents.map((document) => (document === largest ? start : document)),
    heldOut: [end],
    note: `the last ${end.utf8Bytes} bytes of ${id} are held out, cut at a ${cut.kind} boundary, because no whole document can be spared`,
  }
}

/** The last paragraph, line or sentence boundary at or before `index`, else the first one after it; text on both sides. */
function boundaryNear(text: string, index: number): { readonly index: number; readonly kind: string } | null {
  for (const [kind, mark] of [
    ['paragraph', '\n\n'],
    ['line', '\n'],
    ['sentence', '. '],
  ] as const) {
    const before = text.lastIndexOf(mark, index)
    // A boundary in the first half would give away more than is kept.
    const found = before > text.length / 2 ? before : text.indexOf(mark, index)
    if (found > 0 && text.slice(found + mark.length).trim() !== '') return { index: found + (kind === 'sentence' ? 1 : 0), kind }
  }
  return null
}
