/** The text of a record of a data set, whether it came as JSON or as a row of Parquet. */
import { z } from 'zod'

const record = z.union([
  z.object({ text: z.string() }),
  z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })).min(1) }),
])

/** Columns that `textOfRecord` reads. */
export const textColumns = ['text', 'messages'] as const

/**
 * The text of `{ text }`, or of `{ messages }` as a transcript ("User: …", one empty line between turns).
 *
 * @returns null when the record is neither
 */
export function textOfRecord(value: unknown): string | null {
  const parsed = record.safeParse(value)
  if (!parsed.success) return null
  if ('text' in parsed.data) return parsed.data.text
  return parsed.data.messages.map(({ role, content }) => `${role.slice(0, 1).toUpperCase()}${role.slice(1)}: ${content}`).join('\n\n')
}
