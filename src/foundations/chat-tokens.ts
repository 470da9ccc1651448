/**
 * Conversations as token ids, and which of them the assistant is responsible for.
 *
 * A template is rendered with a placeholder for each content, and only what stands between the placeholders may spell
 * special tokens. So nobody's message can end a turn or open another, and the answer's tokens are known exactly:
 *
 *   <bos>system<｜User｜>question<｜Assistant｜>answer<eos>
 *                                           ^^^^^^^^^^^^ targets
 *
 * One exception: `<think>` and `</think>` in an answer are the tokens of that name. They mark and close nothing else.
 */
import { usageError } from '../base/errors.ts'
import { rejectMessages, renderChat, type ChatMessage } from './chat-template.ts'
import { specialTokens } from './tokenizer/special-tokens.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'
import { v3ChatTemplate } from './v3-chat-template.ts'

/** A conversation as ids. */
export interface ChatTokens {
  readonly ids: Uint32Array
  /** 1 for each id that the assistant has to say: its answers and the end-of-text token behind each; 0 for all else. */
  readonly isTarget: Uint8Array
}

/** A part of the rendered text: the template's own words, or the content of a message. */
type Span = { readonly text: string } | { readonly message: number }

/** Characters of a private-use plane around the number of a message. */
const placeholder = (message: number) => `\u{f0000}${message}\u{f0001}`
const placeholders = /\u{f0000}(\d+)\u{f0001}/u

/** Layouts by template, roles and special tokens: they do not depend on what is said. */
const layouts = new Map<string, readonly Span[]>()
const mostLayouts = 256

function layoutOf(template: string, messages: readonly ChatMessage[], options: Required<Parameters<typeof renderChat>[2]>) {
  const key = JSON.stringify([template, messages.map(({ role }) => role), options])
  let layout = layouts.get(key)
  if (layout) return layout
  const blank = messages.map((message, index) => ({ ...message, content: placeholder(index) }))
  const parts = renderChat(template, blank, options).split(placeholders)
  layout = parts.flatMap((part, index): Span[] => (index % 2 === 1 ? [{ message: Number(part) }] : part === '' ? [] : [{ text: part }]))
  if (layouts.size >= mostLayouts) layouts.clear()
  layouts.set(key, layout)
  return layout
}

/** Cuts an answer at the tags of thought. */
const thinkTags = new RegExp(`(${specialTokens.thinkBegin}|${specialTokens.thinkEnd})`)

function* encodeContent(tokenizer: Tokenizer, { role, content }: ChatMessage): Generator<ArrayLike<number>> {
  if (role !== 'assistant') yield tokenizer.encode(content)
  else for (const part of content.split(thinkTags)) yield tokenizer.encode(part, { special: thinkTags.test(part) ? 'allow' : 'text' })
}

/**
 * Encodes a conversation.
 *
 * @param tokenizer           its `bosId` and `eosId` are what the template calls `bos_token` and `eos_token`
 * @param template            Jinja that puts contents in as they stand
 * @param addGenerationPrompt whether the ids end where the assistant begins to answer
 * @throws UsageError on wrong messages, a template that fails, one that alters what is said, and one that leaves out a question
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly ChatMessage[],
  addGenerationPrompt = false,
): ChatTokens {
  // Whether an answer is there is asked of the layout: one that a model gave may be empty.
  rejectMessages(messages, false)
  const options = { addGenerationPrompt, bosToken: tokenizer.decode([tokenizer.bosId]), eosToken: tokenizer.decode([tokenizer.eosId]) }
  // The house's own template keeps contents by its text; of others each conversation is rendered and compared.
  const rendered = template === v3ChatTemplate ? null : renderChat(template, messages, options)
  const layout = layoutOf(template, messages, options)
  if (rendered !== null && layout.map((span) => ('text' in span ? span.text : messages[span.message].content)).join('') !== rendered)
    throw usageError('chat template', 'contents put in as they stand', 'altered ones', 'Use a template that does not trim or rewrite them.')

  const placed = new Set(layout.map((span) => ('message' in span ? span.message : -1)))
  const absent = messages.findIndex(({ role }, index) => role === 'user' && !placed.has(index))
  if (absent >= 0)
    throw usageError(
      'chat template',
      'every question put in',
      `message ${absent + 1} left out`,
      'Mend chat_template in tokenizer_config.json.',
    )

  const pieces: { ids: ArrayLike<number>; targetCount: number }[] = []
  let isAnswered = false
  for (const span of layout) {
    if ('text' in span) {
      const ids = tokenizer.encode(span.text, { special: 'allow' })
      pieces.push({ ids, targetCount: isAnswered && ids[0] === tokenizer.eosId ? 1 : 0 })
      isAnswered = false
    } else {
      const message = messages[span.message]
      isAnswered = message.role === 'assistant'
      for (const ids of encodeContent(tokenizer, message)) pieces.push({ ids, targetCount: isAnswered ? ids.length : 0 })
    }
  }
  const length = pieces.reduce((sum, { ids }) => sum + ids.length, 0)
  const tokens: ChatTokens = { ids: new Uint32Array(length), isTarget: new Uint8Array(length) }
  let position = 0
  for (const { ids, targetCount } of pieces) {
    tokens.ids.set(ids, position)
    tokens.isTarget.fill(1, position, position + targetCount)
    position += ids.length
  }
  return tokens
}
