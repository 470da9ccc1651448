/**
 * Someone's own conversations: JSON lines in the shapes of the field.
 *
 *   {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
 *   {"prompt": "…", "completion": "…"}
 *   {"prompt": "…", "answer": "…"}
 *
 * Of a line that has several of them, the first one here counts; further fields do no harm.
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
  const found = messagesOf(record as Record<string, unknown>)
  if (found === null)
    return { faults: [`expected messages, or prompt with completion or answer, got ${Object.keys(record).join(', ') || 'no fields'}`] }
  const { messages, fields } = found
  const faults = exchangeViolations(messages).map((fault) =>
    fault.replace(/^message ([12])\b/, (whole, number: string) => fields[Number(number) - 1] ?? whole),
  )
  return faults.length > 0 ? { faults } : { messages: (messages as ChatMessage[]).map(({ role, content }) => ({ role, content })) }
}

/** What is wrong with messages to learn from: beside their form, that something is asked and then answered. */
function exchangeViolations(value: unknown): string[] {
  const faults = messageViolations(value, true)
  if (faults.length > 0) return faults
  const messages = value as readonly ChatMessage[]
  const blank = messages.flatMap(({ role, content }, index) =>
    role === 'user' && content.trim() === '' ? [`message ${index + 1}: expected a question, got empty text`] : [],
  )
  const asked = messages.findIndex(({ role }) => role === 'user')
  if (asked < 0) return ['messages: expected a question by the user, got none']
  const answered = messages.findLastIndex(({ role }) => role === 'assistant')
  return answered < asked ? [...blank, 'messages: expected an answer behind a question, got none'] : blank
}

/** The messages of a record, not yet checked, and the fields that they stand in where each has one; null when it has none of the shapes. */
function messagesOf({ messages, prompt, ...replies }: Record<string, unknown>) {
  if (messages !== undefined) return { messages, fields: [] }
  const field = ['completion', 'answer'].find((name) => replies[name] !== undefined)
  if (prompt === undefined || field === undefined) return null
  const exchange = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: replies[field] },
  ]
  return { messages: exchange, fields: ['prompt', field] }
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
