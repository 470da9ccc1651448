/** JSON lines: {"text": …} as in most data sets, or {"messages": [{"role", "content"}, …]} as in chat data. */
import { rejectViolations, usageError } from '../../base/errors.ts'
import { cleanText } from './hygiene.ts'
import { decodedChunks } from './read-text.ts'
import { textOfRecord } from './record-text.ts'

/** A line longer than this is not a document but a mistake, or an attack on the memory. */
const longestLineCharacters = 2 ** 26

/** Faulty lines that are told in full; the rest is a number. */
const mostViolations = 10

/** The lines of a file, numbered from 1, without the empty ones. */
export function* numberedLines(file: string): Generator<readonly [number, string]> {
  let pending = ''
  let number = 0
  for (const text of decodedChunks(file)) {
    const lines = (pending + text).split('\n')
    pending = lines.pop()!
    if (pending.length > longestLineCharacters) {
      throw usageError(
        `${file} line ${number + lines.length + 1}`,
        `at most ${longestLineCharacters} characters`,
        'more',
        'Write one document a line.',
      )
    }
    for (const line of lines) {
      number++
      if (line.trim() !== '') yield [number, line]
    }
  }
  if (pending.trim() !== '') yield [number + 1, pending]
}

/** The text of one line, or what is wrong with it. */
function parseLine(line: string): { readonly text: string } | { readonly fault: string } {
  let record: unknown
  try {
    record = JSON.parse(line.charCodeAt(0) === 0xfeff ? line.slice(1) : line)
  } catch {
    return { fault: `not JSON: ${JSON.stringify(line.slice(0, 40))}` }
  }
  const text = textOfRecord(record)
  return text === null ? { fault: 'neither "text" (a string) nor "messages" (role and content)' } : { text: cleanText(text) }
}

/**
 * The documents of a file of JSON lines; lines with an empty text are left out.
 *
 * @param onFaults called once with a summary when lines are faulty, which are then left out; null makes them an error
 * @throws UsageError with the first faulty lines, unless `onFaults` takes them
 */
export function readJsonLines(file: string, onFaults: ((summary: string) => void) | null): string[] {
  const documents: string[] = []
  const faults: string[] = []
  let faultCount = 0
  for (const [number, line] of numberedLines(file)) {
    const parsed = parseLine(line)
    if ('text' in parsed) {
      if (parsed.text !== '') documents.push(parsed.text)
    } else if (faultCount++ < mostViolations) faults.push(`line ${number}: ${parsed.fault}`)
  }
  if (faultCount > faults.length) faults.push(`and ${faultCount - faults.length} more lines`)
  if (onFaults === null)
    rejectViolations(file, faults, 'Each line must be {"text": "…"} or {"messages": [{"role": "user", "content": "…"}, …]}.')
  else if (faultCount > 0) onFaults(`${faultCount} lines left out: ${faults.join('; ')}`)
  return documents
}
