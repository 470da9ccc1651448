/**
 * A model on disk, in the Hugging Face layout that `transformers` reads: what training leaves, what everything else loads.
 *
 *   config.json  model.safetensors  tokenizer.json  tokenizer_config.json  generation_config.json
 *
 * There is no private format. What is loaded is compared with `config.json` before anything is allocated.
 */
import { rejectViolations, usageError } from '../base/errors.ts'
import { formatBytes, formatCount } from '../base/format.ts'
import { node } from '../base/platform.ts'
import {
  checkpointTensors,
  countParameters,
  createModel,
  formatHfConfig,
  type Model,
  type ModelConfig,
  parseHfConfig,
  readWeights,
  weightsToWrite,
} from '../architecture/index.ts'
import { heapLimitBytes, type Machine, type Tensor } from '../compute/index.ts'
import {
  openSafetensorsFolder,
  readTextFile,
  Tokenizer,
  type TensorSource,
  v3ChatTemplate,
  writeFileWhole,
  writeSafetensors,
} from '../foundations/index.ts'
import { locateModel, locateStage, type ModelLocation, type ModelStage } from './locate-model.ts'
import { rejectNonFinite } from './finite-weights.ts'
import { writeFolderWhole } from './whole-folder.ts'

const fileNames = {
  config: 'config.json',
  weights: 'model.safetensors',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  generation: 'generation_config.json',
} as const

/** Defaults of sampling that travel with a model, in `generation_config.json`. */
export interface GenerationDefaults {
  readonly temperature: number
  /** Smallest set of tokens whose probabilities reach this, 0..1. */
  readonly topP: number
}

export interface WriteModelOptions {
  /** A vector of the weights' layout to write in their place, such as their moving average. */
  readonly weights?: Tensor | Float32Array
  readonly generation?: GenerationDefaults
}

/** A model that was loaded. */
export interface LoadedModel {
  readonly model: Model
  /** Null where the folder has none. */
  readonly tokenizer: Tokenizer | null
  readonly config: ModelConfig
}

/** A tokenizer.json of V3's size is 8 MB. */
const maxTokenizerBytes = 1 << 27
const maxConfigBytes = 1 << 20

/**
 * Writes a model's folder whole or not at all; an earlier model there is replaced.
 *
 * @param folder    where it will be
 * @param tokenizer has at most as many ids as the embedding has rows
 * @throws UsageError when something other than a model is there, a weight is not finite, or the system refuses; then
 *   nothing is changed
 */
export function writeModelFolder(folder: string, model: Model, tokenizer: Tokenizer, options: WriteModelOptions = {}): void {
  const { config } = model
  const { weights, generation = { temperature: 1, topP: 1 } } = options
  rejectViolations('model', tokenizerViolations(config, tokenizer))
  refuseOtherContent(folder)
  const tensors = weightsToWrite(model, weights)
  rejectNonFinite(folder, tensors)
  writeFolderWhole(folder, (temporary) => {
    const { path } = node()
    const ids = { bosTokenId: tokenizer.bosId, eosTokenId: tokenizer.eosId, padTokenId: tokenizer.padId }
    const text = (name: string, content: string) => writeFileWhole(path.join(temporary, name), [new TextEncoder().encode(content)])
    text(fileNames.config, formatHfConfig(config, ids))
    text(fileNames.tokenizer, tokenizer.toJson())
    text(fileNames.tokenizerConfig, tokenizer.configJson(config.maxLength))
    text(fileNames.generation, formatGeneration(generation, tokenizer))
    writeSafetensors(path.join(temporary, fileNames.weights), tensors, { format: 'pt' })
  })
}

function formatGeneration({ temperature, topP }: GenerationDefaults, { bosId, eosId, padId }: Tokenizer): string {
  const document = {
    bos_token_id: bosId,
    eos_token_id: eosId,
    pad_token_id: padId,
    do_sample: temperature > 0,
    // transformers knows no temperature of zero: greedy is do_sample = false.
    ...(temperature > 0 && { temperature, top_p: topP }),
  }
  // Python tells 1 from 1.0, and transformers wants a float.
  const text = JSON.stringify(document, null, 2).replace(/"(?:temperature|top_p)": \d+(?=,?$)/gm, '$&.0')
  return `${text}\n`
}

/** Only a model, or nothing, is replaced: a slip in a path must not cost anybody a folder. */
function refuseOtherContent(folder: string): void {
  const { fs } = node()
  const status = fs.statSync(folder, { throwIfNoEntry: false })
  if (!status) return
  const names: readonly string[] = Object.values(fileNames)
  const hint = 'Choose another folder.'
  if (!status.isDirectory()) throw usageError(folder, 'a model folder or nothing', 'a file', hint)
  const other = fs.readdirSync(folder).find((name) => !names.includes(name))
  if (other !== undefined) throw usageError(folder, 'a model folder or nothing', `a folder with ${other} in it`, hint)
}

/**
 * Loads a model.
 *
 * @param machine where its tensors will live
 * @param given   a model folder or a run folder
 * @param options gradients for training; positions to prepare, the config's longest context unless given; a stage of a run, the last one
 *   unless given
 * @throws UsageError naming everything that is missing or does not fit; nothing is allocated then
 */
export function loadModelFolder(
  machine: Machine,
  given: string,
  options: { readonly withGradients: boolean; readonly length?: number; readonly stage?: ModelStage },
): LoadedModel {
  const location = options.stage === undefined ? locateModel(given) : locateStage(given, options.stage)
  if (location.kind === 'config') throw usageError(given, 'a folder with weights', 'a file', 'Give the folder that it is in.')
  const { config, tokenizer } = readModelFiles(location)
  rejectTooLarge(given, config, options.withGradients)
  const source = openSafetensorsFolder(location.folder)
  try {
    rejectOtherWeights(config, source)
    const model = createModel(machine, config, options)
    readWeights(model, source)
    return { model, tokenizer, config }
  } finally {
    source.close()
  }
}

