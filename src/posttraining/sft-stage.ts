/**
 * Supervised fine-tuning in a run's folder: conversations made from the run's own text and the user's, packed and isolated,
 * loss on the answers alone, one cosine from the highest rate to the lowest. A share of the rows may be text of pre-training,
 * all of whose tokens count: a small model at a large rate forgets what it does not go on reading.
 *
 * DeepSeek-V3 report, section 5.1: two epochs, 5e-6 to 1e-6, samples packed with a mask. The small model takes far larger
 * rates; its recipe says which. Claim: posttraining.sft-format.
 */
import { usageError } from '../base/errors.ts'
import { v3ChatTemplate } from '../foundations/index.ts'
import { documentHash } from '../infrastructure/index.ts'
import {
  type BatchSource,
  configAfter,
  InterleavedRows,
  Mixture,
  type Recipe,
  type SftConfig,
  type StageOutcome,
  stageTraining,
  trainStage,
} from '../pretraining/index.ts'
import { solvedProblems } from './cold-start.ts'
import type { Conversation } from './conversations/conversation.ts'
import { makeConversations } from './conversations/make-conversations.ts'
import { readConversations } from './conversations/read-conversations.ts'
import { SftRows } from './sft-rows.ts'
import type { PosttrainingSurroundings } from './surroundings.ts'

/** Tokens that go through the model at once, about. */
const tokensAtOnce = 2048

/** The part of a recipe. @throws UsageError when it has none */
function sftOf({ sft }: Recipe): SftConfig {
  if (sft === null) throw usageError('recipe', 'a section sft', 'null', 'Use a recipe that fine-tunes, or leave this stage out.')
  return sft
}

/**
 * The conversations that a recipe trains on: the user's first, then those made from text, then solved problems.
 *
 * @throws UsageError naming every faulty line of a file
 */
export function sftConversations(recipe: Recipe, corpus: PosttrainingSurroundings['text']['corpus']): Conversation[] {
  const { paths, conversations, problems } = sftOf(recipe)
  const own = paths.flatMap((file) => readConversations(file))
  const made = makeConversations(corpus, { seed: recipe.seed, count: conversations }).train
  return [...own, ...made, ...solvedProblems(recipe, problems)]
}

/** Rows of a pass once the replayed ones have joined those of conversations. */
const rowsInAll = (conversationRows: number, replayShare: number) => Math.ceil(conversationRows / (1 - replayShare))

/** Rows of conversations, with rows of the run's own text among them where the recipe replays some. */
function withReplay(answers: SftRows, { recipe, text }: PosttrainingSurroundings, extra: number): BatchSource {
  const { replayShare } = sftOf(recipe)
  if (replayShare === 0) return answers
  const replayed = new Mixture(text.tokenized, { seed: recipe.seed, extra, stream: 'replay' })
  return new InterleavedRows(answers, replayed, replayShare, 'replayed ')
}

/**
 * Fine-tunes what the recipe asks for, from where the stage stands in the run's folder.
 *
 * Appends `sft/data`, then what `trainStage` says of a stage "sft".
 *
 * @throws UsageError as `trainStage`, on conversations that cannot be read, and on rows beyond the model's window
 */
export async function trainSft(surroundings: PosttrainingSurroundings): Promise<StageOutcome> {
  const { recipe, text, run } = surroundings
  const { rowLength, rows, epochs, replayShare, learningRate, lastFactor } = sftOf(recipe)
  const model = configAfter(recipe, 'sft')
  if (rowLength > model.maxLength)
    throw usageError(
      'sft.rowLength',
      `at most the model's window of ${model.maxLength} tokens`,
      `${rowLength}`,
      'Lower it, or extend the window.',
    )
  const conversations = sftConversations(recipe, text.corpus)
  const answers = new SftRows(conversations, text.tokenizer, v3ChatTemplate, { seed: recipe.seed, extra: model.mtpDepth })
  const packing = answers.packing(rowLength)
  const bySource: Record<string, number> = {}
  for (const { source: name } of conversations) bySource[name] = (bySource[name] ?? 0) + 1
  const data = {
    type: 'sft/data',
    conversations: conversations.length,
    bySource,
    rows: packing.rows,
    rowLength,
    replayedRows: rowsInAll(packing.rows, replayShare) - packing.rows,
    tokens: packing.tokens,
    supervisedTokens: packing.targetTokens,
    droppedTooLong: packing.tooLong,
    droppedWithoutTargets: packing.withoutTargets,
    filledShare: packing.filledShare,
  } as const
  run.log.append(data)
  surroundings.onEvent?.(data)
  const training = stageTraining(recipe.training, {
    tokens: epochs * rowsInAll(packing.rows, replayShare) * rowLength,
    rowLength,
    rows,
    microRows: Math.max(1, Math.min(rows, Math.floor(tokensAtOnce / rowLength))),
    learningRate,
    lastFactor,
  })
  return trainStage({
    ...surroundings,
    stage: 'sft',
    model,
    training,
    source: withReplay(answers, surroundings, model.mtpDepth),
    maskDocuments: true,
    dataHash: documentHash([text.tokenized.fingerprint, answers.state().fingerprint, replayShare]),
    decode: (ids) => text.tokenizer.decode(ids),
  })
}
