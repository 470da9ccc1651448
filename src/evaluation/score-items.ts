/**
 * A task's score: how many of its items a model answers rightly, with the chance level and the interval beside it.
 *
 * Every choice of every item is one text; texts of all items share rows, without seeing each other. A text that is longer than
 * a row loses the beginning of its context; an item whose answer alone does not fit is left out and counted.
 */
import { shareInterval } from '../base/statistics.ts'
import type { Model } from '../architecture/index.ts'
import type { Tokenizer } from '../foundations/index.ts'
import { utf8Length } from '../pretraining/data/index.ts'
import { eachScoredLogits, openRow, type Row, rowsAtOnce, scoredLosses } from './rows.ts'
import type { Task, TaskItem } from './tasks/item.ts'

/** What a model achieved on a task. */
export interface TaskScore {
  readonly task: string
  readonly likeName: string
  readonly scoring: Task['scoring']
  readonly n: number
  readonly correct: number
  /** 0..1 */
  readonly accuracy: number
  /**
   * What one reaches without reading: for choices the mean of 1 / choices, for open answers the share of the items that the
   * commonest answer gets right.
   */
  readonly chance: number
  /** 95 % interval of the accuracy (Wilson). */
  readonly interval: readonly [low: number, high: number]
  /** Whether the whole interval lies above chance. */
  readonly isAboveChance: boolean
  /** Items that were left out, because their answer is longer than a row. */
  readonly tooLong: number
}

export interface ScoreItemsOptions {
  /** T: tokens in a row; the window that items must fit. */
  readonly rowLength: number
  /** Called between batches, with the share that is done; awaited. */
  readonly onProgress?: (doneShare: number) => void | Promise<void>
}

/** One choice of one item as ids, the last `scoredCount` of them scored. */
interface Text {
  readonly ids: Int32Array
  readonly scoredCount: number
}

/**
 * Answers items and counts.
 *
 * @param items of the task, one or more
 * @returns null when no item fits a row
 */
export async function scoreItems(
  model: Model,
  tokenizer: Tokenizer,
  task: Task,
  items: readonly TaskItem[],
  { rowLength, onProgress }: ScoreItemsOptions,
): Promise<TaskScore | null> {
  const encoded = items.map((item) => ({ item, texts: textsOf(item, tokenizer) }))
  const fitting = encoded.filter(({ texts }) => texts.every(({ scoredCount }) => scoredCount <= rowLength))
  const n = fitting.length
  if (n === 0) return null
  const texts = fitting.flatMap((entry) => entry.texts.map((text) => cutTo(text, rowLength + 1)))
  const scores = await (task.scoring === 'exact' ? exactMatches : logLikelihoods)(model, tokenizer, texts, rowLength, onProgress)
  let correct = 0
  let next = 0
  for (const { item } of fitting) {
    const perChoice = scores.subarray(next, (next += item.choices.length))
    if (isRight(item, task, perChoice)) correct++
  }
  const chance = chanceOf(
    task,
    fitting.map(({ item }) => item),
  )
  const { value: accuracy, low, high } = shareInterval(correct, n)
  const { name, likeName, scoring } = task
  const tooLong = items.length - n
  return { task: name, likeName, scoring, n, correct, accuracy, chance, interval: [low, high], isAboveChance: low > chance, tooLong }
}

function isRight({ choices, answerIndex, ending }: TaskItem, { scoring }: Task, scores: Float64Array): boolean {
  if (scoring === 'exact') return scores[0] === 1
  const scaled = scoring === 'plain' ? scores : scores.map((score, index) => score / utf8Length(ending ?? choices[index]))
  return scaled.every((score, index) => index === answerIndex || score < scaled[answerIndex])
}

function chanceOf({ scoring }: Task, items: readonly TaskItem[]): number {
  if (scoring !== 'exact') return items.reduce((sum, { choices }) => sum + 1 / choices.length, 0) / items.length
  const counts = new Map<string, number>()
  for (const { choices } of items) counts.set(choices[0], (counts.get(choices[0]) ?? 0) + 1)
  return Math.max(...counts.values()) / items.length
}

