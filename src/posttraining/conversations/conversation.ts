/** The nouns of supervised fine-tuning: a conversation, and where conversations come from. */
import type { Random } from '../../base/random.ts'
import type { ChatMessage, ProblemSide } from '../../foundations/index.ts'
import type { Document } from '../../pretraining/index.ts'

/** Turns that a model is trained to answer in. */
export interface Conversation {
  /** Unique in its set. */
  readonly id: string
  /** The maker, or the file that it was read from. */
  readonly source: string
  /** At least one of them is the assistant's. */
  readonly messages: readonly ChatMessage[]
}

/** One question and its answer, before it has an id. */
export interface Exchange {
  /** What it was made from: a document, a problem. */
  readonly key: string
  readonly question: string
  readonly answer: string
}

/** Makes exchanges of one kind. */
export interface ConversationMaker {
  readonly source: string
  /** Share of the conversations, 0..1; what a maker cannot give is given by the tasks. */
  readonly share: number
  /** The documents that it reads: those of this domain whose id begins with this. Null where it needs none. */
  readonly reads: { readonly domain: string; readonly prefix: string } | null
  /**
   * Exchanges in a random order until there are no more, which may be never.
   *
   * @param documents of one side of the held-out split
   * @param side      that side, for what is made without documents
   */
  readonly exchanges: (documents: readonly Document[], rng: Random, side: ProblemSide) => Iterable<Exchange>
}

/** Each item's exchange, in a random order; items of which none can be made give null. */
export function* inRandomOrder<Item>(
  items: readonly Item[],
  rng: Random,
  exchangeOf: (item: Item) => Exchange | null,
): Generator<Exchange> {
  for (const item of rng.shuffle([...items])) {
    const exchange = exchangeOf(item)
    if (exchange !== null) yield exchange
  }
}
