/**
 * A policy that is optimised against a reward model, looked at by the verifier: does what the model rewards stay what is right?
 *
 * The policy is a copy of the fine-tuned model, reinforced as everywhere else (rl-step.ts), with the reward model in the
 * verifier's place and without the divergence's weight, which exists to slow down what is to be seen here. Gao et al., "Scaling
 * laws for reward model overoptimization" (2022), draw the same curve.
 */
import type { Random } from '../../base/random.ts'
import { mean, meanInterval, pairedDifference } from '../../base/statistics.ts'
import type { Model } from '../../architecture/index.ts'
import { createAdamW, type Problem, type Tokenizer } from '../../foundations/index.ts'
import { Engine } from '../../inference/index.ts'
import type { RlConfig, TrainingConfig } from '../../pretraining/index.ts'
import type { Judge } from '../judge.ts'
import { policyBatches, replyLosses } from '../policy-update.ts'
import type { Reply } from '../replies.ts'
import { chooseTasks } from '../rl-problems.ts'
import { takeRlStep } from '../rl-step.ts'
import { answerProblems, type OnShare, sequenceOf } from './answers.ts'
import type { RewardPolicyEvent } from './events.ts'
import { type RewardModel, rewardsOf } from './reward-model.ts'

export interface OverOptimisation {
  /** Begins as the fine-tuned model; with gradients. */
  readonly policy: Model
  /** The fine-tuned model. */
  readonly reference: Model
  readonly reward: RewardModel
  readonly tokenizer: Tokenizer
  /** Sequences that are decoded at once. */
  readonly rows: number
  readonly judge: Judge
  readonly config: RlConfig
  readonly training: TrainingConfig
  /** Held-out problems, and for each the mean reward of the fine-tuned model's replies. */
  readonly problems: readonly Problem[]
  readonly baselines: Float64Array
  readonly steps: number
  readonly everySteps: number
  readonly rng: Random
  readonly onShare: OnShare
}

/** Optimises and looks, before the first step and then every some. @returns one event a look, the first of step 0 */
export async function overOptimise(options: OverOptimisation): Promise<RewardPolicyEvent[]> {
  const { policy, reference, reward, tokenizer, judge, config, training, steps, everySteps, rng, onShare } = options
  using _scope = policy.machine.scope()
  const engine = new Engine(policy, tokenizer, options.rows)
  const optimizer = createAdamW(policy.parameters.set, training.optimizer)
  let step = 0
  const yieldTurn = () => onShare(step / steps)
  const rewards = (replies: readonly Reply[]) => rewardsOf(reward, replies.map(sequenceOf), yieldTurn)
  const means = {
    engine,
    optimizer,
    reference,
    judge,
    tasks: chooseTasks(config.tasks),
    config: { ...config, klWeight: 0 },
    stepCount: steps,
    optimizerConfig: { ...training, optimizer: { ...training.optimizer, weightDecay: 0 } },
    rng: rng.fork('policy'),
    isShuffled: false,
    rewardsOf: rewards,
    yieldTurn,
  }

  const events: RewardPolicyEvent[] = []
  let before: Float64Array | undefined
  const look = async () => {
    const { maxTokens } = config
    engine.decoder.weights.refresh()
    // The same streams at every look: what differs is the policy.
    const answers = { samplesPerProblem: 1, maxTokens, rng: rng.fork('looks'), onShare: yieldTurn }
    const replies = (await answerProblems(engine, options.problems, judge, answers)).map((one) => one.replies[0])
    const earned = (await rewards(replies)).map((value, index) => value - options.baselines[index])
    const right = Float64Array.from(replies, ({ isCorrect }) => (isCorrect ? 1 : 0))
    before ??= right
    events.push({
      type: 'reward/policy',
      step,
      problems: replies.length,
      reward: meanInterval(earned),
      accuracy: meanInterval(right),
      gain: pairedDifference(right, before),
      klNats: await divergence(policy, reference, replies, yieldTurn),
    })
  }

  await look()
  while (step < steps) {
    await takeRlStep(means, step)
    step++
    if (step % everySteps === 0 || step === steps) await look()
  }
  return events
}

/** Mean over the policy's own replies of ln p(reply) by the policy less that by the reference: nats a reply. */
async function divergence(policy: Model, reference: Model, replies: readonly Reply[], yieldTurn: () => Promise<void>): Promise<number> {
  const sequences = replies.map(sequenceOf)
  const batches = policyBatches(sequences)
  const [own, other] = [
    await replyLosses(policy, sequences, batches, yieldTurn),
    await replyLosses(reference, sequences, batches, yieldTurn),
  ]
  const total = (losses: Float32Array) => losses.reduce((sum, loss) => sum + loss, 0)
  return mean(replies.map((_, index) => total(other[index]) - total(own[index])))
}
