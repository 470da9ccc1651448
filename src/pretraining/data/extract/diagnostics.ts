/**
 * The TypeScript compiler's messages in fourteen languages: sentences that are translations of each other.
 *
 * The English ones stand in the compiler's source as `diag(code, category, key, message, …)`; each translation is a JSON
 * object from the same keys. One message in all its languages is one document.
 */
import { z } from 'zod'
import { usageError } from '../../../base/errors.ts'
import type { DataFile, ExtractedText } from '../document.ts'
import { cleanText } from '../hygiene.ts'
import { decodeUtf8 } from './decode.ts'

const languages: Readonly<Record<string, string>> = {
  cs: 'Čeština',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  it: 'Italiano',
  ja: '日本語',
  ko: '한국어',
  pl: 'Polski',
  'pt-br': 'Português',
  ru: 'Русский',
  tr: 'Türkçe',
  'zh-cn': '简体中文',
  'zh-tw': '繁體中文',
}

const messages = z.record(z.string(), z.string())

/** Key → English message, read from the compiler's source. */
function englishMessages(source: string): Map<string, string> {
  const calls = source.matchAll(/\bdiag\(\d+, \d+ \/\* \w+ \*\/, ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")/g)
  return new Map(Array.from(calls, ([, key, message]) => [JSON.parse(key) as string, JSON.parse(message) as string]))
}

/** `typescript.js` and `<language>/diagnosticMessages.generated.json` → one document a message that has translations. */
export function extractDiagnostics(files: readonly DataFile[]): ExtractedText[] {
  const compiler = files.find(({ path }) => path.endsWith('typescript.js'))
  if (!compiler) throw usageError('typescript', 'lib/typescript.js in the package', 'none', 'Clear the cache folder and fetch again.')
  const english = englishMessages(decodeUtf8(compiler.bytes, compiler.path))
  const translations = files.flatMap(({ path, bytes }) => {
    const name = languages[/([\w-]+)\/diagnosticMessages\.generated\.json$/.exec(path)?.[1] ?? '']
    return name === undefined ? [] : [{ name, messages: messages.parse(JSON.parse(decodeUtf8(bytes, path))) }]
  })
  return [...english].flatMap(([key, message]) => {
    const lines = translations.flatMap(({ name, messages }) => (messages[key] === undefined ? [] : [`${name}: ${messages[key]}`]))
    return lines.length === 0 ? [] : [{ id: key, text: cleanText([`English: ${message}`, ...lines].join('\n')) }]
  })
}
