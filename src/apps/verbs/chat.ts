/** `strata chat`: talks with a model. Replies go to standard output as they come; piped input is one message a line. */
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import type { ChatMessage } from '../../foundations/index.ts'
import { checkGenerationOptions, defaultGenerationOptions as defaults, openModel, type OpenModel } from '../../inference/index.ts'
import { commonFlags, type CommonFlags, decimalNumber, wholeNumber } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'

interface Flags extends Pick<CommonFlags, 'seed' | 'threads' | 'json' | 'quiet'> {
  readonly message?: string
  readonly system?: string
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
}

/** What a reply is asked for with. */
type Options = ReturnType<typeof checkGenerationOptions>

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program
    .command('chat')
    .summary('talk with a model')
    .description(
      'Talks with a fine-tuned model: one message a line, from the terminal or from standard input; an empty line or Ctrl-D ends.',
    )
    .argument('<model>', 'a model folder or a run folder')
    .option('--message <text>', 'one message; its reply is all there is')
    .option('--system <text>', 'what stands before the conversation')
    .option('--max-tokens <count>', 'tokens of a reply, at most', wholeNumber('--max-tokens', 1), 256)
    .option('--temperature <number>', 'divides the logits; 0 takes the likeliest token', decimalNumber('--temperature', 0, 100), 0)
    .option('--top-p <share>', 'only the likeliest tokens that reach this share', decimalNumber('--top-p', 0, 1), defaults.topP)
  commonFlags(command, 'seed', 'threads', 'json', 'quiet').action(run)
}

async function run(folder: string, flags: Flags): Promise<void> {
  const output = createOutput(flags)
  const { maxTokens, temperature, topP, seed = defaults.seed } = flags
  const options = checkGenerationOptions({ maxTokens, temperature, topP, seed })
  rejectEmpty('--message', flags.message)
  rejectEmpty('--system', flags.system)
  if (flags.json && flags.message === undefined)
    throw usageError('strata chat --json', '--message', 'none', 'A document has one reply; leave --json away for a conversation.')
  using model = await openModel(folder, flags.threads === undefined ? {} : { threads: flags.threads })
  if (!model.hasOwnTemplate) output.warn(`${folder} has no chat template: that of DeepSeek-V3 is used`)
  const messages: ChatMessage[] = flags.system === undefined ? [] : [{ role: 'system', content: flags.system }]
  if (flags.message !== undefined) {
    messages.push({ role: 'user', content: flags.message })
    const { text, ...summary } = answer(model, messages, options, output)
    output.result({ messages, reply: text, ...summary, options }, () => '')
    return
  }
  await converse(model, messages, options, output)
}

function rejectEmpty(flag: string, text: string | undefined): void {
  if (text?.trim() === '') throw usageError(flag, 'text', JSON.stringify(text), 'Leave the flag away, or say something.')
}

async function converse(model: OpenModel, messages: ChatMessage[], options: Options, output: Output): Promise<void> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY
  const lines = createInterface({ input: process.stdin, output: isTerminal ? process.stdout : undefined, prompt: '> ' })
  if (isTerminal) lines.prompt()
  for await (const line of lines) {
    if (line.trim() === '') {
      if (isTerminal) break
      continue
    }
    messages.push({ role: 'user', content: line })
    forgetOldest(model, messages, options.maxTokens, output)
    const { length } = model.encode(messages)
    if (isTerminal && length > model.maxLength) {
      // Of a person's conversation only this message is dropped; a pipe ends with the error of `reply`.
      output.warn(`a message of ${length} tokens does not fit the window of ${model.maxLength}: it is left out; say it shorter`)
      messages.pop()
      lines.prompt()
      continue
    }
    const { text } = answer(model, messages, options, output)
    output.stream('\n')
    messages.push({ role: 'assistant', content: text })
    if (isTerminal) lines.prompt()
  }
  lines.close()
}

/** Drops the oldest turns until the conversation leaves room for half a reply; says so. */
function forgetOldest(model: OpenModel, messages: ChatMessage[], maxTokens: number, output: Output): void {
  const room = model.maxLength - Math.min(maxTokens, Math.floor(model.maxLength / 2))
  let dropped = 0
  while (model.encode(messages).length > room) {
    const oldest = messages.findIndex(({ role }) => role === 'user')
    if (oldest === messages.length - 1) break
    messages.splice(oldest, 2)
    dropped += 2
  }
  if (dropped > 0) output.note(`the window of ${model.maxLength} tokens is full: the ${dropped} oldest messages are forgotten`)
}

/** The reply, streamed. */
function answer(model: OpenModel, messages: readonly ChatMessage[], options: Options, output: Output) {
  let text = ''
  const pieces = model.reply(messages, options)
  let next = pieces.next()
  for (; !next.done; next = pieces.next()) {
    text += next.value.text
    output.stream(next.value.text)
  }
  const { finishReason, promptTokens, tokens } = next.value
  return { text, finishReason, promptTokens, tokens }
}
