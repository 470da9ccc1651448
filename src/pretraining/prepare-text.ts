/**
 * From a recipe to tokens: gather the text, weigh its domains, train the tokenizer or take the run's own, encode.
 */
import { rejectViolations, usageError } from '../base/errors.ts'
import { turn } from '../base/turn.ts'
import { type Tokenizer, type TokenizerProgress, trainTokenizer } from '../foundations/index.ts'
import { type Corpus, domainWeights, type OnDataEvent, prepareCorpus, tokenizeCorpus, type TokenizedCorpus } from './data/index.ts'
import type { Recipe } from './recipe.ts'
import { tokenizerTexts } from './tokenizer-sample.ts'

/** Everything that training and evaluation need of the text. */
export interface PreparedText {
  readonly corpus: Corpus
  readonly tokenizer: Tokenizer
  readonly tokenized: TokenizedCorpus
}

export interface PrepareTextOptions {
  /** The run's own tokenizer, when it goes on; trained on the text otherwise. */
  readonly tokenizer?: Tokenizer
  /** Where packages, documents and ids are kept; without it the usual place, and ids are not kept. */
  readonly cacheFolder?: string
  readonly onEvent?: OnDataEvent
  readonly onTokenizerProgress?: (progress: TokenizerProgress) => void
}

/**
 * Prepares the text of a recipe.
 *
 * @throws UsageError on paths that cannot be read, unknown domains, and a text too small to train on
 */
export async function prepareText(recipe: Recipe, options: PrepareTextOptions): Promise<PreparedText> {
  const { data, seed } = recipe
  const { cacheFolder, onEvent } = options
  const gathered = await prepareCorpus({ set: data.set, paths: data.paths, seed, heldOutShare: data.heldOutShare, cacheFolder, onEvent })
  await turn()
  const corpus = weighDomains(gathered, data.weights)
  const tokenizer =
    options.tokenizer ??
    trainTokenizer(tokenizerTexts(corpus.domains, recipe.tokenizer.trainingBytes, seed), {
      vocabSize: recipe.tokenizer.vocabSize,
      onProgress: options.onTokenizerProgress,
    })
  await turn()
  const tokenized = tokenizeCorpus(corpus, tokenizer, { cacheFolder, onEvent })
  await turn()
  const tokens = tokenized.domains.reduce((sum, { train }) => sum + train.ids.length, 0)
  const least = recipe.training.rowLength + 1 + recipe.model.mtpDepth
  if (tokens < least)
    throw usageError('data', `at least one row of ${least} tokens`, `${tokens} tokens`, 'Give more text, or set training.rowLength lower.')
  return { corpus, tokenizer, tokenized }
}

/**
 * A corpus with a recipe's weights. A built-in domain that the text lacks (a smaller set, a source that could not be
 * fetched) leaves its share to the others; any other name is a mistake.
 *
 * @throws UsageError naming the weights that belong to no domain
 */
export function weighDomains(corpus: Corpus, weights: Readonly<Record<string, number>>): Corpus {
  const names = new Set(corpus.domains.map(({ name }) => name))
  const unknown = Object.keys(weights).filter((name) => !names.has(name) && !Object.hasOwn(domainWeights, name))
  rejectViolations(
    'data.weights',
    unknown.map((name) => `no domain is called ${name}`),
    `The domains are ${[...names].join(', ')}.`,
  )
  const weighed = corpus.domains
    .map((domain) => ({ ...domain, weight: weights[domain.name] ?? domain.weight }))
    .filter(({ weight }) => weight > 0)
  const sum = weighed.reduce((total, { weight }) => total + weight, 0)
  if (sum === 0) throw usageError('data.weights', 'at least one domain above 0', 'none', `The domains are ${[...names].join(', ')}.`)
  return { ...corpus, domains: weighed.map((domain) => Object.assign(domain, { weight: domain.weight / sum })) }
}
