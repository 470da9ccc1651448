/** Plain text: one file, one document. State of the Union addresses, chapters of Moby Dick. */
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

/** Files of prose → documents, in the order of their names. Empty ones are left out. */
export function extractProse(files: readonly DataFile[]): ExtractedText[] {
  return files
    .map(({ path, bytes }) => ({ id: path.replace(/^.*\//, '').replace(/\.txt$/, ''), text: cleanText(decodeUtf8(bytes, path)) }))
    .filter(({ text }) => text !== '')
}
