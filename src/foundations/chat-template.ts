/**
 * Conversations as text: messages, the rules that they keep, and the rendering of a chat template in Jinja.
 *
 * A template is a program from outside (tokenizer_config.json), so what fails in it is an error that says what to do.
 * The engine is `@huggingface/jinja`; the house's own template is v3-chat-template.ts.
 */
import { Template } from '@huggingface/jinja'
import { rejectViolations, usageError } from '../base/errors.ts'
import { endingWithin, OutOfTime } from '../base/platform.ts'

/** Who speaks. `tool` is what a tool gave back. */
export const chatRoles = ['system', 'user', 'assistant', 'tool'] as const
export type ChatRole = (typeof chatRoles)[number]

/** One turn. */
export interface ChatMessage {
  readonly role: ChatRole
  readonly content: string
}

export interface RenderOptions {
  /** Whether the text ends where the assistant begins to answer. */
  readonly addGenerationPrompt?: boolean
  /** What the template calls `bos_token`. */
  readonly bosToken?: string
  /** What the template calls `eos_token`. */
  readonly eosToken?: string
}

/**
 * What is wrong with a list of messages, one sentence each.
 *
 * @param messages    of any shape: they may come from a file or a request
 * @param needsAnswer whether something that the assistant says must be among them, as in training
 */
export function messageViolations(messages: unknown, needsAnswer: boolean): string[] {
  if (!Array.isArray(messages)) return [`messages: expected a list, got ${kindOf(messages)}`]
  if (messages.length === 0) return ['messages: expected at least one, got none']
  const violations = messages.flatMap((message: unknown, index) => {
    const subject = `message ${index + 1}`
    if (typeof message !== 'object' || message === null) return [`${subject}: expected { role, content }, got ${kindOf(message)}`]
    const { role, content } = message as { role?: unknown; content?: unknown }
    const wrong: string[] = []
    if (!chatRoles.includes(role as ChatRole))
      wrong.push(`${subject}: expected the role ${chatRoles.join(', ')}, got ${JSON.stringify(role) ?? 'none'}`)
    if (typeof content !== 'string') wrong.push(`${subject}: expected text as content, got ${kindOf(content)}`)
    else if (needsAnswer && role === 'assistant' && content.trim() === '') wrong.push(`${subject}: expected an answer, got empty text`)
    return wrong
  })
  const hasAnswer = messages.some((message) => (message as ChatMessage | null)?.role === 'assistant')
  if (needsAnswer && !hasAnswer) violations.push('messages: expected an answer by the assistant, got none')
  return violations
}

/** Refuses what `messageViolations` finds. @throws UsageError */
export function rejectMessages(messages: unknown, needsAnswer: boolean): void {
  const hint = 'A conversation is a list of { "role": "user", "content": "…" }, and ends with an answer where it is trained on.'
  rejectViolations('conversation', messageViolations(messages, needsAnswer), hint)
}

const kindOf = (value: unknown) =>
  value === undefined ? 'nothing' : value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`

/** Parsed templates by their text; a run has one or two. */
const parsed = new Map<string, Template>()
const mostParsed = 8

function parseTemplate(source: string): Template {
  let template = parsed.get(source)
  if (template) return template
  try {
    template = new Template(source)
  } catch (cause) {
    throw usageError('chat template', 'Jinja that can be read', messageOf(cause), 'Mend chat_template in tokenizer_config.json.', cause)
  }
  if (parsed.size >= mostParsed) parsed.clear()
  parsed.set(source, template)
  return template
}

/** The house's own template takes less than a millisecond. */
const renderSeconds = 2

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')

/**
 * The text of a conversation.
 *
 * Contents are put in as they stand: a string in them that spells a special token looks like one in this text. Where ids are
 * wanted, `encodeChat` keeps the two apart.
 *
 * @param template Jinja, as tokenizer_config.json carries it
 * @param messages in order; without `addGenerationPrompt` one of them is the assistant's
 * @throws UsageError naming everything that is wrong with the messages, or what failed in the template
 */
export function renderChat(template: string, messages: readonly ChatMessage[], options: RenderOptions = {}): string {
  const { addGenerationPrompt = false, bosToken = '', eosToken = '' } = options
  rejectMessages(messages, !addGenerationPrompt)
  const compiled = parseTemplate(template)
  const given = { messages, bos_token: bosToken, eos_token: eosToken, add_generation_prompt: addGenerationPrompt }
  try {
    return endingWithin(renderSeconds, () => compiled.render(given))
  } catch (cause) {
    if (cause instanceof OutOfTime)
      throw usageError(
        'chat template',
        `one that ends within ${renderSeconds} s`,
        'one that does not',
        'Mend the loops of chat_template in tokenizer_config.json.',
        cause,
      )
    const roles = messages.map(({ role }) => role).join(', ')
    throw usageError(
      'chat template',
      `a text for messages of ${roles}`,
      `an error: ${messageOf(cause)}`,
      'Mend chat_template in tokenizer_config.json, or give messages that it takes.',
      cause,
    )
  }
}