/**
 * What a model says about itself without its weights.
 *
 * @throws UsageError when `config.json` or `tokenizer.json` is malformed, or the two do not belong together
 */
export function readModelFiles(location: ModelLocation): { readonly config: ModelConfig; readonly tokenizer: Tokenizer | null } {
  const { fs } = node()
  const text = readTextFile(location.configFile, maxConfigBytes)
  const config = parseHfConfig(text, location.configFile)
  if (location.kind === 'config') return { config, tokenizer: null }
  const file = location.tokenizerFile
  if (!fs.existsSync(file)) return { config, tokenizer: null }
  const tokenizer = Tokenizer.fromJson(readTextFile(file, maxTokenizerBytes), file)
  const hint = 'The tokenizer belongs to another model: fetch or write the folder again.'
  rejectViolations(location.folder, [...tokenizerViolations(config, tokenizer), ...idViolations(text, tokenizer)], hint)
  return { config, tokenizer }
}

/**
 * The tokenizer that a path means: a tokenizer.json, or the folder of a model or a run with one.
 *
 * @throws UsageError when there is none, or it is malformed
 */
export function readTokenizer(given: string): { readonly tokenizer: Tokenizer; readonly file: string } {
  const { fs, path } = node()
  const status = fs.statSync(given, { throwIfNoEntry: false })
  const inFolders = [path.join(given, fileNames.tokenizer), path.join(given, 'model', fileNames.tokenizer)]
  const file = status?.isDirectory() ? inFolders.find((candidate) => fs.existsSync(candidate)) : given
  if (!status || file === undefined) {
    const got = status ? 'a folder without one' : 'nothing there'
    throw usageError(given, 'a tokenizer.json, or the folder of a model or run with one', got, 'Check the path.')
  }
  return { tokenizer: Tokenizer.fromJson(readTextFile(file, maxTokenizerBytes), file), file }
}

/**
 * The chat template of a model: what its tokenizer_config.json carries, or the house's where there is none.
 *
 * @param given a model folder or a run folder
 * @returns the template, and whether it is the model's own
 * @throws UsageError when the file is malformed
 */
export function readChatTemplate(given: string): { readonly template: string; readonly isOwn: boolean } {
  const { fs, path } = node()
  const location = locateModel(given)
  const ours = { template: v3ChatTemplate, isOwn: false }
  if (location.kind === 'config') return ours
  const file = path.join(location.folder, fileNames.tokenizerConfig)
  if (!fs.existsSync(file)) return ours
  let document: unknown
  try {
    document = JSON.parse(readTextFile(file, maxConfigBytes))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw usageError(file, 'JSON', cause.message, 'Fetch or write the folder again.', cause)
  }
  const template = (document as { readonly chat_template?: unknown } | null)?.chat_template
  if (template === undefined || template === null) return ours
  if (typeof template === 'string') return { template, isOwn: true }
  throw usageError(`${file}, chat_template`, 'a text in Jinja', `a value of type ${typeof template}`, 'Write the template as one string.')
}

function tokenizerViolations(config: ModelConfig, tokenizer: Tokenizer): string[] {
  if (tokenizer.vocabSize <= config.vocabSize) return []
  return [`tokenizer: expected at most ${config.vocabSize} ids, as the embedding has rows, got ${tokenizer.vocabSize}`]
}

/** Tokens with a role, where config.json names one of each. */
function idViolations(configText: string, { bosId, eosId }: Tokenizer): string[] {
  const said = JSON.parse(configText) as Readonly<Record<string, unknown>>
  return Object.entries({ bos_token_id: bosId, eos_token_id: eosId })
    .filter(([key, id]) => typeof said[key] === 'number' && said[key] !== id)
    .map(([key, id]) => `${key}: expected ${id} as in tokenizer.json, got ${String(said[key])} in config.json`)
}

function rejectTooLarge(subject: string, config: ModelConfig, withGradients: boolean): void {
  const { total, mtp } = countParameters(config)
  const count = total + mtp.unique
  const bytes = 4 * count * (withGradients ? 2 : 1)
  if (bytes <= heapLimitBytes) return
  const need = `${formatCount(count)} parameters, ${formatBytes(bytes)} in f32${withGradients ? ' with their gradients' : ''}`
  throw usageError(
    subject,
    `a model that fits ${formatBytes(heapLimitBytes)}`,
    need,
    'Use a smaller model; strata plan and inspect take any.',
  )
}

/** Every tensor of the file against what config.json asks for. Copies of embedding and head in MTP layers may be left out. */
function rejectOtherWeights(config: ModelConfig, source: TensorSource): void {
  const expected = new Map(checkpointTensors(config, { format: 'float32', withMtp: true }).map((tensor) => [tensor.name, tensor]))
  const isCopy = (name: string) => /^model\.layers\.\d+\.(embed_tokens|shared_head\.head)\.weight$/.test(name)
  const violations: string[] = []
  for (const [name, { shape }] of expected) {
    const there = source.tensors.get(name)
    if (!there && !isCopy(name)) violations.push(`${name}: expected a tensor of [${shape.join(', ')}], got none`)
    else if (there && there.shape.join() !== shape.join())
      violations.push(`${name}: expected [${shape.join(', ')}], got [${there.shape.join(', ')}]`)
  }
  for (const name of source.tensors.keys()) {
    if (!expected.has(name)) violations.push(`${name.slice(0, 80)}: expected no such tensor`)
  }
  rejectViolations(source.subject, violations, 'Does config.json belong to these weights?')
}
