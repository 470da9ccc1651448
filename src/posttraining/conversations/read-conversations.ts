/**
 * Someone's own conversations: JSON lines in the shapes of the field.
 *
 *   {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
 *   {"prompt": "…", "completion": "…"}
 *   {"prompt": "…", "answer": "…"}
 */
import { rejectViolations, usageError } from '../../base/errors.ts'
import { type ChatMessage, messageViolations } from '../../foundations/index.ts'
import { numberedLines } from '../../pretraining/data/read-jsonl.ts'
import type { Conversation } from './conversation.ts'

const shapes =
  'Each line must be {"messages": [{"role", "content"}, …]}, {"prompt", "completion"} or {"prompt", "answer"}, with an answer in it.'

/** The messages of a line, or what is wrong with it. */
function parseLine(line: string): { readonly messages: readonly ChatMessage[] } | { readonly faults: readonly string[] } {
  let record: unknown
  try {
    record = JSON.parse(line.charCodeAt(0) === 0xfeff ? line.slice(1) : line)
  } catch {
    return { faults: [`expected JSON, got ${JSON.stringify(line.slice(0, 40))}`] }
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    return { faults: [`expected an object, got ${line.slice(0, 40)}`] }
  const messages = messagesOf(record as Record<string, unknown>)
  if (messages === null)
    return { faults: [`expected messages, or prompt with completion or answer, got ${Object.keys(record).join(', ') || 'no fields'}`] }
  const faults = messageViolations(messages, true)
  return faults.length > 0 ? { faults } : { messages: (messages as ChatMessage[]).map(({ role, content }) => ({ role, content })) }
}

/** The messages of a record, not yet checked; null when it has none of the shapes. */
function messagesOf({ messages, prompt, completion, answer }: Record<string, unknown>): unknown {
  if (messages !== undefined) return messages
  const reply = completion ?? answer
  if (prompt === undefined || reply === undefined) return null
  return [
    { role: 'user', content: prompt },
    { role: 'assistant', content: reply },
  ]
}

/**
 * Reads the conversations of a file.
 *
 * @returns at least one; each one's source is the file's path
 * @throws UsageError naming every faulty line with its number and what was expected, and when there is no conversation
 */
export function readConversations(file: string): Conversation[] {
  const conversations: Conversation[] = []
  const violations: string[] = []
  for (const [number, line] of numberedLines(file)) {
    const parsed = parseLine(line)
    if ('messages' in parsed) conversations.push({ id: `${file}:${number}`, source: file, messages: parsed.messages })
    else violations.push(...parsed.faults.map((fault) => `line ${number}: ${fault}`))
  }
  rejectViolations(file, violations, shapes)
  if (conversations.length === 0) throw usageError(file, 'conversations', 'none', shapes)
  return conversations
}
