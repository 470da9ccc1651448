/**
 * Held-out rows that every arm of an ablation is scored on, and the difference of two arms on them with its interval.
 *
 * The same rows in the same order serve all arms and seeds, so what the rows themselves contribute to the spread drops out.
 * With one or two seeds the interval is over rows: it says whether these trained models differ on held-out text, not whether
 * other seeds would. With three seeds or more it is over seeds, and says that too.
 * Claim: pretraining.ablations.
 */
import { mean, meanInterval } from '../../base/statistics.ts'
import { maxViolation, type Model, policyLosses } from '../../architecture/index.ts'
import { usageError } from '../../base/errors.ts'
import type { TrainingBatch } from '../batch-source.ts'
import { Mixture } from '../data/index.ts'
import type { PreparedText } from '../prepare-text.ts'
import { meanOfRows } from './arm-numbers.ts'
import type { AblationDifference, IntervalOver, Verdict } from './events.ts'

/** Rows for scoring, in batches of a few. */
export interface HeldOutRows {
  readonly batches: readonly TrainingBatch[]
  /** T: targets of a row. */
  readonly length: number
  /** Domain of each row. */
  readonly domainOfRow: readonly string[]
  /** Bytes of each row's targets; the end-of-text token has none. */
  readonly bytesOfRow: readonly number[]
}

/** Held-out rows, at most. */
export const heldOutRowCount = 192
const rowsInBatch = 8
/** Draws for each row that is wanted; a domain that is used up gives no more. */
const mostDraws = 4
/** From this many on, seeds are the samples. */
const leastSeeds = 3

/**
 * Draws held-out rows by the mixture's weights. No held-out text is used twice: a domain that has been gone through gives no
 * further row, so short texts give fewer rows than asked for.
 *
 * @param text   tokenized, with its held-out documents
 * @param length T: inputs in a row, in tokens
 * @param count  rows, at most; whole batches of eight are kept
 * @param seed   of the draw, the same for all arms
 * @throws UsageError when there is not one batch of rows
 */
export function heldOutRows(text: PreparedText, length: number, count: number, seed: number): HeldOutRows {
  const { tokenized: corpus, tokenizer } = text
  const { rows, domainNames } = drawHeldOut(text, length, count, seed)
  const batchCount = Math.floor(rows.length / rowsInBatch)
  if (batchCount === 0)
    throw usageError(
      'ablation',
      `held-out text for ${rowsInBatch} rows of ${length + 1} tokens`,
      `${rows.length} rows`,
      'Give more text, or a larger data.heldOutShare.',
    )
  const bytesOf = (ids: Int32Array) => ids.reduce((sum, id) => sum + (id === corpus.eosId ? 0 : tokenizer.bytesOf(id).length), 0)
  const kept = rows.slice(0, batchCount * rowsInBatch)
  return {
    batches: Array.from({ length: batchCount }, (_, index) => joined(kept.slice(index * rowsInBatch, (index + 1) * rowsInBatch))),
    length,
    bytesOfRow: kept.map(({ tokens_BS }) => bytesOf(tokens_BS.subarray(1, length + 1))),
    domainOfRow: kept.map(({ domainOfRow_B }) => domainNames[domainOfRow_B[0]]),
  }
}

function drawHeldOut({ tokenized: corpus }: PreparedText, length: number, count: number, seed: number) {
  const domains = corpus.domains.map((domain) => ({ ...domain, train: domain.heldOut }))
  const source = new Mixture({ ...corpus, domains }, { seed, stream: 'ablations', stretchTokens: 2 * length })
  const rows: TrainingBatch[] = []
  for (let draw = 0; draw < mostDraws * count && rows.length < count; draw++) {
    const row = source.nextBatch(1, length)
    if (source.epochs()[source.domainNames[row.domainOfRow_B[0]]] < 1) rows.push(row)
  }
  return { rows, domainNames: source.domainNames }
}

/** Held-out text that is too little to score an ablation on. */
export interface HeldOutShortage {
  /** Rows that there are, and that there must be at least. */
  readonly rows: number
  readonly leastRows: number
  /** T: tokens in a row. */
  readonly length: number
  /** Held-out tokens that there are, and about how many are needed. */
  readonly tokens: number
  readonly neededTokens: number
}

