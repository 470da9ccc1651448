/**
 * The conversations that supervised fine-tuning trains on, made from the run's own corpus and from tasks.
 *
 * What is trained on comes from training documents and training problems only, what is held out from held-out ones. Where a
 * source is not in the corpus (the vendored one has no translations), tasks take its share. Claim: posttraining.sft-format.
 */
import { rejectViolations } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { ChatMessage, ProblemSide } from '../../foundations/index.ts'
import type { Corpus, Document } from '../../pretraining/index.ts'
import type { Conversation, ConversationMaker, Exchange } from './conversation.ts'
import { countries } from './countries.ts'
import { dictionary } from './dictionary.ts'
import { formatting } from './formatting.ts'
import { solvedProblems } from './problems.ts'
import { smallTalk } from './small-talk.ts'
import { codeSnippets } from './snippets.ts'
import { translations } from './translations.ts'

/** All makers; their shares sum to 1, and the last one never runs out of training problems. */
const makers: readonly ConversationMaker[] = [dictionary, countries, codeSnippets, translations, formatting, smallTalk, solvedProblems]

/** Share of the conversations that have two or three questions, 0..1. */
const multiTurnShare = 0.1

/** Exchanges longer than this, in characters, stand alone. */
const longestTurn = 200

export interface ConversationsOptions {
  readonly seed: number
  /** Conversations to train on. */
  readonly count: number
  /** Held-out ones; fewer where the held-out text gives no more. */
  readonly heldOutCount?: number
}

export interface ConversationSet {
  readonly train: readonly Conversation[]
  readonly heldOut: readonly Conversation[]
  /** Conversations by source; "multi-turn" are those of several. */
  readonly countsBySource: Readonly<Record<string, { readonly train: number; readonly heldOut: number }>>
}

/**
 * Makes conversations; the same corpus, seed and counts give the same ones.
 *
 * @throws UsageError on impossible counts
 */
export function makeConversations(corpus: Pick<Corpus, 'domains'>, options: ConversationsOptions): ConversationSet {
  const { seed, count, heldOutCount = 0 } = options
  rejectViolations(
    'conversations',
    Object.entries({ count, heldOutCount }).flatMap(([name, value]) =>
      Number.isSafeInteger(value) && value >= 0 ? [] : [`${name}: expected a count, got ${value}`],
    ),
  )
  const rng = Random.seeded(seed).fork('conversations')
  const train = makeSide(corpus, rng, 'train', count)
  const questions = new Set(train.flatMap(({ messages }) => messages.map(({ content }) => content)))
  // A question that several documents answer may lie on both sides; it is no held-out one then.
  const isNew = ({ messages }: Conversation) => messages.every(({ role, content }) => role !== 'user' || !questions.has(content))
  const heldOut = makeSide(corpus, rng, 'held-out', heldOutCount).filter(isNew)
  const sources = [...makers.map(({ source }) => source), 'multi-turn']
  const countOf = (list: readonly Conversation[], source: string) => list.filter((one) => one.source === source).length
  const countsBySource = Object.fromEntries(
    sources.map((source) => [source, { train: countOf(train, source), heldOut: countOf(heldOut, source) }]),
  )
  return { train, heldOut, countsBySource }
}

/** An exchange with the maker's name, and whether it may be a turn among others. */
interface Turn extends Exchange {
  readonly source: string
}

function makeSide(corpus: Pick<Corpus, 'domains'>, root: Random, side: ProblemSide, count: number): Conversation[] {
  const rng = root.fork(side)
  const mixing = rng.fork('multi-turn')
  const turnCounts = Array.from({ length: Math.round(count * multiTurnShare) }, () => 2 + mixing.below(2))
  const exchangeCount = count - turnCounts.length + turnCounts.reduce((sum, turns) => sum + turns, 0)
  const turns = mixing.shuffle(drawTurns(corpus, rng, side, exchangeCount))
  const short = turns.filter(({ question, answer }) => question.length + answer.length <= longestTurn)
  const conversations: { source: string; turns: readonly Turn[] }[] = []
  const used = new Set<Turn>()
  for (const turnCount of turnCounts) {
    const chosen = short.splice(0, turnCount)
    if (chosen.length < turnCount) break
    for (const turn of chosen) used.add(turn)
    conversations.push({ source: 'multi-turn', turns: chosen })
  }
  for (const turn of turns) if (!used.has(turn)) conversations.push({ source: turn.source, turns: [turn] })
  return mixing
    .shuffle(conversations)
    .slice(0, count)
    .map(({ source, turns }, index) => ({
      id: `${side}/${index}/${turns.map(({ source, key }) => `${source}:${key}`).join('+')}`,
      source,
      messages: turns.flatMap(({ question, answer }): ChatMessage[] => [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ]),
    }))
}

/** Every maker's share of `count` exchanges; what one cannot give is asked of those behind it, in the end of the tasks. */
function drawTurns(corpus: Pick<Corpus, 'domains'>, rng: Random, side: ProblemSide, count: number): Turn[] {
  const turns: Turn[] = []
  for (const { source, share, reads, exchanges } of makers) {
    const isLast = source === makers.at(-1)!.source
    const wanted = isLast ? count - turns.length : Math.round(count * share)
    const documents = reads === null ? [] : documentsOf(corpus, side, reads.domain, reads.prefix)
    let given = 0
    if (wanted > 0)
      for (const exchange of exchanges(documents, rng.fork(source), side)) {
        turns.push({ ...exchange, source })
        if (++given === wanted) break
      }
  }
  return turns
}

function documentsOf({ domains }: Pick<Corpus, 'domains'>, side: ProblemSide, name: string, prefix: string): Document[] {
  const domain = domains.find((one) => one.name === name)
  const documents = (side === 'train' ? domain?.train : domain?.heldOut) ?? []
  return documents.filter(({ id }) => id.startsWith(prefix))
}
