/**
 * Where a stage's rows come from: pre-training mixes documents, supervised fine-tuning packs conversations, and the loop sees
 * no difference.
 */

/** Rows of one training step. B rows, S = length + 1 + extra positions. */
export interface TrainingBatch {
  readonly rows: number
  /** Inputs in a row. */
  readonly length: number
  /** Positions in a row: length + 1 + extra. */
  readonly rowTokens: number
  /** Token ids, row after row. */
  readonly tokens_BS: Int32Array
  /** For each position the first position in its row of the piece of text that it belongs to. */
  readonly documentStart_BS: Int32Array
  /** How much each token counts as a target, 0 or more; without it, every one counts alike. */
  readonly targetWeight_BS?: Float32Array
  /** Index into the source's `domainNames`. */
  readonly domainOfRow_B: Int32Array
}

/** Draws rows one batch after the other. The same state gives the same rows. */
export interface BatchSource {
  /** In the order of `domainOfRow_B`. */
  readonly domainNames: readonly string[]
  /** The next rows. @param rows B @param length inputs in a row, in tokens; may differ from call to call */
  readonly nextBatch: (rows: number, length: number) => TrainingBatch
  /** Where it stands, as JSON. */
  readonly state: () => unknown
  /** Goes to a state that `state()` gave. @throws UsageError when it is none, or one of other data */
  readonly restore: (state: unknown) => void
}
