/** Source code: one file, one document, without licence headers, generated files and repeated boilerplate. */
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText, dropRepeatedLines, hasLongLine, stripLicenceHeader } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

/** A file with less than this says nothing but imports. */
const leastCharacters = 80

/** Files of source code → documents. Files with a line of more than 1,000 characters, and empty shells, are left out. */
export function extractSourceCode(files: readonly DataFile[]): ExtractedText[] {
  const documents = files
    .map(({ path, bytes }) => ({ id: path, text: stripLicenceHeader(cleanText(decodeUtf8(bytes, path))) }))
    .filter(({ text }) => !hasLongLine(text))
  return dropRepeatedLines(documents).filter(({ text }) => text.length >= leastCharacters)
}
