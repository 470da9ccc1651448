/** `strata tokenizer`: trains one on your text or ours, and shows what it makes of a text. */
import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { usageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import { groupBy } from '../../base/group-by.ts'
import { specialTokens, systemReason, trainTokenizer, type Tokenizer, writeFileWhole } from '../../foundations/index.ts'
import { readTokenizer } from '../../infrastructure/index.ts'
import { type DataEvent, prepareCorpus } from '../../pretraining/data/index.ts'
import { utf8Length } from '../../pretraining/data/document.ts'
import { vendoredDocuments } from '../../pretraining/data/vendored.ts'
import { tokenizerTexts } from '../../pretraining/tokenizer-sample.ts'
import { commonFlags, type CommonFlags, wholeNumber } from '../flags.ts'
import { createOutput, type Output } from '../output.ts'
import { readStandardInput } from '../standard-input.ts'
import { formatTable } from '../table.ts'
import { verbGroup } from '../verb-group.ts'

type TrainFlags = Pick<CommonFlags, 'seed' | 'json' | 'quiet'> & {
  readonly data?: readonly string[]
  readonly vocabSize: number
  readonly output: string
}

const tokenizerArgument = 'a tokenizer.json, or the folder of a model or run with one'

/** Adds the verb to the program. */
export function register(program: Command): void {
  const command = program.command('tokenizer').description('train a tokenizer, encode, decode, and look at one')
  const train = command
    .command('train')
    .description('train a byte-level BPE tokenizer and write tokenizer.json and tokenizer_config.json')
    .option('--data <paths...>', 'your own files and folders (default: the built-in text)')
    .option('--vocab-size <count>', 'ids, special tokens included', wholeNumber('--vocab-size', 1), 4096)
    .requiredOption('--output <folder>', 'where the two files go')
  commonFlags(train, 'seed', 'json', 'quiet').action(runTrain)
  const encode = command
    .command('encode')
    .description('print the ids of a text')
    .argument('<tokenizer>', tokenizerArgument)
    .argument('[text]', 'the text (default: standard input, to the byte)')
    .option('--special', 'read strings that spell special tokens as those tokens', false)
  commonFlags(encode, 'json').action(runEncode)
  const decode = command
    .command('decode')
    .description('print the text of ids')
    .argument('<tokenizer>', tokenizerArgument)
    .argument('[ids...]', 'ids (default: standard input, apart by blanks or commas)')
  commonFlags(decode, 'json').action(runDecode)
  const inspect = command
    .command('inspect')
    .description('print sizes, special tokens, the longest tokens, and bytes a token by domain')
    .argument('<tokenizer>', tokenizerArgument)
  commonFlags(inspect, 'json').action(runInspect)
  verbGroup(command)
}

/** Bytes of text to learn from: more changes little and costs time. */
const sampleBytes = 20e6
/** As in a recipe that says nothing else. */
const defaultSeed = 1

async function runTrain({ data, vocabSize, output: folder, ...flags }: TrainFlags): Promise<void> {
  const output = createOutput(flags)
  // Said now, not after the work.
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) throw usageError(folder, 'a folder', 'a file', otherFolder)
  const seed = flags.seed ?? defaultSeed
  const onEvent = (event: DataEvent) => {
    if (event.type === 'data-fallback') output.warn(event.reason)
    if (event.type === 'data-source') output.progress({ stage: 'data', detail: event.source })
  }
  const { domains } = await prepareCorpus({ ...(data && { paths: data }), seed, onEvent })
  let utf8Bytes = 0
  const texts = function* () {
    for (const text of tokenizerTexts(domains, sampleBytes, seed)) {
      utf8Bytes += utf8Length(text)
      yield text
    }
  }
  const tokenizer = trainTokenizer(texts(), {
    vocabSize,
    onProgress: (progress) => {
      if (progress.stage === 'words') output.progress({ stage: 'words', detail: formatBytes(progress.unitCount) })
      else output.progress({ stage: 'merges', step: progress.doneCount, stepCount: progress.totalCount })
    },
  })
  if (tokenizer.vocabSize < vocabSize)
    output.warn(`The text has pairs for ${tokenizer.vocabSize} ids only, of ${vocabSize}. More text gives more.`)
  write(folder, tokenizer)
  output.result(
    { output: folder, vocabSize: tokenizer.vocabSize, utf8Bytes },
    () => `${path.join(folder, 'tokenizer.json')}: ${tokenizer.vocabSize.toLocaleString('en')} ids from ${formatBytes(utf8Bytes)} of text`,
  )
}

