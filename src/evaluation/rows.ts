/**
 * Rows for scoring: texts end to end, each seeing only itself, and the head applied where a prediction is asked for.
 *
 * The trunk runs over whole rows; the hidden states of the scored positions are gathered before the head, because most
 * tokens of a task's item are context, and the head is the costliest part of a small model.
 */
import { type Batch, hiddenStates, type Model } from '../architecture/index.ts'
import { headCrossEntropy, linear, type Tensor } from '../compute/index.ts'

/** One row: T + 1 tokens, where the text of each begins, and which targets count. */
export interface Row {
  readonly tokens: Int32Array
  /** First position of the text that each token belongs to. */
  readonly starts: Int32Array
  /** For each of T positions, whether its next token is scored. */
  readonly isScored: Uint8Array
}

/** Tokens that go through the model at once, about. */
const batchTokens = 2048

/** Numbers in a block of logits, at most. */
const blockNumbers = 2 ** 20

/** An empty row of `length` positions: what stays empty is a text of its own at every position. */
export function openRow(length: number, fillId: number): Row {
  return {
    tokens: new Int32Array(length + 1).fill(fillId),
    starts: Int32Array.from({ length: length + 1 }, (_, position) => position),
    isScored: new Uint8Array(length),
  }
}

/** Rows of `length` tokens that go through the model at once. */
export const rowsAtOnce = (length: number): number => Math.max(1, Math.floor(batchTokens / length))

/**
 * -ln p of every scored token, row by row, in nats.
 *
 * @param rows   of one length T, few enough for one pass
 * @param length T
 */
export function scoredLosses(model: Model, rows: readonly Row[], length: number): Float32Array {
  const { machine, parameters } = model
  using _scope = machine.scope()
  const { hidden_MD, targets } = scoredHidden(model, rows, length)
  if (targets.length === 0) return new Float32Array(0)
  const target_M = machine.tensorOf(targets, [targets.length], 'i32')
  return headCrossEntropy(hidden_MD, parameters.head_VD, target_M, machine.zeros([targets.length])).toArray()
}

/**
 * The logits at every scored position, handed out in order; each block of them is valid during its call only.
 *
 * @param look gets the logits of one position, [V], its target, and its number among the scored ones
 */
export function eachScoredLogits(
  model: Model,
  rows: readonly Row[],
  length: number,
  look: (logits: Float32Array, target: number, index: number) => void,
): void {
  const { machine, parameters, config } = model
  using _scope = machine.scope()
  const { hidden_MD, targets } = scoredHidden(model, rows, length)
  const { vocabSize: V, width: D } = config
  const step = Math.max(1, Math.floor(blockNumbers / V))
  for (let from = 0; from < targets.length; from += step) {
    using _block = machine.scope()
    const count = Math.min(step, targets.length - from)
    const part_MD = machine.tensorOf(hidden_MD.data.subarray(from * D, (from + count) * D), [count, D])
    const logits = linear(part_MD, parameters.head_VD).toArray()
    for (let i = 0; i < count; i++) look(logits.subarray(i * V, (i + 1) * V), targets[from + i], from + i)
  }
}

/** The trunk's output where a target is scored, and those targets. */
function scoredHidden(model: Model, rows: readonly Row[], length: number): { readonly hidden_MD: Tensor; readonly targets: Int32Array } {
  const { machine, config } = model
  const D = config.width
  const join = (of: (row: Row) => Int32Array) => {
    const joined = new Int32Array(rows.length * (length + 1))
    for (const [index, row] of rows.entries()) joined.set(of(row), index * (length + 1))
    return joined
  }
  const batch: Batch = {
    rows: rows.length,
    length,
    rowTokens: length + 1,
    tokens_BS: join((row) => row.tokens),
    documentStart_BS: join((row) => row.starts),
  }
  const all_MD = hiddenStates(model, batch)
  const positions: number[] = []
  const targets: number[] = []
  for (const [index, { tokens, isScored }] of rows.entries()) {
    for (let t = 0; t < length; t++) {
      if (!isScored[t]) continue
      positions.push(index * length + t)
      targets.push(tokens[t + 1])
    }
  }
  const hidden_MD = machine.tensor([positions.length, D])
  const [from, to] = [all_MD.data, hidden_MD.data]
  for (const [index, m] of positions.entries()) to.set(from.subarray(m * D, (m + 1) * D), index * D)
  return { hidden_MD, targets: Int32Array.from(targets) }
}
