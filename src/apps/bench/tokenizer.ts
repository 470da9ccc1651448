/**
 * `strata bench tokenizer`: training a vocabulary of 4,096 on 20 MB of the default corpus, and encoding and decoding text
 * that it has not seen. One core. Where the corpus is not in the cache, the vendored text takes its place, and it is said.
 */
import { invariant } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { type Tokenizer, trainTokenizer } from '../../foundations/index.ts'
import { defaultCacheFolder, describeSources, prepareCorpus, tokenizerTexts, utf8Length } from '../../pretraining/index.ts'
import { type Effort, measureInTurn } from './measure.ts'
import { type BenchResult, resultOf } from './result.ts'

const seed = 0
const vocabSize = 4096
const trainedBytes = 20e6
const encodedBytes = 2e6

/** What `benchTokenizer` adds to a result. */
export interface TokenizerResult extends BenchResult {
  /** UTF-8 of the text that goes through. */
  readonly bytesPerSecond: number
  readonly textBytes: number
  readonly bytesPerToken: number
  /** The text: "default" or "vendored". */
  readonly corpus: string
}

/** The text to measure with. */
interface Texts {
  readonly corpus: 'default' | 'vendored'
  readonly train: readonly string[]
  readonly unseen: readonly string[]
}

async function loadTexts(trainBytes: number, unseenBytes: number, set: Texts['corpus']): Promise<Texts> {
  const { domains } = await prepareCorpus({ set, seed })
  const heldOut = Random.seeded(seed)
    .fork('bench/tokenizer')
    .shuffle(domains.flatMap((domain) => domain.heldOut))
  const unseen: string[] = []
  let bytes = 0
  for (const { text, utf8Bytes } of heldOut) {
    if (bytes >= unseenBytes) break
    unseen.push(text)
    bytes += utf8Bytes
  }
  return { corpus: set, train: [...tokenizerTexts(domains, trainBytes, seed)], unseen }
}

/** Every text comes back as it was. */
function verify(tokenizer: Tokenizer, texts: readonly string[]): void {
  for (const text of texts) {
    const back = tokenizer.decode(tokenizer.encode(text))
    invariant(back === text.toWellFormed(), 'tokenizer: expected every text to come back as it was, got another')
  }
}

/**
 * Measures training, encoding and decoding.
 *
 * @param warn called when the default corpus is not there
 * @param set  insists on a corpus; for tests
 */
export async function benchTokenizer(effort: Effort, warn: (line: string) => void, set?: Texts['corpus']): Promise<TokenizerResult[]> {
  const isCached = describeSources(defaultCacheFolder()).every(({ utf8Bytes }) => utf8Bytes !== null)
  if (!isCached && !set) {
    warn('tokenizer: the default corpus is not in the cache ("strata data fetch" gets it); measured on the small vendored one')
  }
  const { corpus, train, unseen } = await loadTexts(trainedBytes, encodedBytes, set ?? (isCached ? 'default' : 'vendored'))
  const tokenizer = trainTokenizer(train, { vocabSize })
  verify(tokenizer, unseen)
  const ids = unseen.map((text) => tokenizer.encode(text))
  const tokenCount = ids.reduce((total, { length }) => total + length, 0)
  const bytesOf = (texts: readonly string[]) => texts.reduce((total, text) => total + utf8Length(text), 0)
  const [trainBytes, unseenBytes] = [bytesOf(train), bytesOf(unseen)]

  const cases = [
    { name: 'train tokenizer', textBytes: trainBytes, run: () => void trainTokenizer(train, { vocabSize }) },
    { name: 'encode', textBytes: unseenBytes, run: () => unseen.forEach((text) => void tokenizer.encode(text)) },
    { name: 'decode', textBytes: unseenBytes, run: () => ids.forEach((sequence) => void tokenizer.decode(sequence)) },
  ]
  const spreads = measureInTurn(
    cases.map(({ run }) => run),
    effort,
  )
  const bytesPerToken = unseenBytes / tokenCount
  return cases.map(({ name, textBytes }, i) => {
    const seconds = spreads[i]
    const work = { name, shape: { bytes: textBytes, vocabulary: tokenizer.vocabSize }, threads: 1, flops: 0, bytes: 0, error: 0 }
    const extra = { bytesPerSecond: textBytes / seconds.median, textBytes, bytesPerToken, corpus }
    return Object.assign(resultOf(work, seconds, null), extra)
  })
}

/** What the table of results does not say. */
export function tokenizerText(results: readonly TokenizerResult[]): string {
  const [{ corpus, bytesPerToken }] = results as [TokenizerResult]
  const rates = results.map(({ name, bytesPerSecond }) => `${name} ${(bytesPerSecond / 1e6).toFixed(1)} MB/s`).join(', ')
  return `${rates}; ${bytesPerToken.toFixed(2)} bytes a token on unseen text of the ${corpus} corpus`
}
