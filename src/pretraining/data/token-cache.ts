/**
 * Token ids on disk: one line of JSON with the sizes, then the arrays as they lie in memory (little-endian).
 *
 *   {"fingerprint":…,"parts":[[ids, offsets], …]}\n  offsets ids offsets ids …
 *
 * Sizes are checked against the file before anything is allocated; a file that does not fit counts as not there.
 */
import { z } from 'zod'
import { node } from '../../base/platform.ts'
import { writeWhole } from './cache.ts'
import type { TokenizedDocuments } from './tokenize.ts'

/** Files kept beside the newest one: a set or a tokenizer that one goes back to. */
const keptFiles = 4

const longestHeaderBytes = 65_536

const count = z.number().int().nonnegative()
const header = z.object({ fingerprint: z.string(), parts: z.array(z.tuple([count, count])) })

const bytesOf = (array: Uint16Array | Uint32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Writes the ids, and removes the oldest files beyond the few that are kept. */
export function storeTokens(file: string, fingerprint: string, parts: readonly TokenizedDocuments[]): void {
  const sizes = parts.map(({ ids, offsets }) => [ids.length, offsets.length])
  writeWhole(file, [
    `${JSON.stringify({ fingerprint, parts: sizes })}\n`,
    ...parts.flatMap(({ ids, offsets }) => [bytesOf(offsets), bytesOf(ids)]),
  ])
  const { fs, path } = node()
  const folder = path.dirname(file)
  const others = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.bin') && name !== path.basename(file))
    .map((name) => ({
      file: path.join(folder, name),
      writtenMs: fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.writtenMs - a.writtenMs)
  for (const old of others.slice(keptFiles)) fs.rmSync(old.file, { force: true })
}

/** The ids kept under `fingerprint`; null when there are none or the file is damaged. */
export function loadTokens(file: string, fingerprint: string, vocabSize: number, partCount: number): TokenizedDocuments[] | null {
  const { fs } = node()
  if (!fs.existsSync(file)) return null
  const handle = fs.openSync(file, 'r')
  try {
    const start = new Uint8Array(longestHeaderBytes)
    const head = start.subarray(0, fs.readSync(handle, start, 0, start.length, 0))
    const headerBytes = head.indexOf(0x0a) + 1
    const parsed = parseHeader(new TextDecoder().decode(head.subarray(0, headerBytes)))
    if (parsed?.fingerprint !== fingerprint || parsed.parts.length !== partCount) return null
    const idBytes = vocabSize <= 2 ** 16 ? 2 : 4
    const expected = parsed.parts.reduce((sum, [ids, offsets]) => sum + ids * idBytes + offsets * 4, headerBytes)
    if (fs.fstatSync(handle).size !== expected) return null

    let position = headerBytes
    const read = <T extends Uint16Array | Uint32Array>(array: T): T => {
      const bytes = bytesOf(array)
      for (let done = 0; done < bytes.length;) done += fs.readSync(handle, bytes, done, bytes.length - done, position + done)
      position += bytes.length
      return array
    }
    const parts = parsed.parts.map(([idCount, offsetCount]) => {
      const offsets = read(new Uint32Array(offsetCount))
      return { offsets, ids: read(idBytes === 2 ? new Uint16Array(idCount) : new Uint32Array(idCount)) }
    })
    return parts.every(({ ids, offsets }) => isSound(ids, offsets, vocabSize)) ? parts : null
  } finally {
    fs.closeSync(handle)
  }
}

function parseHeader(line: string): z.infer<typeof header> | null {
  try {
    return header.parse(JSON.parse(line))
  } catch {
    return null
  }
}

/** Offsets ascend from 0 to the end, and every id is in the vocabulary. */
function isSound(ids: Uint16Array | Uint32Array, offsets: Uint32Array, vocabSize: number): boolean {
  if (offsets[0] !== 0 || offsets[offsets.length - 1] !== ids.length) return false
  for (let i = 1; i < offsets.length; i++) if (offsets[i] < offsets[i - 1]) return false
  for (let i = 0; i < ids.length; i++) if (ids[i] >= vocabSize) return false
  return true
}
