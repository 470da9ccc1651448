/**
 * One step of reinforcement: problems, replies, rewards, advantages within each group, updates.
 *
 *   draw -> verify -> compare within the group -> -ln p by the trainer and by the reference -> update
 *
 * Everything that is drawn comes from streams keyed by the step, so a step is the same whenever it is taken. DeepSeek-V3 report,
 * section 5.2; the rewards are rules (DeepSeek-R1, section 2.2.2).
 */
import { mean } from '../base/statistics.ts'
import type { Random } from '../base/random.ts'
import type { Model } from '../architecture/index.ts'
import type { AdamW, Problem } from '../foundations/index.ts'
import type { Engine } from '../inference/index.ts'
import type { RlConfig, UpdateConfig } from '../pretraining/index.ts'
import type { RlStepEvent } from './events.ts'
import { groupAdvantages, shuffledRewards, tokenKl } from './grpo.ts'
import { type Experience, policyBatches, replyLosses, type UpdateResult, updatePolicy } from './policy-update.ts'
import type { Judge } from './judge.ts'
import { drawReplies, type Reply } from './replies.ts'
import { type ChosenTask, problemsOfStep } from './rl-problems.ts'

/** What every step works with. */
export interface RlMeans {
  /** Draws from the policy's own weights, and knows its tokenizer. */
  readonly engine: Engine
  readonly optimizer: AdamW
  /** Where the stage began; its weights stay. */
  readonly reference: Model
  readonly judge: Judge
  readonly tasks: readonly ChosenTask[]
  readonly config: RlConfig
  /** Steps of the stage in all: what the rate's cosine spans. */
  readonly stepCount: number
  readonly optimizerConfig: UpdateConfig
  /** The stage's root stream. */
  readonly rng: Random
  /** Whether the rewards are dealt to the replies at random: the control. */
  readonly isShuffled: boolean
  /** Who rewards the replies in the verifier's place: a reward model. */
  readonly rewardsOf?: (replies: readonly Reply[]) => Promise<Float64Array>
  /** Lets signals in; awaited between two pieces of work. */
  readonly yieldTurn: () => Promise<void>
}

/** A step's problems and replies. */
export interface RlStepResult {
  readonly problems: readonly Problem[]
  readonly replies: readonly Reply[]
  /** Of each reply; 0 in groups without variance. */
  readonly advantages: Float64Array
  readonly drawnTokens: number
  /** The update that was not taken, if there is one: a loss or the gradient was not finite. */
  readonly failed: UpdateResult | null
  /** What the step says of itself. */
  readonly numbers: Omit<RlStepEvent, 'type' | 'stage' | 'step' | 'tokens' | 'heapBytes' | 'stepSeconds'>
}

/** The advantages of a step's replies, group by group, and which replies have something to teach. */
function advantagesOf(rewards: Float64Array, groupSize: number) {
  const advantages = new Float64Array(rewards.length)
  const taught: number[] = []
  let skippedGroups = 0
  for (let from = 0; from < rewards.length; from += groupSize) {
    const group = groupAdvantages(rewards.subarray(from, from + groupSize))
    advantages.set(group.advantages, from)
    if (group.hasVariance) for (let i = 0; i < groupSize; i++) taught.push(from + i)
    else skippedGroups++
  }
  return { advantages, taught, skippedGroups }
}

/** Largest and mean distance of the sampler's ln p from the trainer's, over all drawn tokens. */
function gapOf(replies: readonly Reply[], losses: readonly Float32Array[]): { readonly max: number; readonly mean: number } {
  let [max, sum, count] = [0, 0, 0]
  for (const [index, { logProbabilities }] of replies.entries())
    for (const [token, logProbability] of logProbabilities.entries()) {
      const gap = Math.abs(logProbability + losses[index][token])
      max = Math.max(max, gap)
      sum += gap
      count++
    }
  return { max, mean: sum / count }
}

/** Sum of k3 over all drawn tokens: the policy drew them itself, so their mean is an unbiased estimate. */
function divergenceOf(losses: readonly Float32Array[], refLosses: readonly Float32Array[]): number {
  let sum = 0
  for (const [index, own] of losses.entries()) for (const [token, loss] of own.entries()) sum += tokenKl(loss, refLosses[index][token])
  return sum
}

const shareOf = <T>(items: readonly T[], holds: (item: T) => boolean) => items.filter(holds).length / items.length

function standardDeviation(values: Float64Array): number {
  const center = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)))
}

/** The rate at a share of the stage's steps: a cosine. With few replies a step, a constant rate ends in its own noise. */
function rateOfStep({ learningRate, lastFactor }: RlConfig, share: number): number {
  return learningRate * (lastFactor + ((1 - lastFactor) * (1 + Math.cos(Math.PI * share))) / 2)
}

