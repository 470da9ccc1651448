/**
 * A model in a program of one's own: opened from its folder, asked, closed.
 *
 *   using model = await openModel('runs/first')
 *   for (const { text } of model.reply([{ role: 'user', content: 'How many cm are 7 m?' }])) show(text)
 */
import { Machine } from '../compute/index.ts'
import { type ChatMessage, encodeChat, type Tokenizer } from '../foundations/index.ts'
import { loadModelFolder, readChatTemplate } from '../infrastructure/index.ts'
import { usageError } from '../base/errors.ts'
import type { Model } from '../architecture/index.ts'
import { Engine, generate, type GeneratedPiece, type GenerationSummary } from './generate.ts'
import type { GenerationOptions } from './generation-options.ts'

/** A model that is ready to be asked. */
export interface OpenModel extends Disposable {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly engine: Engine
  /** Tokens that a prompt and its continuation may have together. */
  readonly maxLength: number
  /** Whether the chat template is the model's own; without one, it is that of DeepSeek-V3. */
  readonly hasOwnTemplate: boolean
  /** Ids of a conversation up to where the assistant begins to answer. @throws UsageError for messages that are none */
  readonly encode: (messages: readonly ChatMessage[]) => Uint32Array
  /** The assistant's next message, in pieces as they come. @throws UsageError as `encode` and `generate` */
  readonly reply: (
    messages: readonly ChatMessage[],
    options?: Partial<GenerationOptions>,
  ) => Generator<GeneratedPiece, GenerationSummary, void>
  /** Goes on with a text, in pieces as they come. @throws UsageError as `generate` */
  readonly complete: (text: string, options?: Partial<GenerationOptions>) => Generator<GeneratedPiece, GenerationSummary, void>
  /** Ends the threads and returns all memory. */
  readonly close: () => void
}

/**
 * Opens a model.
 *
 * @param folder  a model folder or a run folder
 * @param options threads: how many, of the machine's unless given
 * @throws UsageError when something is missing in the folder or does not fit
 */
export async function openModel(folder: string, options: { readonly threads?: number } = {}): Promise<OpenModel> {
  const { template, isOwn } = readChatTemplate(folder)
  const machine = await Machine.start(options)
  try {
    const { model, tokenizer } = loadModelFolder(machine, folder, { withGradients: false })
    if (!tokenizer) throw usageError(folder, 'a model with tokenizer.json', 'one without', 'Put the tokenizer of this model there.')
    const engine = new Engine(model, tokenizer)
    const encode = (messages: readonly ChatMessage[]) => encodeChat(tokenizer, template, messages, true).ids
    let isOpen = true
    // The threads of a closed machine are gone: whoever waited for them would wait for ever.
    const begin = (ids: ArrayLike<number>, given?: Partial<GenerationOptions>) => {
      if (!isOpen) throw usageError(folder, 'an open model', 'one that was closed', 'Open it again, or close it later.')
      return generate(engine, ids, given)
    }
    const close = () => {
      if (isOpen) machine.close()
      isOpen = false
    }
    return {
      model,
      tokenizer,
      engine,
      maxLength: model.config.maxLength,
      hasOwnTemplate: isOwn,
      encode,
      reply: (messages, given) => begin(encode(messages), given),
      complete: (text, given) => {
        const ids = tokenizer.encode(text)
        return begin(ids.length > 0 ? ids : [tokenizer.eosId], given)
      },
      close,
      [Symbol.dispose]: close,
    }
  } catch (error) {
    machine.close()
    throw error
  }
}
