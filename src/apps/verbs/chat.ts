/** `strata chat`: talks with a model. Replies go to standard output as they come; piped input is one message a line. */
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import type { ChatMessage } from '../../foundations/index.ts'
import { checkGenerationOptions, defaultGenerationOptions as defaults, openModel, type OpenModel, Sequence } from '../../inference/index.ts'
import { commonFlags, type CommonFlags, decimalNumber, wholeNumber } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { ReplyView } from '../reply-view.ts'
import { noteBase, stageFlag, type StageFlag } from '../stage-flag.ts'
import { notePlainKernels } from '../start-machine.ts'

interface Flags extends Pick<CommonFlags, 'seed' | 'threads' | 'json' | 'quiet'>, StageFlag {
  readonly message?: string
  readonly system?: string
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly raw: boolean
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
    .option('--raw', 'show the reply as the model wrote it, tags and all; so it is too where no terminal is', false)
  commonFlags(stageFlag(command), 'seed', 'threads', 'json', 'quiet').action(run)
}

async function run(folder: string, flags: Flags): Promise<void> {
  const output = createOutput(flags)
  const { maxTokens, temperature, topP, seed = defaults.seed } = flags
  const options = checkGenerationOptions({ maxTokens, temperature, topP, seed })
  rejectEmpty('--message', flags.message)
  rejectEmpty('--system', flags.system)
  if (flags.json && flags.message === undefined)
    throw usageError('strata chat --json', '--message', 'none', 'A document has one reply; leave --json away for a conversation.')
  const { threads, stage } = flags
  using model = await openModel(folder, { ...(threads !== undefined && { threads }), ...(stage && { stage }) })
  notePlainKernels(model.model.machine.kernels, output)
  noteBase(folder, flags, output)
  if (!model.hasOwnTemplate) output.warn(`${folder} has no chat template: that of DeepSeek-V3 is used`)
  const messages: ChatMessage[] = flags.system === undefined ? [] : [{ role: 'system', content: flags.system }]
  if (flags.message !== undefined) {
    messages.push({ role: 'user', content: flags.message })
    const { text, ...summary } = answer({ model, options, output, isShown: isShown(flags) }, messages)
    output.result({ messages, reply: text, ...summary, options }, () => '')
    return
  }
  await converse({ model, options, output, isShown: isShown(flags) }, messages)
}

/** Whether tags become marks: for a person, not for a program that reads. */
const isShown = ({ raw }: Flags) => !raw && process.stdout.isTTY

interface Conversation {
  readonly model: OpenModel
  readonly options: Options
  readonly output: Output
  readonly isShown: boolean
}

function rejectEmpty(flag: string, text: string | undefined): void {
  if (text?.trim() === '') throw usageError(flag, 'text', JSON.stringify(text), 'Leave the flag away, or say something.')
}

async function converse(conversation: Conversation, messages: ChatMessage[]): Promise<void> {
  const { model, options, output } = conversation
  // What of a conversation was computed in one turn is not computed in the next.
  const sequence = new Sequence(model.model)
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
    const { text } = answer(conversation, messages, sequence)
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
function answer({ model, options, output, isShown: isForEyes }: Conversation, messages: readonly ChatMessage[], sequence?: Sequence) {
  const view = isForEyes ? new ReplyView(output.paint) : null
  let text = ''
  const pieces = model.reply(messages, options, sequence)
  let next = pieces.next()
  for (; !next.done; next = pieces.next()) {
    text += next.value.text
    output.stream(view ? view.push(next.value.text) : next.value.text)
  }
  if (view) output.stream(view.end())
  const { finishReason, promptTokens, tokens } = next.value
  return { text, finishReason, promptTokens, tokens }
}
