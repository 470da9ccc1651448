/**
 * Bits per byte: how much room a text would take if the model's predictions were a code. It does not depend on the
 * tokenizer, so it stands beside general compressors on the same bytes.
 *
 *   bits per byte = sum of -ln p(token) / (ln 2 * UTF-8 bytes of the text)
 *
 * Every byte of a text is scored; its first token is predicted from the end-of-text token, as in training. Documents stand
 * end to end in rows and do not see each other. A text that goes on in the next row takes its last `overlap` tokens along as
 * context. Source: DeepSeek-V3 report, section 4.4 (Pile-test).
 */
import { usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import { type Document, utf8Length } from '../pretraining/index.ts'
import { openRow, type Row, scoredLosses } from './rows.ts'

/** A score. The interval covers the mean of such text with 95 %, taken over rows. */
export interface BitsPerByte {
  readonly domain: string
  readonly documents: number
  readonly tokens: number
  readonly utf8Bytes: number
  readonly lossNats: number
  readonly bitsPerByte: number
  /** Half the width of the interval, in bits per byte. */
  readonly plusMinus: number
}

export interface ScoreOptions {
  /** T: tokens in a row. */
  readonly rowLength: number
  /** Rows that go through the model at once. */
  readonly rows: number
  /** Tokens that a text takes along into the next row; a quarter of the row unless given. */
  readonly overlap?: number
  /** Called between batches, with the share that is done; awaited. */
  readonly onProgress?: (doneShare: number) => void | Promise<void>
}

/**
 * Documents for a score: whole ones in the order of a seeded shuffle, the last one cut at a line or a character, until
 * they reach `bytes`.
 *
 * @param documents held-out documents of one domain
 * @param bytes     of UTF-8, at most
 * @param seed      of the shuffle
 */
export function chooseDocuments(documents: readonly Document[], bytes: number, seed: number): string[] {
  const chosen: string[] = []
  let left = bytes
  for (const { text, utf8Bytes } of Random.seeded(seed)
    .fork('evaluation')
    .shuffle([...documents])) {
    if (utf8Bytes <= left) chosen.push(text)
    else if (left > 0) {
      const part = startOf(text, left)
      if (part !== '') chosen.push(part)
    }
    left -= Math.min(left, utf8Bytes)
    if (left === 0) break
  }
  return chosen
}

/** The beginning of a text, at most `bytes` of UTF-8, up to the last line that fits, or character where none does. */
function startOf(text: string, bytes: number): string {
  const encoded = new TextEncoder().encode(text).subarray(0, bytes)
  const whole = new TextDecoder().decode(encoded, { stream: true })
  const line = whole.lastIndexOf('\n') + 1
  return line > whole.length / 2 ? whole.slice(0, line) : whole
}

/** Packs texts into rows. */
function packRows(texts: readonly string[], tokenizer: Tokenizer, length: number, overlap: number): Row[] {
  const rows: Row[] = []
  let row: Row | undefined
  let used = 0
  const open = () => {
    row = openRow(length, tokenizer.eosId)
    rows.push(row)
    used = 0
  }
  for (const text of texts) {
    const ids = Int32Array.of(tokenizer.eosId, ...tokenizer.encode(text))
    for (let next = 1, from = 0; next < ids.length;) {
      // A row with room for no prediction is full.
      if (!row || used + (next - from) > length) open()
      const count = Math.min(ids.length - from, length + 1 - used)
      row!.tokens.set(ids.subarray(from, from + count), used)
      row!.starts.fill(used, used, used + count)
      row!.isScored.fill(1, used + next - from - 1, used + count - 1)
      next = from + count
      used += count
      from = Math.max(0, next - 1 - overlap)
    }
  }
  return rows
}

/**
 * Scores texts.
 *
 * @param texts of one domain, each as it is in its document
 * @throws UsageError when there is nothing to score
 */
export async function scoreTexts(
  model: Model,
  tokenizer: Tokenizer,
  domain: string,
  texts: readonly string[],
  options: ScoreOptions,
): Promise<BitsPerByte> {
  const { rowLength, rows: batchRows, overlap = Math.floor(rowLength / 4), onProgress } = options
  const utf8Bytes = texts.reduce((sum, text) => sum + utf8Length(text), 0)
  if (utf8Bytes === 0)
    throw usageError(`evaluation of ${domain}`, 'held-out text', 'none', 'Give more text, or a larger data.heldOutShare.')
  const rows = packRows(texts, tokenizer, rowLength, Math.min(overlap, rowLength - 1))
  const lengthOfId = Int32Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id).length)
  const parts: { nats: number; bytes: number }[] = []
  let tokens = 0
  for (let from = 0; from < rows.length; from += batchRows) {
    const some = rows.slice(from, from + batchRows)
    const losses = scoredLosses(model, some, rowLength)
    let next = 0
    for (const { tokens: ids, isScored } of some) {
      const part = { nats: 0, bytes: 0 }
      for (let t = 0; t < rowLength; t++) {
        if (!isScored[t]) continue
        part.nats += losses[next++]
        part.bytes += lengthOfId[ids[t + 1]]
        tokens++
      }
      parts.push(part)
    }
    await onProgress?.(Math.min(1, (from + batchRows) / rows.length))
  }
  const nats = parts.reduce((sum, part) => sum + part.nats, 0)
  const bitsPerByte = nats / Math.LN2 / utf8Bytes
  return {
    domain,
    documents: texts.length,
    tokens,
    utf8Bytes,
    lossNats: nats / tokens,
    bitsPerByte,
    plusMinus: halfInterval(parts, bitsPerByte),
  }
}

/** 1.96 standard errors of a ratio of sums (rows are the sample). */
function halfInterval(parts: readonly { nats: number; bytes: number }[], bitsPerByte: number): number {
  if (parts.length < 2) return Number.POSITIVE_INFINITY
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const squares = parts.reduce((sum, part) => sum + (part.nats / Math.LN2 - bitsPerByte * part.bytes) ** 2, 0)
  return (1.96 * Math.sqrt((squares * parts.length) / (parts.length - 1))) / bytes
}
