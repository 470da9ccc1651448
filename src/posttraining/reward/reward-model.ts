/**
 * A reward model: the trunk of a language model, and a linear head that reads one number off its output at a reply's last token.
 *
 *   r(x, y) = score · hidden(x, y) at the last token of y
 *
 * The trunk begins as the fine-tuned model, as the DeepSeek-V3 report's does (section 5.2.1: reward models start from SFT
 * checkpoints); the head begins at zero, so that at first nothing is better than anything. Rewards are in nats of log-odds, and
 * only differences between replies to one prompt mean something: pairs fix no more. Claim: posttraining.model-rewards.
 */
import { hiddenStates, type Model } from '../../architecture/index.ts'
import { linear, type Machine, type Tensor } from '../../compute/index.ts'
import { ParameterPlan, type ParameterSet } from '../../foundations/index.ts'
import { type PolicyBatch, policyBatches, policyTokensAtOnce, type PolicySequence } from '../policy-update.ts'

/** Name of the head's matrix in files. */
export const scoreName = 'score.weight'

/** The head. Its vocabulary is a single word, V = 1. */
export interface RewardHead {
  readonly set: ParameterSet
  readonly score_VD: Tensor
}

export interface RewardModel {
  readonly trunk: Model
  readonly head: RewardHead
}

/** A head of zeros. */
export function createRewardHead(machine: Machine, width: number, withGradients: boolean): RewardHead {
  const plan = new ParameterPlan()
  const score = plan.matrix([1, width], scoreName)
  const set = plan.layOut(machine, withGradients)
  const score_VD = score()
  score_VD.data.fill(0)
  return { set, score_VD }
}

/** Batches whose inputs are whole sequences: of a row all but the last token are inputs, so one more stands behind it. */
export const rewardBatches = (sequences: readonly PolicySequence[], tokensAtOnce?: number): PolicyBatch[] =>
  policyBatches(
    sequences.map(({ ids, promptLength }) => ({ ids: Int32Array.of(...ids, 0), promptLength })),
    tokensAtOnce,
  )

/**
 * Rewards of a batch's rows, in their order. With a tape, `tape.backward()` afterwards adds the gradient of the sum over rows of
 * slope times reward to trunk and head. The caller's scope owns what is allocated here.
 *
 * @param slopesOf told the rewards, says the slope of each; not asked without a tape
 */
export function rowRewards(
  { trunk, head }: RewardModel,
  { batch, sequenceOfRow }: PolicyBatch,
  sequences: readonly PolicySequence[],
  slopesOf: (rewards: Float64Array) => Float64Array = (rewards) => new Float64Array(rewards.length),
): Float64Array {
  const reward_MV = linear(hiddenStates(trunk, batch), head.score_VD)
  const lastOfRow = sequenceOfRow.map((index, row) => row * batch.length + sequences[index].ids.length - 1)
  const { data } = reward_MV
  const rewards = Float64Array.from(lastOfRow, (m) => data[m])
  const { tape } = trunk.machine
  if (tape) {
    const slopes = slopesOf(rewards)
    tape.record({
      made: [],
      inputs: () => {
        const slope_MV = tape.into(reward_MV).gradient.data
        slope_MV.fill(0)
        for (const [row, m] of lastOfRow.entries()) slope_MV[m] = slopes[row]
      },
    })
  }
  return rewards
}

/**
 * The reward of each sequence.
 *
 * @param yieldTurn awaited between batches
 */
export async function rewardsOf(
  model: RewardModel,
  sequences: readonly PolicySequence[],
  yieldTurn: () => Promise<void>,
): Promise<Float64Array> {
  const rewards = new Float64Array(sequences.length)
  for (const part of rewardBatches(sequences, policyTokensAtOnce)) {
    {
      using _scope = model.trunk.machine.scope()
      const found = rowRewards(model, part, sequences)
      for (const [row, index] of part.sequenceOfRow.entries()) rewards[index] = found[row]
    }
    await yieldTurn()
  }
  return rewards
}
