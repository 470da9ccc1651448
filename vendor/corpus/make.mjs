// Makes the vendored corpus out of the pinned packages: node vendor/corpus/make.mjs (Node 24, network on the first run).
// Chosen by name or at a fixed stride, so that a second run writes the same bytes.
import { writeFileSync } from 'node:fs'
import { defaultCacheFolder } from '../../src/pretraining/data/cache.ts'
import { loadSources } from '../../src/pretraining/data/load-sources.ts'
import { dataSources } from '../../src/pretraining/data/sources.ts'

const { documents, failures } = await loadSources(dataSources, defaultCacheFolder(), () => {})
if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join(', '))

const named = (...ids) => documents.filter(({ id }) => ids.includes(id))
const every = (source, stride, start = 0) => documents.filter(({ id }) => id.startsWith(`${source}/`)).filter((_, index) => index % stride === start)
const within = (bytes, list) => {
  let sum = 0
  return list.filter((document) => (sum += document.utf8Bytes) <= bytes)
}

const languages = 'arb ben ces cmn_hans cmn_hant dan deu_1996 ell_monotonic fin fra heb hin hun ind ita jpn kor nld pol por_PT ron rus spa swe swh tam tha tur ukr vie'.split(' ')

const domains = {
  prose: [
    ...documents.filter(({ id }) => /^sotu\/(1790|1862|1941|1961|1999)_/.test(id)),
    ...named('moby-dick/chapter_1', 'moby-dick/chapter_2', 'moby-dick/chapter_3', 'moby-dick/chapter_42', 'moby-dick/chapter_135'),
  ],
  facts: [...within(170_000, every('wordnet', 70)), ...named('factbook/europe/fr', 'factbook/africa/ke', 'factbook/south-asia/in')],
  code: every('snippets', 3, 1),
  technical: named('node-types/path.d.ts', 'node-types/url.d.ts', 'node-types/timers.d.ts', 'node-types/assert.d.ts', 'node-types/readline.d.ts'),
  multilingual: named(...languages.map((language) => `udhr/${language}`)),
}

for (const [domain, chosen] of Object.entries(domains)) {
  const lines = chosen.map(({ id, text }) => `${JSON.stringify({ id, text })}\n`)
  writeFileSync(new URL(`${domain}.jsonl`, import.meta.url), lines.join(''))
  console.log(domain, chosen.length, 'documents', chosen.reduce((sum, { utf8Bytes }) => sum + utf8Bytes, 0), 'bytes')
}
