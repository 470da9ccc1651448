/**
 * Cleaning: one way of writing a text, no licence headers, no generated lines, no boilerplate repeated file after file.
 *
 * All pure. Source: what the DeepSeek-V3 report asks of its data (4.1: least redundancy, most diversity), at our size.
 */
import type { ExtractedText } from './document.ts'

/** A line of more characters than this is generated or minified, not written. */
const longLineCharacters = 1000

/** Occurrences of one comment or import line that are kept within a source. */
const keptRepeats = 2

/** Lines of at most this many characters repeat by nature (closing comments, short imports) and are not counted. */
const shortLineCharacters = 20

/**
 * One spelling of a text: NFC, "\n" line ends, no byte-order mark, no control characters but tab and newline, no blanks at
 * line ends, at most one empty line in a row, none at either end.
 */
export function cleanText(text: string): string {
  return (
    text
      .normalize('NFC')
      .replace(/\r\n?|\u2028|\u2029/g, '\n')
      // oxlint-disable-next-line no-control-regex -- control characters are what this removes
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f\ufeff]/g, '')
      // The look-behind keeps this linear: a run of blanks is tried once, not from each of its blanks.
      .replace(/(?<![^\S\n])[^\S\n]+$/gm, '')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/^\n+|\n+$/g, '')
  )
}

/** Whether some line is longer than `limit` characters. */
export function hasLongLine(text: string, limit: number = longLineCharacters): boolean {
  let start = 0
  for (;;) {
    const end = text.indexOf('\n', start)
    if (end < 0) return text.length - start > limit
    if (end - start > limit) return true
    start = end + 1
  }
}

/** The comment that a text begins with (block, or lines of "//" or "#"), or the empty string. */
function leadingComment(text: string): string {
  return /^\s*\/\*[\s\S]*?\*\//.exec(text)?.[0] ?? /^\s*(?:(?:\/\/|#(?!!))[^\n]*(?:\n|$))+/.exec(text)?.[0] ?? ''
}

/** Source code without the leading comments that speak of licence or copyright. */
export function stripLicenceHeader(text: string): string {
  let rest = text
  for (;;) {
    const comment = leadingComment(rest)
    if (comment === '' || !/licen[cs]e|copyright|\(c\) \d{4}/i.test(comment)) return rest === text ? text : rest.replace(/^\s*\n/, '')
    rest = rest.slice(comment.length)
  }
}

const isBoilerplateLine = (line: string) => /^\s*(?:\*|\/\*|\/\/|# |import\b.*\bfrom\b|export\b.*\bfrom\b)/.test(line)

/**
 * Leaves out comment and import lines that the source has already shown twice, over all of its files in order.
 *
 * Statements stay, however often they occur: a file without one of its lines would no longer be code. (Files that are
 * copies of each other as a whole are the business of `findDuplicates`.) Comments left without a word go too.
 *
 * @param documents texts of one source; the order decides which occurrence is the first
 */
export function dropRepeatedLines(documents: readonly ExtractedText[]): ExtractedText[] {
  const seen = new Map<string, number>()
  const isKept = (line: string) => {
    const key = line.trim()
    if (key.length <= shortLineCharacters || !isBoilerplateLine(line)) return true
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return count <= keptRepeats
  }
  return documents.map((document) => {
    const text = document.text.split('\n').filter(isKept).join('\n')
    return text.length === document.text.length ? document : { ...document, text: cleanText(dropEmptyComments(text)) }
  })
}

const dropEmptyComments = (text: string) => text.replace(/^[^\S\n]*\/\*[*\s]*\*\/\n?/gm, '')
