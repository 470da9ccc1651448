/**
 * The evaluation of one stage: everything that its configuration asks for, in a fixed order, from held-out text alone.
 *
 * The events are appended together at the end, so that an evaluation which was interrupted leaves nothing behind and is done
 * again. Same model, corpus, configuration and seed: same events.
 */
import { rejectViolations } from '../base/errors.ts'
import type { EventSink } from '../base/run-log.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import type { Corpus } from '../pretraining/data/index.ts'
import { tokenizerTexts } from '../pretraining/tokenizer-sample.ts'
import { chooseDocuments, scoreTexts } from './bits-per-byte.ts'
import { compressTexts } from './compressors.ts'
import { findContamination } from './contamination.ts'
import type { EvaluationEvent } from './events.ts'
import { heldOutStream } from './held-out-stream.ts'
import { lossByPosition } from './loss-by-position.ts'
import { needleTest, shortestNeedleText } from './needle.ts'
import { type NgramModel, trainNgram } from './ngram.ts'
import { rowsAtOnce } from './rows.ts'
import { scoreItems } from './score-items.ts'
import { taskItems, taskNamed, taskNames } from './tasks/catalogue.ts'

export interface EvaluationConfig {
  /** T: tokens in a row for domains and tasks; the same for stages that are to be compared. */
  readonly rowLength: number
  /** Held-out text of each domain, in bytes of UTF-8; 0 for no scores of domains. */
  readonly bytesPerDomain: number
  /** Training text for the n-gram model beside the compressors, in bytes; 0 for none. */
  readonly ngramBytes: number
  /** Names of tasks. */
  readonly tasks: readonly string[]
  readonly itemsPerTask: number
  /** Whether the tasks' items are looked for in the training text. */
  readonly contamination: boolean
  /** Loss by position in each window, on the same tokens of held-out text, so many at most. */
  readonly positions: { readonly windowLengths: readonly number[]; readonly tokens: number } | null
  readonly needle: { readonly lengths: readonly number[]; readonly depths: readonly number[]; readonly perCell: number } | null
}

export interface EvaluateStageOptions {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly corpus: Corpus
  /** For the events: 'pretrain', 'extend-1', 'sft' … */
  readonly stage: string
  readonly seed: number
  readonly config: EvaluationConfig
  readonly log: EventSink<EvaluationEvent>
  /** What is being done, and the share of it that is; awaited, and what it throws ends the evaluation. */
  readonly onProgress?: (what: string, doneShare: number) => void | Promise<void>
}

/**
 * Tells what is wrong with a configuration, one line each.
 *
 * @param positions longest row that the model's rotations are prepared for
 */
export function evaluationViolations(config: EvaluationConfig, positions: number): string[] {
  const { rowLength, bytesPerDomain, ngramBytes, tasks, itemsPerTask, positions: byPosition, needle } = config
  const counts: readonly (readonly [name: string, value: number, low: number, high: number])[] = [
    ['rowLength', rowLength, 2, positions],
    ['bytesPerDomain', bytesPerDomain, 0, Number.MAX_SAFE_INTEGER],
    ['ngramBytes', ngramBytes, 0, 2 ** 28],
    ['itemsPerTask', itemsPerTask, 1, Number.MAX_SAFE_INTEGER],
    ...(byPosition?.windowLengths ?? []).map((length) => ['positions.windowLengths', length, 2, positions] as const),
    ...(byPosition ? [['positions.tokens', byPosition.tokens, 1, 2 ** 28] as const] : []),
    ...(needle?.lengths ?? []).map((length) => ['needle.lengths', length, 2, positions] as const),
    ...(needle ? [['needle.perCell', needle.perCell, 1, 10_000] as const, ['needle.depths', needle.depths.length, 1, 10] as const] : []),
  ]
  return [
    ...counts
      .filter(([, value, low, high]) => !(Number.isInteger(value) && value >= low && value <= high))
      .map(([name, value, low, high]) => `${name}: expected ${low} to ${high}, got ${value}`),
    ...tasks.filter((name) => !taskNames.includes(name)).map((name) => `tasks: expected names among ${taskNames.join(', ')}, got ${name}`),
    ...(needle?.depths ?? []).filter((depth) => !(depth >= 0 && depth <= 1)).map((depth) => `needle.depths: expected 0 to 1, got ${depth}`),
  ]
}

/**
 * Evaluates a model and appends the events.
 *
 * @returns the events, as they were appended
 * @throws UsageError naming everything that is wrong with the configuration
 */