/**
 * Takes a step of reinforcement.
 *
 * @param step steps done before this one
 */
export async function takeRlStep(means: RlMeans, step: number): Promise<RlStepResult> {
  const { engine, config, rng, tasks, reference, yieldTurn } = means
  const { samplesPerProblem, problemsPerStep, maxTokens, level } = config
  const learningRate = rateOfStep(config, step / means.stepCount)
  const policy = engine.model
  using _step = policy.machine.scope()
  engine.decoder.weights.refresh()
  const problems = problemsOfStep(tasks, rng, step, problemsPerStep, level)
  const { replies, rolloutSeconds } = await drawReplies(engine, problems, means.judge, {
    samplesPerProblem,
    maxTokens,
    temperature: 1,
    rng: rng.fork(`replies/${step}`),
  })
  await yieldTurn()

  const trainBegun = performance.now()
  const earned = means.rewardsOf ? await means.rewardsOf(replies) : Float64Array.from(replies, ({ reward }) => reward)
  const rewards = means.isShuffled ? shuffledRewards(earned, rng.fork(`shuffle/${step}`)) : earned
  const { advantages, taught, skippedGroups } = advantagesOf(rewards, samplesPerProblem)
  const allSequences = replies.map(({ promptIds, ids }) => ({ ids: Int32Array.of(...promptIds, ...ids), promptLength: promptIds.length }))
  const allBatches = policyBatches(allSequences)
  // By the trainer, not the sampler: the first ratio is then 1, and what the two make of the same tokens is measured beside it.
  const oldLosses = await replyLosses(policy, allSequences, allBatches, yieldTurn)
  const refLosses = await replyLosses(reference, allSequences, allBatches, yieldTurn)
  const taughtOf = <T>(all: ArrayLike<T>) => taught.map((index) => all[index])
  const sequences = taughtOf(allSequences)
  const experience: Experience = {
    sequences,
    batches: policyBatches(sequences),
    advantages: taughtOf(advantages),
    oldLosses: taughtOf(oldLosses),
    refLosses: taughtOf(refLosses),
    replyCount: replies.length,
  }
  const { updates, failed } = await runUpdates(means, experience, learningRate)
  const [first, last] = [updates.at(0)?.sums, updates.at(-1)?.sums]
  const tokens = updates.reduce((sum, { sums }) => sum + sums.tokens, 0)
  const drawnTokens = replies.reduce((sum, { ids }) => sum + ids.length, 0)
  const all = { min: 1, max: 1 }
  return {
    problems,
    replies,
    advantages,
    drawnTokens,
    failed,
    numbers: {
      replies: replies.length,
      rewardMean: mean(earned),
      rewardStd: standardDeviation(earned),
      accuracy: shareOf(replies, ({ isCorrect }) => isCorrect),
      formatRate: shareOf(replies, ({ isWellFormed }) => isWellFormed),
      stopRate: shareOf(replies, ({ isStopped }) => isStopped),
      skippedGroups,
      groups: problems.length,
      replyTokensMean: drawnTokens / replies.length,
      klNats: divergenceOf(oldLosses, refLosses) / drawnTokens,
      clipShare: tokens > 0 ? updates.reduce((sum, { sums }) => sum + sums.clipped, 0) / tokens : 0,
      ratioFirst: first?.ratioRange ?? all,
      ratioLast: last?.ratioRange ?? all,
      logProbabilityGap: gapOf(replies, oldLosses),
      entropyNats: -replies.reduce((sum, { logProbabilities }) => sum + logProbabilities.reduce((a, b) => a + b, 0), 0) / drawnTokens,
      gradientNorm: updates.at(-1)?.gradientNorm ?? 0,
      learningRate,
      updates: updates.filter(({ isTaken }) => isTaken).length,
      rolloutSeconds,
      trainSeconds: (performance.now() - trainBegun) / 1000,
      rolloutTokensPerSecond: drawnTokens / rolloutSeconds,
    },
  }
}

/** The step's updates, up to the first that cannot be taken. */
async function runUpdates(
  { engine, optimizer, config, optimizerConfig, yieldTurn }: RlMeans,
  experience: Experience,
  learningRate: number,
): Promise<{ readonly updates: readonly UpdateResult[]; readonly failed: UpdateResult | null }> {
  const updates: UpdateResult[] = []
  if (experience.sequences.length === 0) return { updates, failed: null }
  for (let update = 0; update < config.updatesPerStep; update++) {
    const result = await updatePolicy(engine.model, optimizer, experience, { ...config, learningRate }, optimizerConfig, yieldTurn)
    updates.push(result)
    if (!result.isTaken) return { updates, failed: result }
  }
  return { updates, failed: null }
}
