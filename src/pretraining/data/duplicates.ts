/**
 * Copies: which documents say what an earlier one has said already.
 *
 * Exact copies by text. Near copies in the way of Broder, "On the resemblance and containment of documents" (1997): a
 * document is the set of its runs of five words, two documents are near copies when the sets' Jaccard index reaches
 * `nearThreshold`. Candidates come from one-permutation MinHash signatures (Li, Owen, Zhang, 2012; empty bins filled by
 * rotation after Shrivastava and Li, 2014) cut into bands; each candidate pair is then decided by the exact index, so a
 * hash collision never costs a document. With 21 bands of 6 bins a pair at the threshold is found with probability
 * 1 - (1 - 0.8^6)^21 = 0.998. Nothing is drawn at random: equal input gives equal output.
 */
import type { Document } from './document.ts'

/** Jaccard index of word shingles from which two documents count as copies. */
export const nearThreshold = 0.8

const shingleWords = 5
const bandCount = 21
const bandBins = 6
const binCount = bandCount * bandBins

/** What to leave out, by index into the documents given. */
export interface Duplicates {
  readonly exact: ReadonlySet<number>
  readonly near: ReadonlySet<number>
}

const isIdeograph = (unit: number) => (unit >= 0x3040 && unit <= 0x30ff) || (unit >= 0x3400 && unit <= 0x9fff)

/** Letters and digits of ASCII, and everything beyond Latin-1's punctuation. */
const isWordUnit = (unit: number) =>
  (unit >= 0x61 && unit <= 0x7a) ||
  (unit >= 0x41 && unit <= 0x5a) ||
  (unit >= 0x30 && unit <= 0x39) ||
  (unit >= 0xc0 && (unit < 0x2000 || unit > 0x206f))

/** FNV's step with a final mix (the murmur finaliser), so that all bits of a shingle's hash are usable. */
function mix(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Calls `visit` with the 32-bit hash of every run of five words (ASCII case ignored; each ideograph or kana is a word).
 * A text of fewer words is one shingle; a text without words none.
 */
function forEachShingle(text: string, visit: (hash: number) => void): void {
  const words = new Uint32Array(shingleWords)
  let count = 0
  let word = 0
  const push = (hash: number) => {
    words[count++ % shingleWords] = hash
    if (count >= shingleWords) visit(shingle(words, count))
    word = 0
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (!isWordUnit(unit)) {
      if (word !== 0) push(word)
    } else if (isIdeograph(unit)) {
      if (word !== 0) push(word)
      push(Math.imul(unit, 0x01000193) | 1)
    } else {
      const lower = unit <= 0x5a && unit >= 0x41 ? unit + 32 : unit
      word = Math.imul((word === 0 ? 0x811c9dc5 : word) ^ lower, 0x01000193) || 1
    }
  }
  if (word !== 0) push(word)
  if (count > 0 && count < shingleWords) visit(shingle(words, count))
}

/** Hash of the last words in `words`, a ring into which `count` have been written; order matters. */
function shingle(words: Uint32Array, count: number): number {
  let hash = 0
  const length = Math.min(count, shingleWords)
  for (let i = count - length; i < count; i++) hash = Math.imul(hash, 31) + words[i % shingleWords]
  return mix(hash)
}

/** The smallest shingle hash of each bin; null for a text without words. */
function signature(text: string): Uint32Array | null {
  const minimum = new Uint32Array(binCount).fill(0xffffffff)
  let isEmpty = true
  forEachShingle(text, (hash) => {
    isEmpty = false
    const bin = Math.floor((hash * binCount) / 2 ** 32)
    // The position inside the bin: the hash mixed once more, so that values of different bins compare.
    const value = mix(hash ^ 0x9e3779b9)
    if (value < minimum[bin]) minimum[bin] = value
  })
  return isEmpty ? null : densified(minimum)
}

/** Fills empty bins from the next full one, marked with the distance so that borrowed and own values differ. */
function densified(minimum: Uint32Array): Uint32Array {
  const full = minimum.slice()
  for (let bin = 0; bin < binCount; bin++) {
    let distance = 0
    while (minimum[(bin + distance) % binCount] === 0xffffffff) distance++
    full[bin] = minimum[(bin + distance) % binCount] + Math.imul(distance, 0x27d4eb2f)
  }
  return full
}

function sortedShingles(text: string): Uint32Array {
  const hashes: number[] = []
  forEachShingle(text, (hash) => hashes.push(hash))
  const sorted = Uint32Array.from(hashes).sort()
  return sorted.filter((hash, i) => i === 0 || hash !== sorted[i - 1])
}

/** |a ∩ b| / |a ∪ b| of two ascending sets. */
function jaccard(a: Uint32Array, b: Uint32Array): number {
  let common = 0
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) {
      common++
      i++
      j++
    } else if (a[i] < b[j]) i++
    else j++
  }
  return common / (a.length + b.length - common || 1)
}

/** The Jaccard index of two texts' word shingles, 0..1: what `nearThreshold` is compared with. */
export function resemblance(a: string, b: string): number {
  return jaccard(sortedShingles(a), sortedShingles(b))
}

/**
 * Finds the documents that repeat an earlier one; the first of its kind always stays.
 *
 * @param documents in the order of preference
 */
export function findDuplicates(documents: readonly Pick<Document, 'text'>[]): Duplicates {
  const exact = new Set<number>()
  const near = new Set<number>()
  const firstOfText = new Set<string>()
  /** Kept documents by the hash of one of their bands. */
  const keptOfBand = new Map<number, number[]>()
  const shinglesOf = new Map<number, Uint32Array>()
  const shingles = (index: number) => {
    const known = shinglesOf.get(index) ?? sortedShingles(documents[index].text)
    shinglesOf.set(index, known)
    return known
  }

  for (const [index, { text }] of documents.entries()) {
    if (firstOfText.has(text)) {
      exact.add(index)
      continue
    }
    firstOfText.add(text)
    const bins = signature(text)
    if (bins === null) continue
    const bands = Array.from({ length: bandCount }, (_, band) => bandHash(bins, band))
    const candidates = new Set(bands.flatMap((band) => keptOfBand.get(band) ?? []))
    if ([...candidates].some((kept) => jaccard(shingles(kept), shingles(index)) >= nearThreshold)) {
      near.add(index)
      shinglesOf.delete(index)
      continue
    }
    for (const band of bands) {
      const kept = keptOfBand.get(band)
      if (kept) kept.push(index)
      else keptOfBand.set(band, [index])
    }
  }
  return { exact, near }
}

function bandHash(bins: Uint32Array, band: number): number {
  let high = band + 1
  let low = 0x811c9dc5
  for (let i = band * bandBins; i < (band + 1) * bandBins; i++) {
    high = mix(high ^ bins[i])
    low = Math.imul(low ^ bins[i], 0x01000193)
  }
  // 53 bits, exact in a number: a false candidate is rare, and harmless.
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}
