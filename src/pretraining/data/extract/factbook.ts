/** The World Factbook as JSON: sections of fields, nested to any depth, with the text in leaves called "text". */
import { z } from 'zod'
import { usageError } from '../../../base/errors.ts'
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

type Fields = { readonly [name: string]: Fields | string | null }

/** A field without text, such as a map's, is null. */
const schema: z.ZodType<Fields> = z.lazy(() => z.record(z.string(), z.union([z.string(), z.null(), schema])))

/** "Capital: name: Paris" as readable lines: the field's name, then its text, then what is nested in it. */
function linesOf(label: string, fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === null) return []
    if (typeof value === 'string')
      return value.trim() === '' ? [] : [name === 'text' ? `${label}: ${value}` : `${label}, ${name}: ${value}`]
    return linesOf(name === 'note' ? `${label}, note` : label === '' ? name : `${label}, ${name}`, value)
  })
}

function nameOf(fields: Fields): string | null {
  const read = (from: Fields | string | null | undefined, key: string) => (typeof from === 'object' ? from?.[key] : undefined)
  const names = read(fields['Government'], 'Country name')
  const short = read(read(names, 'conventional short form'), 'text')
  const long = read(read(names, 'conventional long form'), 'text')
  return [short, long].find((name): name is string => typeof name === 'string' && name !== '' && name !== 'none') ?? null
}

/** One file a country → one document: its name, then each section under its heading. */
export function extractFactbook(files: readonly DataFile[]): ExtractedText[] {
  return files.map(({ path, bytes }) => {
    const fields = parse(decodeUtf8(bytes, path), path)
    const sections = Object.entries(fields).map(([section, value]) => ({
      section,
      lines: linesOf('', typeof value === 'object' && value !== null ? value : { [section]: value }),
    }))
    const name = nameOf(fields)
    const told = sections.filter(({ lines }) => lines.length > 0).map(({ section, lines }) => `${section}\n${lines.join('\n')}`)
    const text = [name ?? '', ...told].join('\n\n')
    return { id: path.replace(/\.json$/, ''), text: cleanText(text) }
  })
}

function parse(text: string, path: string): Fields {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw usageError(path, 'sections of named fields in JSON', 'something else', 'Clear the cache folder and fetch again.', cause)
  }
}
