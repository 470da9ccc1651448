/**
 * A model in a program of one's own: opened from its folder, asked, closed.
 *
 *   using model = await openModel('runs/first')
 *   for (const { text } of model.reply([{ role: 'user', content: 'How many cm are 7 m?' }])) show(text)
 */
import { Machine } from '../compute/index.ts'
import { type ChatMessage, encodeChat, type Tokenizer } from '../foundations/index.ts'
import { loadModelFolder, modelStages, type ModelStage, readChatTemplate } from '../infrastructure/index.ts'
import { rejectViolations, said, usageError } from '../base/errors.ts'
import { unknownNames } from '../base/nearest.ts'
import type { Model } from '../architecture/index.ts'
import { Engine, generate, type GeneratedPiece, type GenerationSummary } from './generate.ts'
import type { GenerationOptions } from './generation-options.ts'
import type { Sequence } from './sequence.ts'

type Pieces = Generator<GeneratedPiece, GenerationSummary, void>

/** How a model is opened. */
export interface OpenOptions {
  /** How many; all that the machine has unless given. */
  readonly threads?: number
  /** Of a run, the model of this stage: 'base', 'sft' or 'rl'; the last one unless given. */
  readonly stage?: ModelStage
}

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
  /**
   * The assistant's next message, in pieces as they come.
   *
   * @param sequence remembers the conversation: a longer one that begins like it computes what is new alone, so the numbers are
   *   the same to rounding. The caller's: `new Sequence(model.model)`, and `free` it. Without one nothing is remembered
   * @throws UsageError as `encode` and `generate`, and once the model is closed, in the middle of a reply too
   */
  readonly reply: (messages: readonly ChatMessage[], options?: Partial<GenerationOptions>, sequence?: Sequence) => Pieces
  /** Goes on with a text, in pieces as they come. @throws UsageError as `generate`, for what is no text, and once the model is closed */
  readonly complete: (text: string, options?: Partial<GenerationOptions>) => Pieces
  /** Ends the threads and returns all memory. */
  readonly close: () => void
}

/**
 * Opens a model.
 *
 * Whatever the caller can mend is a `UsageError`, which this floor exports too; its message reads "subject: expected X, got Y.
 * What to do.".
 *
 * @param folder a model folder or a run folder
 * @throws UsageError when there is nothing at `folder`, or a file, or a folder without a model, or a run that has written none
 *   yet, or not this stage; when something in it is missing, malformed or does not fit; for options that do not exist or are out of their range
 */
export async function openModel(folder: string, options: OpenOptions = {}): Promise<OpenModel> {
  checkArguments(folder, options)
  const { threads, stage } = options
  const { template, isOwn } = readChatTemplate(folder)
  const machine = await Machine.start(threads === undefined ? {} : { threads })
  try {
    const { model, tokenizer } = loadModelFolder(machine, folder, { withGradients: false, ...(stage && { stage }) })
    if (!tokenizer) throw usageError(folder, 'a model with tokenizer.json', 'one without', 'Put the tokenizer of this model there.')
    const engine = new Engine(model, tokenizer)
    const encode = (messages: readonly ChatMessage[]) => encodeChat(tokenizer, template, messages, true).ids
    let isOpen = true
    // The threads of a closed machine are gone: whoever waited for them would wait for ever.
    const rejectClosed = () => {
      if (!isOpen) throw usageError(folder, 'an open model', 'one that was closed', 'Open it again, or close it later.')
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
      reply: (messages, given, sequence) => {
        rejectClosed()
        return checked(generate(engine, encode(messages), given, sequence), rejectClosed)
      },
      complete: (text, given) => {
        rejectClosed()
        if (typeof text !== 'string') throw usageError('complete', 'a text', said(text))
        const ids = tokenizer.encode(text)
        return checked(generate(engine, ids.length > 0 ? ids : [tokenizer.eosId], given), rejectClosed)
      },
      close,
      [Symbol.dispose]: close,
    }
  } catch (error) {
    machine.close()
    throw error
  }
}

function checkArguments(folder: unknown, options: unknown): void {
  if (typeof folder !== 'string' || folder === '')
    throw usageError('openModel', 'the path of a folder', said(folder), "For example openModel('runs/first').")
  if (typeof options !== 'object' || options === null) throw usageError('openModel', 'an object of options', said(options))
  const { stage } = options as OpenOptions
  rejectViolations('openModel', [
    ...unknownNames(options, ['threads', 'stage']),
    ...(stage === undefined || modelStages.includes(stage) ? [] : [`stage: expected ${modelStages.join(', ')}, got ${said(stage)}`]),
  ])
}

/** The pieces, each asked for only after `check`. */
function* checked(pieces: Pieces, check: () => void): Pieces {
  try {
    for (;;) {
      check()
      const next = pieces.next()
      if (next.done) return next.value
      yield next.value
    }
  } finally {
    pieces.return(undefined as never)
  }
}