const otherFolder = 'Choose another folder.'

function write(folder: string, tokenizer: Tokenizer): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw usageError(folder, 'a folder that can be written', systemReason(cause), otherFolder, cause)
  }
  const utf8 = new TextEncoder()
  writeFileWhole(path.join(folder, 'tokenizer.json'), [utf8.encode(tokenizer.toJson())])
  writeFileWhole(path.join(folder, 'tokenizer_config.json'), [utf8.encode(tokenizer.configJson())])
}

async function runEncode(given: string, text: string | undefined, flags: { readonly json: boolean; readonly special: boolean }) {
  const { tokenizer } = readTokenizer(given)
  const input = text ?? (await readStandardInput('Give the text as an argument, or pipe it in.'))
  const ids = [...tokenizer.encode(input, { special: flags.special ? 'allow' : 'text' })]
  createOutput(flags).result({ ids }, () => ids.join(' '))
}

async function runDecode(given: string, ids: readonly string[], flags: Pick<CommonFlags, 'json'>): Promise<void> {
  const { tokenizer } = readTokenizer(given)
  const input = ids.length > 0 ? ids.join(' ') : await readStandardInput('Give the ids as arguments, or pipe them in.')
  const text = tokenizer.decode(parseIds(input))
  const output = createOutput(flags)
  // To the byte: what is encoded from standard input comes out again as it was.
  if (flags.json) output.result({ text }, () => text)
  else output.stream(text)
}

/** Ids apart by blanks and commas; brackets around them, as in JSON, are allowed. */
function parseIds(text: string): number[] {
  const words = text
    .trim()
    .replace(/^\[([^]*)\]$/, '$1')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  return words.map((word) => {
    if (/^\d{1,9}$/.test(word)) return Number(word)
    throw usageError('tokenizer decode', 'whole numbers apart by blanks or commas', `"${word.slice(0, 40)}"`)
  })
}

interface Inspection {
  readonly file: string
  readonly vocabSize: number
  readonly specialTokens: Readonly<Record<string, number>>
  readonly longestTokens: readonly string[]
  /** On the corpus in the package, by domain. */
  readonly bytesPerToken: Readonly<Record<string, number>>
}

const longestCount = 12

async function runInspect(given: string, flags: Pick<CommonFlags, 'json'>): Promise<void> {
  const { tokenizer, file } = readTokenizer(given)
  const special = Object.values(specialTokens).flatMap((token) => {
    const id = tokenizer.idOf(token)
    return id === undefined ? [] : [[token, id] as const]
  })
  const isSpecial = new Set(special.map(([, id]) => id))
  const ordinary = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => !isSpecial.has(id))
  const longest = ordinary.toSorted((a, b) => tokenizer.bytesOf(b).length - tokenizer.bytesOf(a).length || a - b).slice(0, longestCount)
  const document: Inspection = {
    file,
    vocabSize: tokenizer.vocabSize,
    specialTokens: Object.fromEntries(special),
    longestTokens: longest.map((id) => tokenizer.decode([id])),
    bytesPerToken: await compression(tokenizer),
  }
  const output = createOutput(flags)
  output.result(document, () => inspectText(document, output))
}

async function compression(tokenizer: Tokenizer): Promise<Record<string, number>> {
  const ofDomain = groupBy(await vendoredDocuments(), ({ domain }) => domain)
  const rates = [...ofDomain].map(([domain, documents]) => {
    const bytes = documents.reduce((sum, { utf8Bytes }) => sum + utf8Bytes, 0)
    return [domain, bytes / documents.reduce((sum, { text }) => sum + tokenizer.encode(text).length, 0)]
  })
  return Object.fromEntries(rates) as Record<string, number>
}

function inspectText({ file, vocabSize, specialTokens: special, longestTokens, bytesPerToken }: Inspection, { paint }: Output): string {
  const right = (title: string) => ({ title, align: 'right' as const })
  return [
    `${file}: ${vocabSize.toLocaleString('en')} ids, ${Object.keys(special).length} of them special`,
    formatTable(
      [{ title: 'domain of the corpus in the package' }, right('bytes a token')],
      Object.entries(bytesPerToken).map(([domain, rate]) => [domain, rate.toFixed(2)]),
    ),
    `${paint.strong('longest tokens')}\n${longestTokens.map((token) => JSON.stringify(token)).join('  ')}`,
    formatTable(
      [{ title: 'special token' }, right('id')],
      Object.entries(special).map(([token, id]) => [token, String(id)]),
    ),
  ].join('\n\n')
}