/** The parts are encoded one by one: each begins where the tokenizer parts words anyway, and what is scored is then exact. */
function textsOf({ context, choices, ending = '' }: TaskItem, tokenizer: Tokenizer): Text[] {
  const before = tokenizer.encode(context)
  const after = tokenizer.encode(ending)
  return choices.map((choice) => {
    const own = tokenizer.encode(choice)
    return {
      ids: Int32Array.of(tokenizer.eosId, ...before, ...own, ...after),
      scoredCount: after.length > 0 ? after.length : own.length,
    }
  })
}

const cutTo = ({ ids, scoredCount }: Text, length: number): Text => ({ ids: ids.subarray(Math.max(0, ids.length - length)), scoredCount })

/** Longest texts first, each into the first row that has room. → rows, and the numbers of the texts in each, in its order */
function packTexts(texts: readonly Text[], rowLength: number, fillId: number): { rows: Row[]; textsOfRow: number[][] } {
  const rows: Row[] = []
  const used: number[] = []
  const textsOfRow: number[][] = []
  const longestFirst = texts.map((_, index) => index).sort((a, b) => texts[b].ids.length - texts[a].ids.length || a - b)
  for (const text of longestFirst) {
    const { ids, scoredCount } = texts[text]
    let row = used.findIndex((count) => count + ids.length <= rowLength + 1)
    if (row < 0) {
      row = rows.length
      rows.push(openRow(rowLength, fillId))
      used.push(0)
      textsOfRow.push([])
    }
    const from = used[row]
    const to = from + ids.length
    rows[row].tokens.set(ids, from)
    rows[row].starts.fill(from, from, to)
    rows[row].isScored.fill(1, to - 1 - scoredCount, to - 1)
    textsOfRow[row].push(text)
    used[row] = to
  }
  return { rows, textsOfRow }
}

/** Runs all rows, batch by batch; `read` is given a batch of rows and the numbers of the texts in it, in order. */
async function eachBatch(
  texts: readonly Text[],
  rowLength: number,
  fillId: number,
  onProgress: ScoreItemsOptions['onProgress'],
  read: (rows: readonly Row[], textNumbers: readonly number[]) => void,
): Promise<void> {
  const { rows, textsOfRow } = packTexts(texts, rowLength, fillId)
  const step = rowsAtOnce(rowLength)
  for (let from = 0; from < rows.length; from += step) {
    read(rows.slice(from, from + step), textsOfRow.slice(from, from + step).flat())
    await onProgress?.(Math.min(1, (from + step) / rows.length))
  }
}

type Scorer = (
  model: Model,
  tokenizer: Tokenizer,
  texts: readonly Text[],
  rowLength: number,
  onProgress: ScoreItemsOptions['onProgress'],
) => Promise<Float64Array>

/** ln p of each text's scored tokens, in nats. */
const logLikelihoods: Scorer = async (model, tokenizer, texts, rowLength, onProgress) => {
  const scores = new Float64Array(texts.length)
  await eachBatch(texts, rowLength, tokenizer.eosId, onProgress, (rows, textNumbers) => {
    const losses = scoredLosses(model, rows, rowLength)
    let next = 0
    for (const text of textNumbers) for (let i = 0; i < texts[text].scoredCount; i++) scores[text] -= losses[next++]
  })
  return scores
}

/**
 * 1 where each scored token is the most probable one after those before it, else 0: greedy decoding would have written just
 * these. Only ids that the tokenizer knows compete.
 */
const exactMatches: Scorer = async (model, tokenizer, texts, rowLength, onProgress) => {
  const scores = new Float64Array(texts.length).fill(1)
  const idCount = Math.min(model.config.vocabSize, tokenizer.vocabSize)
  await eachBatch(texts, rowLength, tokenizer.eosId, onProgress, (rows, textNumbers) => {
    const textOfScored = textNumbers.flatMap((text) => Array.from({ length: texts[text].scoredCount }, () => text))
    eachScoredLogits(model, rows, rowLength, (logits, target, index) => {
      for (let id = 0; id < idCount; id++) if (logits[id] > logits[target]) scores[textOfScored[index]] = 0
    })
  })
  return scores
}
