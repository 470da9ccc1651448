/** A file of plain text or source code, read in pieces: long ones become several documents, none is held twice. */
import { usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { systemReason } from '../../foundations/index.ts'
import { encodingHint, firstInvalidByte, sequenceLength } from './extract/decode.ts'
import { cleanText, hasLongLine, stripLicenceHeader } from './hygiene.ts'

const pieceBytes = 2 ** 20

/** A text longer than this is cut, at the last paragraph before it (or line, or blank). */
const longestDocumentCharacters = 2 ** 20

/** Bytes at the start of a file among which a zero byte means that it is no text. */
const probeBytes = 8192

/** @throws UsageError when there is no such file, it is a folder or a device, or it cannot be opened */
export function openToRead(file: string): number {
  const { fs } = node()
  let handle: number
  try {
    handle = fs.openSync(file, 'r')
  } catch (cause) {
    throw usageError(file, 'a file that can be read', systemReason(cause), 'Check the path and its permissions.', cause)
  }
  const status = fs.fstatSync(handle)
  if (status.isFile()) return handle
  fs.closeSync(handle)
  throw usageError(file, 'a file', status.isDirectory() ? 'a folder' : 'something else', 'Check the path.')
}

/** The bytes of a file, piece by piece; the same buffer each time. */
function* fileChunks(file: string): Generator<Uint8Array> {
  const { fs } = node()
  const handle = openToRead(file)
  try {
    const buffer = new Uint8Array(pieceBytes)
    for (let length = fs.readSync(handle, buffer); length > 0; length = fs.readSync(handle, buffer)) yield buffer.subarray(0, length)
  } finally {
    fs.closeSync(handle)
  }
}

/**
 * A file's text, piece by piece, strictly UTF-8 across the pieces' borders.
 *
 * @throws UsageError on a binary file, on another encoding, on a file cut off inside a character
 */
export function* decodedChunks(file: string): Generator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let offset = 0
  /** The bytes of the piece before that begin a character. */
  let tail = new Uint8Array(0)
  const decode = (chunk?: Uint8Array) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
    } catch (cause) {
      const seen = new Uint8Array([...tail, ...(chunk ?? [])])
      const got = `invalid bytes at offset ${offset - tail.length + firstInvalidByte(seen)}`
      throw usageError(file, 'UTF-8', got, encodingHint(seen), cause)
    }
  }
  for (const chunk of fileChunks(file)) {
    if (offset === 0 && isUtf16(chunk)) throw usageError(file, 'UTF-8', 'UTF-16', encodingHint(chunk))
    if (offset === 0 && chunk.subarray(0, probeBytes).includes(0)) throw usageError(file, 'text', 'a binary file', 'Leave the file out.')
    yield decode(chunk)
    offset += chunk.length
    tail = incompleteTail(chunk)
  }
  yield decode()
}

const isUtf16 = (bytes: Uint8Array) => (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)

/** The bytes at the end that begin a character which goes on in the next piece. */
function incompleteTail(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  for (let length = 1; length <= Math.min(3, chunk.length); length++) {
    const byte = chunk[chunk.length - length]
    if (sequenceLength(byte) > length) return chunk.slice(-length)
    if (byte >> 6 !== 2) break
  }
  return new Uint8Array(0)
}

/** Where to cut a text of at most `limit` characters: after the last paragraph, line or word of its second half. */
function cutIndex(text: string, limit: number): number {
  for (const mark of ['\n\n', '\n', ' ']) {
    const index = text.lastIndexOf(mark, limit)
    if (index > limit / 2) return index + mark.length
  }
  // Never between the halves of a surrogate pair.
  return (text.charCodeAt(limit - 1) & 0xfc00) === 0xd800 ? limit - 1 : limit
}

/**
 * The documents of a text file, cleaned, at most 2^20 characters each.
 *
 * @param isCode drops a leading licence comment; refuses files with a line of more than 1,000 characters
 * @throws UsageError when the file is not UTF-8 text, or is generated code
 */
export function readTextFile(file: string, isCode: boolean): string[] {
  const documents: string[] = []
  const add = (text: string) => {
    const cleaned = isCode ? stripLicenceHeader(cleanText(text)) : cleanText(text)
    if (isCode && hasLongLine(cleaned))
      throw usageError(file, 'source code that somebody wrote', 'a line of more than 1,000 characters', 'Leave the file out.')
    if (cleaned.trim() !== '') documents.push(cleaned)
  }
  let pending = ''
  for (const text of decodedChunks(file)) {
    pending += text
    while (pending.length > longestDocumentCharacters) {
      const cut = cutIndex(pending, longestDocumentCharacters)
      add(pending.slice(0, cut))
      pending = pending.slice(cut)
    }
  }
  add(pending)
  return documents
}
