/** Simple HTML, as of the declaration of human rights in 500 languages: the text of headings and paragraphs. */
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

/** The named character, or the numbered one if there is such a code point; otherwise the text as it stands. */
function decodeEntity(whole: string, body: string): string {
  if (!body.startsWith('#')) return entities[body] ?? whole
  const code = body[1] === 'x' || body[1] === 'X' ? Number.parseInt(body.slice(2), 16) : Number.parseInt(body.slice(1), 10)
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole
}

/** Headings, paragraphs and list items, one a line, with an empty line before a heading. */
export function htmlText(source: string): string {
  const body = /<body[^>]*>([\s\S]*)<\/body>/i.exec(source)?.[1] ?? source
  const text = body
    .replace(/<(script|style)\b[\s\S]*?<\/\1>|<!--[\s\S]*?-->/gi, '')
    .replace(/\s+/g, ' ')
    .replace(/<h[1-6]\b[^>]*>/gi, '\n\n')
    .replace(/<\/(?:h[1-6]|p|li|div|header|section|article)>|<br\s*\/?>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(#\d+|#[xX][\da-fA-F]+|\w+);/g, decodeEntity)
    .replace(/^ +| +$/gm, '')
  return cleanText(text.replace(/\n{2,}(?=\S[^\n]*\n\n)/g, '\n\n'))
}

/**
 * Pages → documents, each cut after the paragraph with which it reaches `pageBytes`.
 *
 * The declaration is one text in many languages. Cut short, every script is there without the translations outweighing
 * everything else.
 */
export function extractHtml(files: readonly DataFile[], pageBytes: number): ExtractedText[] {
  return files
    .map(({ path, bytes }) => {
      const lines = htmlText(decodeUtf8(bytes, path)).split('\n')
      let length = 0
      const kept = lines.filter((line) => {
        const isKept = length < pageBytes
        length += new TextEncoder().encode(line).length + 1
        return isKept
      })
      return { id: path.replace(/^.*\//, '').replace(/\.html$/, ''), text: cleanText(kept.join('\n')) }
    })
    .filter(({ text }) => text !== '')
}
