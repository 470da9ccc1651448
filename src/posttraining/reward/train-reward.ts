/**
 * Training a reward model on pairs (Bradley and Terry, 1952): the better reply shall score higher.
 *
 *   L = mean over pairs of -ln sigma(r_better - r_worse)
 *
 * Every step takes pairs in an order that is drawn anew for each pass; both replies of a pair are in the same step. The same
 * seed gives the same weights on any number of threads.
 */
import { usageError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { bits, differentiate } from '../../compute/index.ts'
import { type AdamW, createAdamW, norm, type ParameterSet, stepAdamW } from '../../foundations/index.ts'
import { keepingOf, type UpdateConfig } from '../../pretraining/index.ts'
import { type OnShare, type PreferencePair, sequenceOf } from './answers.ts'
import { rewardBatches, type RewardModel, rowRewards } from './reward-model.ts'

export interface RewardTraining {
  readonly epochs: number
  readonly pairsPerStep: number
  /** Highest rates of trunk and head; both fall in a straight line to a tenth. A rate of 0 leaves the trunk as it is. */
  readonly trunkRate: number
  readonly headRate: number
}

/** One step: the loss in nats a pair, and the share of its pairs whose better reply scored higher before the step. */
export interface RewardStep {
  readonly lossNats: number
  readonly agreement: number
}

/** Rate at the end as a share of the highest. */
const lastFactor = 0.1

/** Negative log-likelihood of "the first is better", and its slope. @param margin of its reward over the other's */
export function pairLoss(margin: number): { readonly loss: number; readonly slope: number } {
  // ln(1 + e^-m) without overflow, and its derivative.
  const loss = margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin
  return { loss, slope: -1 / (1 + Math.exp(margin)) }
}

/**
 * Trains a reward model in place.
 *
 * @param model with gradients @param rng of the order of pairs
 * @throws UsageError when a loss or a gradient is not finite
 */
export async function trainRewardModel(
  model: RewardModel,
  pairs: readonly PreferencePair[],
  { epochs, pairsPerStep, trunkRate, headRate }: RewardTraining,
  training: UpdateConfig,
  rng: Random,
  onShare?: OnShare,
): Promise<RewardStep[]> {
  const sets = [
    { set: model.trunk.parameters.set, rate: trunkRate },
    { set: model.head.set, rate: headRate },
  ].filter(({ rate }) => rate > 0)
  const parts = sets.map(({ set, rate }) => ({ set, rate, optimizer: createAdamW(set, training.optimizer) }))
  const stepsPerEpoch = Math.ceil(pairs.length / pairsPerStep)
  const stepCount = epochs * stepsPerEpoch
  const steps: RewardStep[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = rng.fork(`order/${epoch}`).shuffle([...pairs])
    for (let from = 0; from < order.length; from += pairsPerStep) {
      await onShare?.(steps.length / stepCount)
      const factor = 1 - ((1 - lastFactor) * steps.length) / stepCount
      steps.push(takeStep(model, order.slice(from, from + pairsPerStep), parts, training, factor, steps.length))
    }
  }
  return steps
}

interface Trained {
  readonly set: ParameterSet
  readonly rate: number
  readonly optimizer: AdamW
}

function takeStep(
  model: RewardModel,
  pairs: readonly PreferencePair[],
  parts: readonly Trained[],
  training: UpdateConfig,
  factor: number,
  step: number,
): RewardStep {
  const { machine } = model.trunk
  for (const { gradients } of [model.trunk.parameters.set, model.head.set])
    machine.run('fill', gradients!.address, gradients!.count, bits(0))
  // Pair p is in the sequences 2 p and 2 p + 1.
  const sequences = pairs.flatMap(({ better, worse }) => [sequenceOf(better), sequenceOf(worse)])
  const [batch] = rewardBatches(sequences, Infinity)
  let [lossNats, right] = [0, 0]
  differentiate(
    machine,
    () => {
      rowRewards(model, batch, sequences, (rewards) => {
        const rowOf = new Map(batch.sequenceOfRow.map((sequence, row) => [sequence, row]))
        const slopes = new Float64Array(rewards.length)
        for (let pair = 0; pair < pairs.length; pair++) {
          const [better, worse] = [rowOf.get(2 * pair)!, rowOf.get(2 * pair + 1)!]
          const { loss, slope } = pairLoss(rewards[better] - rewards[worse])
          lossNats += loss / pairs.length
          if (rewards[better] > rewards[worse]) right++
          slopes[better] = slope / pairs.length
          slopes[worse] = -slope / pairs.length
        }
        return slopes
      })
    },
    keepingOf(training),
  )
  const gradientNorm = Math.hypot(...parts.map(({ set }) => norm(set.gradients!)))
  if (!Number.isFinite(lossNats) || !Number.isFinite(gradientNorm))
    throw usageError(`reward model, step ${step + 1}`, 'a finite loss and gradient', `${lossNats} and ${gradientNorm}`, 'Lower its rates.')
  for (const { set, rate, optimizer } of parts) stepAdamW(optimizer, set, training.optimizer, gradientNorm, factor * rate)
  return { lossNats, agreement: right / pairs.length }
}
