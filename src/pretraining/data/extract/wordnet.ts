/**
 * WordNet's database files: "lemmas (part of speech): gloss", one line a synset.
 *
 * Format (wndb(5WN)): `offset file type count lemma id [lemma id …] pointers … | gloss`; the count is hexadecimal, a line
 * of the licence begins with two blanks. Synsets that follow each other are of one field, so a page of them is a document
 * with a subject of its own.
 */
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

const entriesPerPage = 24

const partOfSpeech: Readonly<Record<string, string>> = { n: 'noun', v: 'verb', a: 'adjective', s: 'adjective', r: 'adverb' }

/** "stone, rock (noun): material consisting of …" of one database line; null for a line that is no synset. */
function entryOf(line: string): string | null {
  const [fields, ...gloss] = line.split(' | ')
  if (line.startsWith('  ') || gloss.length === 0) return null
  const words = fields.split(' ')
  const part = partOfSpeech[words[2]]
  const count = Number.parseInt(words[3], 16)
  if (part === undefined || !(count > 0)) return null
  const lemmas = Array.from({ length: count }, (_, i) => words[4 + 2 * i].replaceAll('_', ' ').replace(/\((?:a|p|ip)\)$/, ''))
  return `${lemmas.join(', ')} (${part}): ${gloss.join(' | ').trim()}`
}

/** Files `data.noun`, `data.verb`, … → pages of 24 entries; the page's id has the offset of its first synset. */
export function extractWordnet(files: readonly DataFile[]): ExtractedText[] {
  return files.flatMap(({ path, bytes }) => {
    const entries = decodeUtf8(bytes, path)
      .split('\n')
      .flatMap((line) => {
        const entry = entryOf(line)
        return entry === null ? [] : [{ offset: line.slice(0, 8), entry }]
      })
    const pages = Array.from({ length: Math.ceil(entries.length / entriesPerPage) }, (_, page) =>
      entries.slice(page * entriesPerPage, (page + 1) * entriesPerPage),
    )
    const kind = path.replace(/^.*data\./, '')
    return pages.map((page) => ({ id: `${kind}-${page[0].offset}`, text: cleanText(page.map(({ entry }) => entry).join('\n')) }))
  })
}
