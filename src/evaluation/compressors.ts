/**
 * General compressors on the same bytes that a model was scored on: the texts of a domain as one stream each.
 *
 * The stream gives them the advantage of seeing earlier documents of the domain; the model saw its training text.
 */
import { node } from '../base/platform.ts'

/** Bits per byte of each; null where this machine lacks the compressor. */
export interface CompressorScores {
  readonly gzip: number
  readonly xz: number | null
}

const mostOutputBytes = 2 ** 30

/**
 * `gzip -9` and `xz -9` on the texts of one domain, one after the other in one stream.
 *
 * @param texts not all empty
 */
export function compressTexts(texts: readonly string[]): CompressorScores {
  const { zlib, childProcess } = node()
  const input = new TextEncoder().encode(texts.join(''))
  const bitsPerByte = (bytes: number) => (8 * bytes) / input.length
  const xz = childProcess.spawnSync('xz', ['-9', '--stdout', '--threads=1'], {
    input,
    maxBuffer: mostOutputBytes,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return {
    gzip: bitsPerByte(zlib.gzipSync(input, { level: 9 }).length),
    xz: xz.error || xz.status !== 0 ? null : bitsPerByte(xz.stdout.length),
  }
}
