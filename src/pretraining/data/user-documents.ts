/**
 * The user's own text: files and folders of plain text, Markdown, JSON lines, Parquet and source code.
 *
 * Two rules for what cannot be read. A file that was named is an error that says what to do. A file that was found in a
 * named folder is skipped, with its reason in the result: a folder may hold anything. Links inside folders are not
 * followed, so no loop and no way out of the folder exists.
 */
import { UsageError, usageError } from '../../base/errors.ts'
import { node } from '../../base/platform.ts'
import { makeDocument, type Document, type ExtractedText, type Skipped } from './document.ts'
import { readJsonLines } from './read-jsonl.ts'
import { readParquet } from './read-parquet.ts'
import { readTextFile } from './read-text.ts'
import { domainWeights } from './sources.ts'

const textEndings = 'txt text md markdown mdx rst adoc org tex'.split(' ')
const codeEndings =
  'js mjs cjs jsx ts mts cts tsx py rb go rs java kt kts c h cc cpp cxx hpp cs fs swift m php pl pm scala sh bash zsh fish ps1 lua r jl hs ml mli ex exs erl clj lisp scm el sql html htm css scss less vue svelte proto graphql wgsl glsl zig nim dart v vhdl asm s yaml yml toml ini cmake gradle tf nix'.split(
    ' ',
  )

/** Kinds by file ending; source code is all that is neither prose nor a container. */
const kindOfEnding = new Map<string, 'text' | 'code' | 'jsonl' | 'parquet'>([
  ...textEndings.map((ending) => [ending, 'text'] as const),
  ...codeEndings.map((ending) => [ending, 'code'] as const),
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
  ['parquet', 'parquet'],
])

/** Folders that hold other people's work or a tool's state. */
const leftFolders = new Set(['node_modules', '__pycache__', 'bower_components'])

/** More top-level folders than this are not domains but an archive; then the kind of file is the domain. */
const mostFolderDomains = 12

/** All text together: it is held in memory while the tokenizer works. */
const mostBytes = 2 ** 30

/** What was read of the user's paths. */
export interface UserDocuments {
  readonly documents: readonly Document[]
  readonly skipped: readonly Skipped[]
}

interface FoundFile {
  readonly path: string
  /** Path from the folder that was named, with "/"; the file's name when it was named itself. */
  readonly relative: string
  readonly isNamed: boolean
}

/**
 * Reads text from files and folders.
 *
 * A document's id is its path from the given folder, with "#n" for the n-th document of one file. Its domain is the
 * top-level folder below the given one, else "text" or "code" by its kind.
 *
 * @throws UsageError on a path that does not exist, a named file that cannot be used, and more than 1 GiB of text
 */
export async function readUserDocuments(paths: readonly string[]): Promise<UserDocuments> {
  const skipped: Skipped[] = []
  const files = paths.flatMap((path) => findFiles(path, skipped))
  const folders = new Set(files.flatMap(({ relative }) => (relative.includes('/') ? [relative.split('/', 1)[0]] : [])))
  const documents: Document[] = []
  const ids = new Map<string, number>()
  let bytes = 0
  for (const file of files) {
    const domain = domainOf(file, folders.size <= mostFolderDomains)
    for (const text of await readOne(file, skipped)) {
      const repeat = ids.get(text.id) ?? 0
      ids.set(text.id, repeat + 1)
      const document = makeDocument(domain, repeat === 0 ? text : { ...text, id: `${text.id}~${repeat + 1}` })
      bytes += document.utf8Bytes
      if (bytes > mostBytes) throw usageError(paths.join(', '), `at most ${mostBytes} bytes of text`, 'more', 'Give fewer files.')
      documents.push(document)
    }
  }
  return { documents, skipped }
}

function kindOf(file: string): 'text' | 'code' | 'jsonl' | 'parquet' | undefined {
  return kindOfEnding.get(node().path.extname(file).slice(1).toLowerCase())
}

function domainOf({ path, relative }: FoundFile, areFoldersDomains: boolean): string {
  const name = areFoldersDomains && relative.includes('/') ? relative.split('/', 1)[0] : kindOf(path) === 'code' ? 'code' : 'text'
  return Object.hasOwn(domainWeights, name) ? `own-${name}` : name
}

/** The files below a path, in the order of their names. */
function findFiles(given: string, skipped: Skipped[]): FoundFile[] {
  const { fs, path } = node()
  const stat = fs.statSync(given, { throwIfNoEntry: false })
  if (!stat) throw usageError(given, 'a file or folder', 'nothing there', 'Check the path.')
  if (stat.isFile()) return [{ path: given, relative: path.basename(given), isNamed: true }]
  if (!stat.isDirectory()) throw usageError(given, 'a file or folder', 'something else', 'Copy its contents to a file.')

  const walk = (folder: string, relative: string): FoundFile[] =>
    listFolder(folder, relative === '', skipped).flatMap((entry) => {
      const inside = { path: path.join(folder, entry.name), relative: relative === '' ? entry.name : `${relative}/${entry.name}` }
      const skip = (reason: string): FoundFile[] => {
        skipped.push({ path: inside.path, reason })
        return []
      }
      if (entry.isSymbolicLink()) return skip('a symbolic link; name its target to use it')
      if (entry.name.startsWith('.')) return skip('hidden')
      if (entry.isDirectory()) return leftFolders.has(entry.name) ? skip('a folder of dependencies') : walk(inside.path, inside.relative)
      if (!entry.isFile()) return skip('neither a file nor a folder')
      return kindOf(entry.name) === undefined ? skip('not a kind of file that is read') : [{ ...inside, isNamed: false }]
    })
  return walk(given, '')
}

function listFolder(folder: string, isNamed: boolean, skipped: Skipped[]) {
  try {
    return node()
      .fs.readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable'
    if (isNamed) throw usageError(folder, 'a folder that can be read', reason, 'Check its permissions.', cause)
    skipped.push({ path: folder, reason })
    return []
  }
}

/** The documents of one file; what cannot be used is an error for a named file and a skip for a found one. */
async function readOne(file: FoundFile, skipped: Skipped[]): Promise<ExtractedText[]> {
  let isReported = false
  const skip = (reason: string) => {
    isReported = true
    skipped.push({ path: file.path, reason })
  }
  try {
    const kind = kindOf(file.path)
    if (kind === undefined) {
      const hint = 'Rename it if it is plain text.'
      throw usageError(
        file.path,
        'a file of text (.txt, .md), JSON lines (.jsonl), Parquet (.parquet) or source code',
        'another kind',
        hint,
      )
    }
    const texts =
      kind === 'jsonl'
        ? readJsonLines(file.path, file.isNamed ? null : skip)
        : kind === 'parquet'
          ? await readParquet(file.path)
          : readTextFile(file.path, kind === 'code')
    if (texts.length === 0 && !isReported) throw usageError(file.path, 'text', 'none', 'Leave the file out.')
    return texts.map((text, index) => ({ id: texts.length === 1 ? file.relative : `${file.relative}#${index + 1}`, text }))
  } catch (error) {
    if (file.isNamed || !(error instanceof UsageError)) throw error
    skip(error.message)
    return []
  }
}
