/**
 * English sentences of held-out prose, for the tasks that are made of them.
 *
 * A document counts as English prose when most of it is sentences of plain words and enough of those words are the ones that
 * hold English together; code, tables, dictionaries and other languages fall through.
 */
import type { CorpusDomain, Document } from '../../pretraining/data/index.ts'

/** A sentence and where it stands. */
export interface Sentence {
  readonly documentId: string
  /** Number among the document's sentences, unusable ones included: neighbours differ by one. */
  readonly index: number
  readonly text: string
  readonly words: readonly string[]
}

/** The words that make up two fifths of any English page. */
const functionWords = new Set(
  'the of and to in a that is it was for on with as be by this which have not from but are or at an they his has were been had i he we'.split(
    ' ',
  ),
)

/** Share of a sentence's words that must be function words, 0..1. */
const leastFunctionShare = 0.25
/** Share of a document's characters in usable sentences, 0..1. */
const leastProseShare = 0.5
const fewestWords = 5

const usable = /^["“]?[A-Z](?:[A-Za-z ,;:'’()"“”-]|(?<=\b(?:Mr|Mrs|Dr|Messrs|St|Hon|Gen))\.)*[A-Za-z)"”][.!?]["”]?$/

/** Sentences of one text, split where a full stop is followed by a capital letter; abbreviated titles do not end one. */
function splitSentences(text: string): string[] {
  return text
    .replace(/[ \t]*\n[ \t]*(?!\n)/g, ' ')
    .split(/\n+|(?<=[.!?]["”]?)(?<!\b(?:Mr|Mrs|Dr|Messrs|St|No|Hon|Gen|[A-Z])\.)\s+(?=["“]?[A-Z])/)
    .map((sentence) => sentence.trim().replace(/\s+/g, ' '))
    .filter((sentence) => sentence !== '')
}

const isEnglish = (words: readonly string[]) =>
  words.filter((word) => functionWords.has(word.toLowerCase().replace(/\W/g, ''))).length >= leastFunctionShare * words.length

function sentencesOf({ id, text }: Document): Sentence[] {
  const all = splitSentences(text)
  const kept = all.flatMap((sentence, index): Sentence[] => {
    const words = sentence.split(' ')
    return usable.test(sentence) && words.length >= fewestWords && isEnglish(words)
      ? [{ documentId: id, index, text: sentence, words }]
      : []
  })
  const characters = kept.reduce((sum, sentence) => sum + sentence.text.length, 0)
  return characters >= leastProseShare * text.length ? kept : []
}

/** All usable sentences of the held-out English prose, document after document. */
export function heldOutSentences(domains: readonly CorpusDomain[]): Sentence[] {
  return domains.flatMap(({ heldOut }) => heldOut.flatMap(sentencesOf))
}

/**
 * The sentences before one, without a gap, as many as fit.
 *
 * @param sentences all of them, in order
 * @param at        place of the sentence in `sentences`
 * @param mostWords together, at most
 */
export function sentencesBefore(sentences: readonly Sentence[], at: number, mostWords: number): string {
  const { documentId, index } = sentences[at]
  let from = at
  for (let words = 0; from > 0; from--) {
    const before = sentences[from - 1]
    words += before.words.length
    if (before.documentId !== documentId || before.index !== index - (at - from) - 1 || words > mostWords) break
  }
  return sentences
    .slice(from, at)
    .map(({ text }) => text)
    .join(' ')
}
