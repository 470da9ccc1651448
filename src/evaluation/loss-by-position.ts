/**
 * Loss by position: what more context is worth, and where a model stops making use of it.
 *
 * Rows of a window's length are cut from long held-out text, without masks. The prediction at position t has seen t + 1 tokens;
 * positions are put together in buckets [0, 1), [1, 2), [2, 4), [4, 8) … up to the window. The same text serves every window.
 * Claims: architecture.rotary-position, pretraining.staged-context.
 */
import { usageError } from '../base/errors.ts'
import { meanInterval } from '../base/statistics.ts'
import { type Model, tokenLosses } from '../architecture/index.ts'
import { rowsAtOnce } from './rows.ts'

/** Positions from <= t < to. */
export interface PositionBucket {
  readonly from: number
  readonly to: number
  /** Mean over the bucket's predictions. */
  readonly lossNats: number
  /** Half the 95 % interval of that mean (Student's t over rows); infinite for a single row. */
  readonly plusMinus: number
  /** Predictions: rows times positions. */
  readonly n: number
}

export interface LossByPosition {
  readonly windowLength: number
  readonly rows: number
  readonly buckets: readonly PositionBucket[]
  /** Mean of the last bucket in each row, in their order: two models of the same text are paired by it. */
  readonly lastBucketOfRow: readonly number[]
}

/** Ends of the buckets of a window: 1, 2, 4, …, the window. */
export function bucketEnds(windowLength: number): number[] {
  const ends: number[] = []
  for (let end = 1; end < windowLength; end *= 2) ends.push(end)
  return [...ends, windowLength]
}

/**
 * Mean loss by position.
 *
 * @param stream       long text as tokens, of `heldOutStream`
 * @param windowLength T: tokens in a row; the model's rotations must reach so far
 * @throws UsageError when the text is shorter than one row and its last target
 */
export async function lossByPosition(
  model: Model,
  stream: Int32Array,
  windowLength: number,
  onProgress?: (doneShare: number) => void | Promise<void>,
): Promise<LossByPosition> {
  const rows = Math.floor((stream.length - 1) / windowLength)
  if (rows < 1)
    throw usageError(
      `loss by position in a window of ${windowLength}`,
      `${windowLength + 1} tokens of held-out text or more`,
      `${stream.length}`,
      'Hold out more text, or choose a shorter window.',
    )
  const ends = bucketEnds(windowLength)
  const sums = ends.map(() => new Float64Array(rows))
  const step = rowsAtOnce(windowLength)
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first)
    const losses = lossesOf(model, stream, first, count, windowLength)
    for (let row = 0; row < count; row++) {
      for (let t = 0, bucket = 0; t < windowLength; t++) {
        if (t === ends[bucket]) bucket++
        sums[bucket][first + row] += losses[row * windowLength + t]
      }
    }
    await onProgress?.((first + count) / rows)
  }
  const fromOf = (index: number) => (index === 0 ? 0 : ends[index - 1])
  const rowMeans = sums.map((ofRow, index) => ofRow.map((sum) => sum / (ends[index] - fromOf(index))))
  const buckets = ends.map((to, index): PositionBucket => {
    const from = fromOf(index)
    const means = rowMeans[index]
    const plusMinus = rows > 1 ? meanInterval(means) : null
    return {
      from,
      to,
      lossNats: plusMinus?.value ?? means[0],
      plusMinus: plusMinus ? plusMinus.high - plusMinus.value : Number.POSITIVE_INFINITY,
      n: rows * (to - from),
    }
  })
  return { windowLength, rows, buckets, lastBucketOfRow: Array.from(rowMeans.at(-1)!) }
}

/** Losses of `count` rows from row `first` on; each row's last target is the first token of the next one. */
function lossesOf(model: Model, stream: Int32Array, first: number, count: number, length: number): Float32Array {
  using _scope = model.machine.scope()
  const tokens_BS = new Int32Array(count * (length + 1))
  for (let row = 0; row < count; row++) {
    const from = (first + row) * length
    tokens_BS.set(stream.subarray(from, from + length + 1), row * (length + 1))
  }
  return tokenLosses(model, { rows: count, length, rowTokens: length + 1, tokens_BS }).toArray()
}
