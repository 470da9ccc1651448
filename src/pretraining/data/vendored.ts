/**
 * The corpus in the repository: about 0.8 MB in the domains of the default mixture, for tests and machines without a network.
 *
 * Origins and licences: vendor/README.md. Made by vendor/corpus/make.mjs from the pinned packages.
 */
import { z } from 'zod'
import { usageError } from '../../base/errors.ts'
import { readAsset } from '../../base/platform.ts'
import { makeDocument, type Document } from './document.ts'

/** Domains with a file each in vendor/corpus; mathematics is generated. */
const vendoredDomains = ['prose', 'facts', 'code', 'technical', 'multilingual'] as const

const line = z.object({ id: z.string(), text: z.string() })

/** Reads the vendored documents; works in a browser too. */
export async function vendoredDocuments(): Promise<Document[]> {
  const domains = await Promise.all(
    vendoredDomains.map(async (domain) => {
      const bytes = await readAsset(new URL(`../../../vendor/corpus/${domain}.jsonl`, import.meta.url))
      const lines = new TextDecoder().decode(bytes).trimEnd().split('\n')
      return lines.map((text, index) => makeDocument(domain, parseLine(text, `vendor/corpus/${domain}.jsonl line ${index + 1}`)))
    }),
  )
  return domains.flat()
}

function parseLine(text: string, subject: string): z.infer<typeof line> {
  try {
    return line.parse(JSON.parse(text))
  } catch (cause) {
    throw usageError(subject, '{ "id": …, "text": … }', 'something else', 'Install the package anew.', cause)
  }
}
