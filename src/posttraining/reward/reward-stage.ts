/**
 * A run's reward model: made from the fine-tuned model and what it says to training problems, saved, and measured on held-out
 * ones.
 *
 *   draw replies to training problems -> verify -> pairs that differ -> train (Bradley-Terry) -> save
 *   draw replies to held-out problems -> agreement -> best of n -> a policy that is optimised against it
 *
 * The verifier stands for what a person would prefer: here it is known exactly, so what a learnt reward is worth can be measured.
 * What is saved is the trained model. Cut short, the verb loses at most the part that it was in, and comes to the same numbers
 * when typed again. Claim: posttraining.model-rewards.
 */
import { usageError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { EventSink } from '../../base/run-log.ts'
import { type Interval, mean, meanInterval, pairedDifference } from '../../base/statistics.ts'
import { createModel, type Model } from '../../architecture/index.ts'
import type { Machine } from '../../compute/index.ts'
import { drawProblems, type ProblemSide, type Tokenizer } from '../../foundations/index.ts'
import { Engine } from '../../inference/index.ts'
import { documentHash, readStageWeights } from '../../infrastructure/index.ts'
import { checkHeap, configAfter, type Recipe, type RlConfig } from '../../pretraining/index.ts'
import { type Judge, openJudge } from '../judge.ts'
import { chooseTasks } from '../rl-problems.ts'
import { rolloutRows } from '../rl-stage.ts'
import { policyTokensAtOnce } from '../policy-update.ts'
import { answerProblems, type Answered, nothingToLearn, preferencePairs, sequenceOf } from './answers.ts'
import { agreementOn, bestOf, bestOfKl, type Rewarded } from './best-of.ts'
import type { BestOfEvent, RewardAgreementEvent, RewardEvent, RewardParts, RewardTrainingEvent } from './events.ts'
import { overOptimise } from './over-optimisation.ts'
import { readRewardModel, rewardFile, writeRewardModel } from './reward-file.ts'
import { createRewardHead, type RewardModel, rewardsOf } from './reward-model.ts'
import { type RewardTraining, trainRewardModel } from './train-reward.ts'

/** Everything that decides a reward model beside the run. */
export interface RewardSettings extends RewardTraining {
  readonly trainProblems: number
  readonly trainSamples: number
  readonly mostPairsPerProblem: number
  readonly heldOutProblems: number
  /** G: replies to each held-out problem; the largest n of best-of-n. */
  readonly heldOutSamples: number
  /** Steps of a policy that is optimised against the reward model, and between two looks at it; 0 for none. */
  readonly policySteps: number
  readonly policyEverySteps: number
}

/** Settings of a run: those of nano, or smaller where its reinforcement is smaller. */
export function rewardSettings({ rl }: Recipe): RewardSettings {
  const { steps = 0, problemsPerStep = 0, heldOutProblems = 0 } = rl ?? {}
  return {
    trainProblems: Math.min(1000, steps * problemsPerStep),
    trainSamples: 8,
    mostPairsPerProblem: 4,
    epochs: 2,
    pairsPerStep: 16,
    trunkRate: 3e-4,
    headRate: 3e-3,
    heldOutProblems: Math.min(400, heldOutProblems),
    heldOutSamples: 16,
    policySteps: Math.min(30, steps),
    policyEverySteps: 10,
  }
}

export interface RewardSurroundings {
  readonly machine: Machine
  readonly recipe: Recipe
  readonly tokenizer: Tokenizer
  /** The run's folder, where the reward model is kept. */
  readonly folder: string
  /** Folder of the last checkpoint of fine-tuning. */
  readonly from: string
  readonly log: EventSink<RewardEvent>
  readonly settings?: RewardSettings
  /** Awaited between two pieces of work; may throw to end it. @param share of this piece that is done */
  readonly onProgress?: (what: string, share: number) => Promise<void>
  /** Shown the held-out replies with their rewards, for others to judge. */
  readonly onHeldOut?: (model: Model, rewarded: readonly Rewarded[]) => Promise<void>
}

/**
 * Makes or finds a run's reward model, and measures it.
 *
 * @returns what was appended to the log
 * @throws UsageError when the recipe does not reinforce, or no problem has both right and wrong replies
 */
export async function measureReward(around: RewardSurroundings): Promise<RewardEvent[]> {
  const { machine, recipe, tokenizer, from, log, settings = rewardSettings(recipe), onProgress, onHeldOut } = around
  const { rl } = recipe
  if (rl === null) throw usageError('recipe', 'a section rl, which names the tasks', 'null', 'Use a recipe that reinforces.')
  const config = configAfter(recipe, 'sft')
  checkHeap(config, { ...recipe.training, microRows: 1, rowLength: policyTokensAtOnce })
  const events: RewardEvent[] = []
  const append = (event: RewardEvent) => {
    events.push(event)
    log.append(event)
  }
  const rng = Random.seeded(recipe.seed).fork('reward')
  const judge = await openJudge(rl.verifier)
  try {
    using _scope = machine.scope()
    const policy = createModel(machine, config, { withGradients: false, length: config.maxLength })
    readStageWeights(from, policy)
    const engine = new Engine(policy, tokenizer, rolloutRows)
    const draw = (side: ProblemSide, count: number, samplesPerProblem: number) =>
      answerAll(engine, judge, rl, rng.fork(side), { side, count, samplesPerProblem }, (share) => onProgress?.(`replies, ${side}`, share))
    const reward = await findReward(around, settings, append, () => draw('train', settings.trainProblems, settings.trainSamples))

    const answered = await draw(rl.scoredOn, settings.heldOutProblems, settings.heldOutSamples)
    const rewarded = await withRewards(reward, answered, async () => onProgress?.('rewards', 0))
    for (const event of [agreementEvent(rewarded, partsOf(settings)), ...bestOfEvents(rewarded)]) append(event)
    await onHeldOut?.(policy, rewarded)

    if (settings.policySteps > 0) {
      const optimised = createModel(machine, config, { withGradients: true, length: config.maxLength })
      readStageWeights(from, optimised)
      const looks = await overOptimise({
        policy: optimised,
        reference: policy,
        reward,
        tokenizer,
        rows: rolloutRows,
        judge,
        config: rl,
        training: recipe.training,
        problems: rewarded.map(({ problem }) => problem),
        baselines: Float64Array.from(rewarded, ({ rewards }) => mean(rewards)),
        steps: settings.policySteps,
        everySteps: settings.policyEverySteps,
        rng: rng.fork('over-optimisation'),
        onShare: async (share) => onProgress?.('a policy against the reward model', share),
      })
      looks.forEach(append)
    }
    return events
  } finally {
    await judge.close()
  }
}

const partsOf = ({ trunkRate }: RewardTraining): RewardParts => (trunkRate > 0 ? 'trunk and head' : 'head')

interface Drawing {
  readonly side: ProblemSide
  readonly count: number
  readonly samplesPerProblem: number
}

function answerAll(
  engine: Engine,
  judge: Judge,
  { tasks, level, maxTokens }: RlConfig,
  rng: Random,
  { side, count, samplesPerProblem }: Drawing,
  onShare: (share: number) => Promise<void> | undefined,
): Promise<Answered[]> {
  const chosen = chooseTasks(tasks).map(({ task }) => task)
  const problems = drawProblems(chosen, rng.fork('problems'), { side, count, level })
  return answerProblems(engine, problems, judge, { samplesPerProblem, maxTokens, rng, onShare: async (share) => onShare(share) })
}

/** The run's reward model: read where there is one of these settings, trained and saved where there is none. */
async function findReward(
  { machine, recipe, folder, from, onProgress }: RewardSurroundings,
  settings: RewardSettings,
  append: (event: RewardEvent) => void,
  draw: () => Promise<Answered[]>,
): Promise<RewardModel> {
  const config = configAfter(recipe, 'sft')
  const model = (withGradients: boolean): RewardModel => ({
    trunk: createModel(machine, config, { withGradients, length: config.maxLength }),
    head: createRewardHead(machine, config.width, withGradients),
  })
  const { heldOutProblems: _p, heldOutSamples: _s, policySteps: _t, policyEverySteps: _e, ...deciding } = settings
  const identity = documentHash([recipe, from.replace(/^.*[\\/]/, ''), deciding, machine.kernels.dialect])
  const file = rewardFile(folder)
  const found = model(false)
  if (readRewardModel(file, found, identity)) return found
  const answered = await draw()
  const pairs = preferencePairs(answered, settings.mostPairsPerProblem)
  if (pairs.length === 0) throw nothingToLearn('reward model', 'problems to which some replies are right and others wrong', answered)
  {
    using _scope = machine.scope()
    const begun = performance.now()
    const trained = model(true)
    readStageWeights(from, trained.trunk)
    const training = { ...recipe.training, optimizer: { ...recipe.training.optimizer, weightDecay: 0 } }
    const stream = Random.seeded(recipe.seed).fork('reward/training')
    const steps = await trainRewardModel(trained, pairs, settings, training, stream, async (share) => onProgress?.('reward model', share))
    const tenth = Math.max(1, Math.floor(steps.length / 10))
    const event: RewardTrainingEvent = {
      type: 'reward/training',
      parts: partsOf(settings),
      problems: answered.length,
      mixedProblems: new Set(pairs.map(({ problem }) => problem.id)).size,
      samplesPerProblem: settings.trainSamples,
      pairs: pairs.length,
      epochs: settings.epochs,
      steps: steps.length,
      firstLossNats: mean(steps.slice(0, tenth).map(({ lossNats }) => lossNats)),
      lastLossNats: mean(steps.slice(-tenth).map(({ lossNats }) => lossNats)),
      seconds: (performance.now() - begun) / 1000,
    }
    append(event)
    writeRewardModel(file, trained, identity)
  }
  // Read back, so that a model that was just trained and one that was found are the same thing.
  readRewardModel(file, found, identity)
  return found
}

async function withRewards(model: RewardModel, answered: readonly Answered[], yieldTurn: () => Promise<void>): Promise<Rewarded[]> {
  const sequences = answered.flatMap(({ replies }) => replies.map(sequenceOf))
  const rewards = await rewardsOf(model, sequences, yieldTurn)
  let next = 0
  return answered.map((one) => ({ ...one, rewards: rewards.subarray(next, (next += one.replies.length)) }))
}

/** The mean with its interval; of a single value, which has none, the widest that a share can have. */
const interval = (values: readonly number[]): Interval =>
  values.length > 1 ? meanInterval(values) : { value: values[0], low: 0, high: 1, count: 1 }

function agreementEvent(rewarded: readonly Rewarded[], parts: RewardParts): RewardAgreementEvent {
  const found = rewarded.flatMap((one) => {
    const agreement = agreementOn(one)
    return agreement ? [{ task: one.problem.task, ...agreement }] : []
  })
  if (found.length === 0)
    throw usageError('reward model', 'held-out problems with right and wrong replies', 'none', 'Fine-tune the model further.')
  const byTask = [...new Set(found.map(({ task }) => task))].map((task) => {
    const own = found.filter((one) => one.task === task)
    return { task, problems: own.length, agreement: mean(own.map(({ agreement }) => agreement)) }
  })
  return {
    type: 'reward/agreement',
    parts,
    problems: found.length,
    pairs: found.reduce((sum, { pairs }) => sum + pairs, 0),
    chance: 0.5,
    agreement: interval(found.map(({ agreement }) => agreement)),
    byTask,
  }
}

/** n = 1, 2, 4, … up to all replies of a problem. */
function bestOfEvents(rewarded: readonly Rewarded[]): BestOfEvent[] {
  const most = rewarded[0].replies.length
  const counts = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, power) => 2 ** power)
  const random = rewarded.map((one) => bestOf(one, 1).right)
  return counts.map((n) => {
    const found = rewarded.map((one) => bestOf(one, n))
    const right = found.map((one) => one.right)
    return {
      type: 'reward/best-of',
      n,
      problems: rewarded.length,
      accuracy: meanInterval(right),
      randomAccuracy: mean(random),
      oracleAccuracy: mean(found.map(({ anyRight }) => anyRight)),
      gain: pairedDifference(right, random),
      reward: meanInterval(found.map(({ reward }) => reward)),
      klNats: bestOfKl(n),
    }
  })
}
