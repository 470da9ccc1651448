/**
 * Room for conversations and for replies, looked at when the tokenizer is there and before anything is trained: how many tokens a
 * text has is not known earlier, and a fine-tuning that has nothing to learn should not be found out after the training before it.
 */
import { Random } from '../base/random.ts'
import { drawProblems, encodeChat, type Tokenizer, v3ChatTemplate } from '../foundations/index.ts'
import { configAfter, type Recipe, type SftConfig } from '../pretraining/index.ts'
import type { Conversation } from './conversations/conversation.ts'
import { readConversations } from './conversations/read-conversations.ts'
import { chooseTasks, promptIdsOf } from './rl-problems.ts'
import { SftRows } from './sft-rows.ts'
import { sftConversations } from './sft-stage.ts'
import type { PosttrainingSurroundings } from './surroundings.ts'

/** Conversations of a file that no row has room for. */
export interface LongConversations {
  readonly file: string
  /** Conversations in the file. */
  readonly count: number
  /** Lines of those that are too long, in order. */
  readonly lines: readonly number[]
  /** Of the longest one, in tokens. */
  readonly longestTokens: number
}

const tokensOf = (tokenizer: Tokenizer, { messages }: Conversation) => encodeChat(tokenizer, v3ChatTemplate, messages).ids.length

/** The user's conversations that are longer than a row of fine-tuning, file by file; files without any are left out. */
export function longConversations({ paths, rowLength }: SftConfig, tokenizer: Tokenizer): LongConversations[] {
  return paths.flatMap((file): LongConversations[] => {
    const all = readConversations(file)
    const long = all
      .map((conversation) => ({ line: Number(conversation.id.slice(file.length + 1)), tokens: tokensOf(tokenizer, conversation) }))
      .filter(({ tokens }) => tokens > rowLength + 1)
    const longestTokens = long.reduce((most, { tokens }) => Math.max(most, tokens), 0)
    return long.length === 0 ? [] : [{ file, count: all.length, lines: long.map(({ line }) => line), longestTokens }]
  })
}

/** Made conversations, solved problems, and problems of each task that are tried; where one fits, the stage has something to do. */
const triedCount = 100

/**
 * Refuses a recipe whose fine-tuning has no row for any conversation, or whose window has no room for a prompt and its reply.
 *
 * @throws UsageError saying what the shortest conversation takes, or what a prompt leaves
 */
export function rejectWithoutRoom(recipe: Recipe, { corpus, tokenizer }: PosttrainingSurroundings['text']): void {
  const { sft, rl, seed } = recipe
  if (sft) {
    const some = { ...sft, conversations: Math.min(sft.conversations, triedCount), problems: Math.min(sft.problems, triedCount) }
    const fits = (conversation: Conversation) => tokensOf(tokenizer, conversation) <= sft.rowLength + 1
    if (!sftConversations({ ...recipe, sft: some }, corpus).some(fits))
      new SftRows(sftConversations(recipe, corpus), tokenizer, v3ChatTemplate, { seed }).packing(sft.rowLength)
  }
  if (rl) {
    const chosen = chooseTasks(rl.tasks).map(({ task }) => task)
    const options = { side: 'train', count: triedCount * chosen.length, level: rl.level } as const
    const window = configAfter(recipe, 'rl').maxLength
    for (const problem of drawProblems(chosen, Random.seeded(seed).fork('room'), options))
      promptIdsOf(tokenizer, problem, rl.maxTokens, window)
  }
}