export async function evaluateStage(options: EvaluateStageOptions): Promise<readonly EvaluationEvent[]> {
  const { model, config, log } = options
  rejectViolations('evaluation', evaluationViolations(config, model.cosine_TP.shape[0]), 'Change these settings of the evaluation.')
  const events: EvaluationEvent[] = []
  if (config.bytesPerDomain > 0) events.push(...(await scoreDomains(options)))
  events.push(...(await scoreTasks(options)))
  events.push(...(await scoreLongContext(options)))
  for (const event of events) log.append(event)
  return events
}

async function scoreDomains({
  model,
  tokenizer,
  corpus,
  stage,
  seed,
  config,
  onProgress,
}: EvaluateStageOptions): Promise<EvaluationEvent[]> {
  const { rowLength, bytesPerDomain, ngramBytes } = config
  const events: EvaluationEvent[] = []
  let ngram: NgramModel | null = null
  if (ngramBytes > 0) {
    await onProgress?.('counting n-grams', 0)
    ngram = trainNgram(tokenizerTexts(corpus.domains, ngramBytes, seed), ngramBytes)
  }
  for (const { name, heldOut } of corpus.domains) {
    const texts = chooseDocuments(heldOut, bytesPerDomain, seed)
    if (texts.length === 0) continue
    const score = await scoreTexts(model, tokenizer, name, texts, {
      rowLength,
      rows: rowsAtOnce(rowLength),
      onProgress: (share) => onProgress?.(name, share),
    })
    events.push({ type: 'evaluation/domain', stage, ...score, compressors: compressTexts(texts), ngram: ngram && ngram.score(texts) })
  }
  return events
}

async function scoreTasks({ model, tokenizer, corpus, stage, seed, config, onProgress }: EvaluateStageOptions): Promise<EvaluationEvent[]> {
  const { rowLength, itemsPerTask, contamination } = config
  const events: EvaluationEvent[] = []
  const asked = config.tasks.map((name) => {
    const task = taskNamed(name)
    return { task, items: taskItems(task, corpus.domains, seed, itemsPerTask) }
  })
  for (const { task, items } of asked) {
    const score =
      items.length === 0
        ? null
        : await scoreItems(model, tokenizer, task, items, { rowLength, onProgress: (share) => onProgress?.(task.name, share) })
    if (score) {
      events.push({ type: 'evaluation/task', stage, ...score })
      continue
    }
    const reason =
      items.length === 0
        ? `The held-out text gives no item: it needs ${task.needs}.`
        : `No answer of its ${items.length} items fits a row of ${rowLength} tokens.`
    events.push({ type: 'evaluation/task-left-out', stage, task: task.name, likeName: task.likeName, reason })
  }
  if (contamination) {
    await onProgress?.('looking for items in the training text', 0)
    const found = findContamination(
      asked.flatMap(({ items }) => items),
      corpus.domains.flatMap(({ train }) => train),
    )
    for (const one of found) events.push({ type: 'evaluation/contamination', ...one })
  }
  return events
}

async function scoreLongContext(options: EvaluateStageOptions): Promise<EvaluationEvent[]> {
  const { model, tokenizer, corpus, stage, seed, config, onProgress } = options
  const { positions, needle } = config
  const events: EvaluationEvent[] = []
  const longest = Math.max(0, ...(needle?.lengths ?? []))
  const stream = heldOutStream(corpus.domains, tokenizer, Math.max(positions?.tokens ?? 0, needle ? fillersPerText * longest : 0))
  const leaveOut = (what: 'position' | 'needle', length: number, reason = `The held-out text has ${stream.length} tokens only.`) => {
    events.push({ type: 'evaluation/long-context-left-out', stage, length, what, reason })
  }
  if (positions) {
    const text = stream.subarray(0, positions.tokens)
    for (const windowLength of positions.windowLengths) {
      if (text.length <= windowLength) {
        leaveOut('position', windowLength)
        continue
      }
      const scored = await lossByPosition(model, text, windowLength, (share) => onProgress?.(`positions to ${windowLength}`, share))
      events.push({ type: 'evaluation/position', stage, ...scored })
    }
  }
  if (needle) {
    const shortest = shortestNeedleText(tokenizer, needle.depths.length)
    const lengths = needle.lengths.filter((length) => length <= stream.length && length >= shortest)
    for (const length of needle.lengths) {
      if (length > stream.length) leaveOut('needle', length)
      else if (length < shortest)
        leaveOut('needle', length, `Needles at ${needle.depths.length} depths and their questions take ${shortest} tokens.`)
    }
    if (lengths.length > 0) {
      const cells = await needleTest(model, tokenizer, stream, {
        ...needle,
        lengths,
        seed,
        onProgress: (share) => onProgress?.('needles', share),
      })
      events.push({ type: 'evaluation/needle', stage, cells })
    }
  }
  return events
}

/** Fillers are drawn from so many times the longest text. */
const fillersPerText = 8
