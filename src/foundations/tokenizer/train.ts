/**
 * Training a tokenizer: DeepSeek-V3's in everything but its size and its numbers, which are split digit by digit.
 *
 * Ids are laid out as in the released file: three special tokens, 256 bytes, merges in the order of their rank, the
 * other special tokens. Source: DeepSeek-V3 report, section 4.1; the released tokenizer.json.
 */
import { usageError } from '../../base/errors.ts'
import { bytesInFileOrder, characterOfByte } from './byte-alphabet.ts'
import { learnMerges } from './learn-merges.ts'
import { type AddedToken, leadingTokens, specialTokens, trailingTokens } from './special-tokens.ts'
import { Tokenizer } from './tokenizer.ts'
import { v3Patterns, v3Split } from './v3-split.ts'
import { WordTable, grown } from './word-table.ts'

/** How far training is. */
export type TokenizerProgress =
  | { readonly stage: 'words'; readonly unitCount: number; readonly distinctWordCount: number }
  | { readonly stage: 'merges'; readonly doneCount: number; readonly totalCount: number }

export interface TrainTokenizerOptions {
  /** Ids at most, special tokens included. Fewer come out when the text has no pair left that occurs twice. */
  readonly vocabSize: number
  /** Called after each text, and after every 64 merges. */
  readonly onProgress?: (progress: TokenizerProgress) => void
}

const digitRun = 1
/** Ids of a vocabulary without merges: 256 bytes and the special tokens. */
export const fixedTokenCount = leadingTokens.length + 256 + trailingTokens.length
export const mostTokens = 2 ** 20

/**
 * Trains a byte-level BPE tokenizer. The result depends on the words of the texts and how often they occur, and not on
 * the order of the texts or of the words.
 *
 * @param texts documents; special tokens spelled in them are text like any other
 * @throws UsageError when `vocabSize` leaves no room for bytes and special tokens
 */
export function trainTokenizer(texts: Iterable<string>, { vocabSize, onProgress }: TrainTokenizerOptions): Tokenizer {
  if (!Number.isInteger(vocabSize) || vocabSize < fixedTokenCount || vocabSize > mostTokens) {
    throw usageError(
      'vocabSize',
      `a whole number from ${fixedTokenCount} (256 bytes and the special tokens) to ${mostTokens}`,
      `${vocabSize}`,
    )
  }
  const { words, counts } = countWords(texts, onProgress)
  const totalCount = vocabSize - fixedTokenCount
  const idOfByte = new Int32Array(256)
  bytesInFileOrder.forEach((byte, i) => (idOfByte[byte] = leadingTokens.length + i))
  const learned = learnMerges(words, counts, {
    idOfByte,
    tokens: [...leadingTokens, ...bytesInFileOrder.map((byte) => characterOfByte[byte])],
    mergeCount: totalCount,
    onMerge: (doneCount) => (doneCount % 64 === 0 || doneCount === totalCount) && onProgress?.({ stage: 'merges', doneCount, totalCount }),
  })
  const tokens = [...learned.tokens, ...trailingTokens]
  const addedTokens = [...leadingTokens, ...trailingTokens].map((content) => addedToken(content, tokens.indexOf(content)))
  return new Tokenizer({ tokens, merges: learned.merges, addedTokens, patterns: v3Patterns(digitRun) })
}

/** As in the released file: the first three are matched before normalizing; those three and `<|EOT|>` are not displayed. */
function addedToken(content: string, id: number): AddedToken {
  const isLeading = id < leadingTokens.length
  return { id, content, isSpecial: isLeading || content === specialTokens.endOfText, isNormalized: !isLeading }
}

/** The distinct pieces of all texts and how often each occurs. */
function countWords(
  texts: Iterable<string>,
  onProgress?: (progress: TokenizerProgress) => void,
): { words: WordTable; counts: Float64Array } {
  const words = new WordTable()
  const split = v3Split(digitRun)
  let counts = new Float64Array(1 << 12)
  let unitCount = 0
  for (const given of texts) {
    const text = given.toWellFormed()
    const endOfPiece = split(text)
    for (let start = 0; start < text.length;) {
      const end = endOfPiece(start)
      const word = words.intern(text, start, end)
      if (word >= counts.length) counts = grown(counts, 0)
      counts[word]++
      start = end
    }
    unitCount += text.length
    onProgress?.({ stage: 'words', unitCount, distinctWordCount: words.size })
  }
  return { words, counts }
}
