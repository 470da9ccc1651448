/**
 * A policy and its replies: losses of the tokens that were drawn, and one update by GRPO's gradient.
 *
 * Prompt and reply stand in a row of their own from position 0 on, as when they were drawn. Rows are sorted by length and
 * padded within a micro-batch; padding stands behind everything that is read, and weighs nothing.
 */
import { addLoads, applyGradients, keepingOf, type UpdateConfig } from '../pretraining/index.ts'
import { type Batch, type Model, policyLosses, tokenLosses } from '../architecture/index.ts'
import { bits, differentiate } from '../compute/index.ts'
import type { AdamW } from '../foundations/index.ts'
import { type GrpoSettings, TermSums, tokenTerm } from './grpo.ts'

/** A prompt with a reply to it. */
export interface PolicySequence {
  /** Prompt, then reply. */
  readonly ids: Int32Array
  readonly promptLength: number
}

/** Rows that go through the model at once. */
export interface PolicyBatch {
  readonly batch: Batch
  /** Which sequence each row is. */
  readonly sequenceOfRow: readonly number[]
}

/** Tokens that go through the model at once, padding included, unless one row is longer. */
export const policyTokensAtOnce = 4096

/**
 * Sequences as batches, each row padded to the longest of its batch.
 *
 * @param sequences each of two tokens or more
 */
export function policyBatches(sequences: readonly PolicySequence[], tokensAtOnce = policyTokensAtOnce): PolicyBatch[] {
  const order = sequences.map((_, index) => index).sort((a, b) => sequences[b].ids.length - sequences[a].ids.length || a - b)
  const batches: PolicyBatch[] = []
  for (let from = 0; from < order.length;) {
    const rowTokens = sequences[order[from]].ids.length
    const rows = Math.min(order.length - from, Math.max(1, Math.floor(tokensAtOnce / (rowTokens - 1))))
    const sequenceOfRow = order.slice(from, from + rows)
    const tokens_BS = new Int32Array(rows * rowTokens)
    for (const [row, index] of sequenceOfRow.entries()) tokens_BS.set(sequences[index].ids, row * rowTokens)
    batches.push({ batch: { rows, length: rowTokens - 1, rowTokens, tokens_BS }, sequenceOfRow })
    from += rows
  }
  return batches
}

/** Calls `visit` for each reply token in a stretch of a batch's positions: which one it is, and its place in the stretch. */
function eachReplyToken(
  { batch: { length }, sequenceOfRow }: PolicyBatch,
  sequences: readonly PolicySequence[],
  from: number,
  count: number,
  visit: (sequence: number, token: number, place: number) => void,
): void {
  for (let place = 0; place < count; place++) {
    const m = from + place
    const index = sequenceOfRow[Math.floor(m / length)]
    const { ids, promptLength } = sequences[index]
    const target = (m % length) + 1
    if (target >= promptLength && target < ids.length) visit(index, target - promptLength, place)
  }
}

/**
 * -ln p of each reply token, in nats, one list a sequence.
 *
 * @param yieldTurn awaited between batches
 */
export async function replyLosses(
  model: Model,
  sequences: readonly PolicySequence[],
  batches: readonly PolicyBatch[],
  yieldTurn: () => Promise<void>,
): Promise<Float32Array[]> {
  const losses = sequences.map(({ ids, promptLength }) => new Float32Array(ids.length - promptLength))
  for (const part of batches) {
    {
      using _scope = model.machine.scope()
      const loss_M = tokenLosses(model, part.batch).data
      eachReplyToken(part, sequences, 0, loss_M.length, (index, token, m) => void (losses[index][token] = loss_M[m]))
    }
    await yieldTurn()
  }
  return losses
}

/** What an update learns from. All lists are in the order of the sequences. */
export interface Experience {
  readonly sequences: readonly PolicySequence[]
  readonly batches: readonly PolicyBatch[]
  readonly advantages: ArrayLike<number>
  /** -ln p of the reply tokens by the policy that the step began with, and by the reference. */
  readonly oldLosses: readonly Float32Array[]
  readonly refLosses: readonly Float32Array[]
  /** N: replies that J is averaged over; those left out count as zeros, which is what they would add. */
  readonly replyCount: number
}

/** What an update came to, all of it seen before the weights moved. */
export interface UpdateResult {
  readonly sums: TermSums
  readonly gradientNorm: number
  /** Whether losses and gradient were finite; if not, nothing was changed. */
  readonly isTaken: boolean
}

/** Takes one update of the policy, or leaves everything as it was when a loss or the gradient's norm is not finite. */
export async function updatePolicy(
  model: Model,
  optimizer: AdamW,
  experience: Experience,
  settings: GrpoSettings & { readonly learningRate: number },
  config: UpdateConfig,
  yieldTurn: () => Promise<void>,
): Promise<UpdateResult> {
  const { sequences, batches, advantages, oldLosses, refLosses, replyCount } = experience
  const { machine } = model
  const gradients = model.parameters.set.gradients!
  machine.run('fill', gradients.address, gradients.count, bits(0))
  const sums = new TermSums()
  const loads: Float64Array[] = []
  for (const part of batches) {
    differentiate(
      machine,
      () => {
        const { routers } = policyLosses(model, part.batch, (loss, from, weight) => {
          weight.fill(0)
          eachReplyToken(part, sequences, from, loss.length, (index, token, place) => {
            const term = tokenTerm(loss[place], oldLosses[index][token], refLosses[index][token], advantages[index], settings)
            sums.add(term)
            weight[place] = term.slope / (oldLosses[index].length * replyCount)
          })
        })
        addLoads(loads, routers)
      },
      keepingOf(config),
    )
    await yieldTurn()
  }
  // The routers' biases rest, as at the end of pre-training.
  const isFinite = Number.isFinite(sums.kl) && Number.isFinite(sums.ratio.max)
  const step = { learningRate: settings.learningRate, biasSpeed: 0 }
  return { sums, ...applyGradients(model, optimizer, config, step, loads, isFinite) }
}
