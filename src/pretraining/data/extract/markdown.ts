/** Documentation in Markdown and MDX: the front matter becomes a title, imports of components go. */
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

/** Text of one page: a first heading made from the front matter where the page has none of its own. */
function markdownText(source: string): string {
  const text = cleanText(source)
  const frontMatter = /^---\n([\s\S]*?)\n---\n/.exec(text)
  const body = (frontMatter ? text.slice(frontMatter[0].length) : text).replace(/^import .* from .*$\n?/gm, '')
  const title = /^title:\s*(.*)$/m.exec(frontMatter?.[1] ?? '')?.[1]?.replace(/^(['"])(.*)\1$/, '$2')
  return cleanText(title === undefined || /^\s*# /.test(body) ? body : `# ${title}\n\n${body}`)
}

/** Pages → documents. */
export function extractMarkdown(files: readonly DataFile[]): ExtractedText[] {
  return files.map(({ path, bytes }) => ({ id: path, text: markdownText(decodeUtf8(bytes, path)) })).filter(({ text }) => text !== '')
}
