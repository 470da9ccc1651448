/**
 * The cache folder: packed files as they came, documents as they were extracted, token ids as they were encoded.
 *
 * Everything is written beside its place and renamed, so a reader sees a whole file or none; two processes may fill the
 * cache at once. Nothing in it is needed: what is missing or damaged is made again.
 */
import { UsageError, usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { makeDocument, type Document, type ExtractedText } from './document.ts'

/** `STRATA_CACHE`, or "strata" in the cache folder of the operating system. */
export function defaultCacheFolder(environment: Readonly<Record<string, string | undefined>> = globalThis.process?.env ?? {}): string {
  const { os, path } = node()
  const chosen = environment['STRATA_CACHE']
  if (chosen) return path.resolve(chosen)
  const home = os.homedir()
  const system = os.platform()
  if (system === 'darwin') return path.join(home, 'Library', 'Caches', 'strata')
  if (system === 'win32') return path.join(environment['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local'), 'strata')
  return path.join(environment['XDG_CACHE_HOME'] || path.join(home, '.cache'), 'strata')
}

/** What a failed write means and what to do about it. */
function writeError(file: string, cause: unknown): UsageError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  const reason = code === 'ENOSPC' ? 'a full disk' : code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'no permission' : code
  return usageError(file, 'a place to write to', reason, 'Set STRATA_CACHE to a folder with room, or clear it.', cause)
}

/**
 * Writes all of a file or nothing.
 *
 * @param parts concatenated in order; strings as UTF-8
 * @throws UsageError when the disk is full or the folder cannot be written
 */
export function writeWhole(file: string, parts: Iterable<string | Uint8Array>): void {
  const { fs, path } = node()
  const draft = `${file}.${globalThis.process.pid}.${Date.now()}.part`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
  } catch (cause) {
    throw writeError(file, cause)
  }
  try {
    const handle = fs.openSync(draft, 'wx')
    try {
      for (const part of parts) fs.writeFileSync(handle, part)
    } finally {
      fs.closeSync(handle)
    }
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw writeError(file, cause)
  }
}

/** SHA-256 in hexadecimal over strings and bytes in order, each closed by its length so that parts cannot run together. */
export function fingerprintOf(parts: Iterable<string | Uint8Array>): string {
  const hash = node().crypto.createHash('sha256')
  for (const part of parts) hash.update(part).update(`\0${part.length}\0`)
  return hash.digest('hex')
}

/** The first line of a file of documents. */
interface DocumentsHeader {
  readonly key: string
  readonly documents: number
  readonly utf8Bytes: number
}

function* documentLines(header: DocumentsHeader, documents: readonly Document[]): Generator<string> {
  yield `${JSON.stringify(header)}\n`
  for (const { id, text } of documents) yield `${JSON.stringify({ id, text })}\n`
}

/** Keeps a source's documents as JSON lines under `key`. */
export function storeDocuments(file: string, key: string, documents: readonly Document[]): void {
  const utf8Bytes = documents.reduce((sum, document) => sum + document.utf8Bytes, 0)
  writeWhole(file, documentLines({ key, documents: documents.length, utf8Bytes }, documents))
}

function parseHeader(line: string, key: string): DocumentsHeader | null {
  try {
    const header = JSON.parse(line) as Partial<DocumentsHeader>
    return header.key === key && typeof header.documents === 'number' && typeof header.utf8Bytes === 'number'
      ? (header as DocumentsHeader)
      : null
  } catch {
    return null
  }
}

/** The stored count and size of a source's documents without reading them; null when there are none under `key`. */
export function storedSize(file: string, key: string): { readonly documents: number; readonly utf8Bytes: number } | null {
  const { fs } = node()
  if (!fs.existsSync(file)) return null
  const handle = fs.openSync(file, 'r')
  try {
    const start = new Uint8Array(1024)
    const length = fs.readSync(handle, start, 0, start.length, 0)
    return parseHeader(new TextDecoder().decode(start.subarray(0, length)).split('\n', 1)[0], key)
  } finally {
    fs.closeSync(handle)
  }
}

/** Documents kept by `storeDocuments`; null when there are none under `key` or the file is damaged. */
export function loadDocuments(file: string, key: string, domain: string): Document[] | null {
  const { fs } = node()
  const header = storedSize(file, key)
  if (header === null) return null
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  if (lines.length !== header.documents + 2) return null
  try {
    const documents = lines.slice(1, -1).map((line) => makeDocument(domain, JSON.parse(line) as ExtractedText))
    return documents.reduce((sum, { utf8Bytes }) => sum + utf8Bytes, 0) === header.utf8Bytes ? documents : null
  } catch {
    return null
  }
}
