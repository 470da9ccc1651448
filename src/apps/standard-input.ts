/** What is piped in, as text. */
import { usageError } from '../base/errors.ts'

/** More than anybody pipes into a verb that answers at once. */
const mostBytes = 2 ** 28

/**
 * All of standard input.
 *
 * @param hint what to type instead; said when nothing is piped in
 * @throws UsageError on a terminal, on bytes that are not UTF-8, and beyond 256 MiB
 */
export async function readStandardInput(hint: string): Promise<string> {
  if (process.stdin.isTTY) throw usageError('standard input', 'text from a pipe or a file', 'a terminal', hint)
  const chunks: Buffer[] = []
  let byteCount = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    byteCount += chunk.length
    if (byteCount > mostBytes) throw usageError('standard input', `at most ${mostBytes} bytes`, 'more', 'Cut it in pieces.')
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw usageError('standard input', 'text in UTF-8', 'other bytes', 'Convert it to UTF-8.', cause)
  }
}
