/** 30 seconds of code: what a function does as a comment, the function, and calls with their results. */
import { z } from 'zod'
import { usageError } from '../../../base/errors.ts'
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

const snippets = z.array(z.object({ id: z.string(), description: z.string(), code: z.string(), example: z.string().nullish() }))

/** The file `snippets.json` → one document a snippet. */
export function extractSnippets(files: readonly DataFile[]): ExtractedText[] {
  return files.flatMap(({ path, bytes }) =>
    parse(decodeUtf8(bytes, path), path).map(({ id, description, code, example }) => ({
      id,
      text: cleanText([description.replace(/^(?=.)/gm, '// ').replace(/^$/gm, '//'), code, ...(example ? [example] : [])].join('\n\n')),
    })),
  )
}

function parse(text: string, path: string): z.infer<typeof snippets> {
  try {
    return snippets.parse(JSON.parse(text))
  } catch (cause) {
    throw usageError(
      path,
      'a JSON list of { id, description, code, example }',
      'something else',
      'Clear the cache folder and fetch again.',
      cause,
    )
  }
}