/** What a text lacks for `heldOutRows`; null when it is enough. @param length T @param seed of the draw */
export function heldOutShortage(text: PreparedText, length: number, seed: number): HeldOutShortage | null {
  const tokens = text.tokenized.domains.reduce((sum, { heldOut }) => sum + heldOut.ids.length, 0)
  // The same draws as for as many rows as an ablation ever takes: with several domains some are drawn in vain.
  const rows = tokens === 0 ? 0 : drawHeldOut(text, length, heldOutRowCount, seed).rows.length
  if (rows >= rowsInBatch) return null
  // The last piece of a domain is no longer drawn from: one row more.
  const neededTokens = Math.ceil((rowsInBatch + 1) * Math.max(length, tokens / Math.max(1, rows)))
  return { rows, leastRows: rowsInBatch, length, tokens, neededTokens }
}

function joined(rows: readonly TrainingBatch[]): TrainingBatch {
  const [{ length, rowTokens }] = rows
  const join = (of: (row: TrainingBatch) => Int32Array) => Int32Array.from(rows.flatMap((row) => Array.from(of(row))))
  return {
    rows: rows.length,
    length,
    rowTokens,
    tokens_BS: join(({ tokens_BS }) => tokens_BS),
    documentStart_BS: join(({ documentStart_BS }) => documentStart_BS),
    domainOfRow_B: join(({ domainOfRow_B }) => domainOfRow_B),
  }
}

/** What a model makes of held-out rows. */
export interface HeldOutScores {
  /** Mean loss of each row, nats a token. */
  readonly rowLossNats: number[]
  /** Mean loss of the quarters of a row. */
  readonly lossByQuarter: number[]
  /** Overload of the busiest expert in each batch, mean over routers; empty without routers. */
  readonly batchOverload: number[]
}

/** Scores the main prediction on every row. @param maskDocuments as the model was trained */
export function scoreHeldOut(model: Model, { batches }: HeldOutRows, maskDocuments: boolean): HeldOutScores {
  const rowLossNats: number[] = []
  const batchOverload: number[] = []
  const quarters: number[][] = []
  for (const { rows, length, rowTokens, tokens_BS, documentStart_BS } of batches) {
    using _scope = model.machine.scope()
    const batch = { rows, length, rowTokens, tokens_BS, ...(maskDocuments && { documentStart_BS }) }
    const { loss_M, routers } = policyLosses(model, batch, () => {})
    const losses = loss_M.toArray()
    for (let row = 0; row < rows; row++) {
      const ofRow = losses.subarray(row * length, (row + 1) * length)
      rowLossNats.push(mean(ofRow))
      quarters.push(Array.from({ length: 4 }, (_, quarter) => mean(quarterOf(ofRow, quarter))))
    }
    if (routers.length > 0) batchOverload.push(mean(routers.map(({ load }) => maxViolation(load))))
  }
  return { rowLossNats, lossByQuarter: meanOfRows(quarters), batchOverload }
}

/** At least one number each, also of rows shorter than four. */
function quarterOf(losses: Float32Array, quarter: number): Float32Array {
  const from = Math.min(losses.length - 1, Math.floor((quarter * losses.length) / 4))
  return losses.subarray(from, Math.max(from + 1, Math.floor(((quarter + 1) * losses.length) / 4)))
}

/**
 * Variant less control, paired by seed and by sample.
 *
 * @param variant samples of each seed, in the same order everywhere; null for a seed whose training broke
 * @param control of the same seeds
 * @param samples what they are, where they are not seeds
 */
export function pairedVerdict(
  variant: readonly (readonly number[] | null)[],
  control: readonly (readonly number[] | null)[],
  samples: Exclude<IntervalOver, 'seeds'>,
): AblationDifference {
  const [variantBroke, controlBroke] = [variant.includes(null), control.includes(null)]
  if (variantBroke || controlBroke) {
    const difference = variantBroke && controlBroke ? Number.NaN : variantBroke ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    return {
      difference,
      low: difference,
      high: difference,
      n: variant.length,
      intervalOver: 'seeds',
      verdict: verdictOf(difference, difference),
    }
  }
  const differences = variant.map((values, seed) => values!.map((value, index) => value - control[seed]![index]))
  const isOverSeeds = differences.length >= leastSeeds
  const units = isOverSeeds ? differences.map((values) => mean(values)) : meanOfRows(differences)
  const { value, low, high, count } = units.length > 1 ? meanInterval(units) : unbounded(units[0])
  return { difference: value, low, high, n: count, intervalOver: isOverSeeds ? 'seeds' : samples, verdict: verdictOf(low, high) }
}

/** One sample has no interval. */
const unbounded = (value: number) => ({ value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, count: 1 })

const verdictOf = (low: number, high: number): Verdict => (high < 0 ? 'lower' : low > 0 ? 'higher' : 'not established')
