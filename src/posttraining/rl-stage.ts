/**
 * Reinforcement in a run's folder: begins from the fine-tuned model, goes on from its own latest checkpoint, saves new ones.
 *
 * The same conventions as the training loop: a checkpoint now and then, one at the end, an interruption heard after each step,
 * and k steps, a checkpoint and n - k steps are n steps, bit for bit. The control has the name "rl-shuffled": the same problems
 * and verifiers, with the rewards of each step dealt to its replies at random. Claim: posttraining.rule-rewards.
 */
import { usageError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { teeLog } from '../base/run-log.ts'
import { turn } from '../base/turn.ts'
import { createModel } from '../architecture/index.ts'
import { createAdamW } from '../foundations/index.ts'
import { Engine } from '../inference/index.ts'
import { documentHash, latestCheckpoint, readCheckpoint, readStageWeights, writeCheckpoint } from '../infrastructure/index.ts'
import { checkHeap, configAfter, type Recipe, type RlConfig, type StageOutcome } from '../pretraining/index.ts'
import type { RlStage } from './events.ts'
import { policyTokensAtOnce } from './policy-update.ts'
import { openJudge } from './judge.ts'
import { chooseTasks } from './rl-problems.ts'
import { reinforce } from './rl-loop.ts'
import type { PosttrainingLogEvent, PosttrainingSurroundings } from './surroundings.ts'

/** Sequences that are decoded at once. */
export const rolloutRows = 16

/** The part of a recipe. @throws UsageError when it has none */
function rlOf({ rl }: Recipe): RlConfig {
  if (rl === null) throw usageError('recipe', 'a section rl', 'null', 'Use a recipe that reinforces, or leave this stage out.')
  return rl
}

/**
 * Reinforces the model that `from` holds, or its control, from where the stage stands in the run's folder.
 *
 * Appends `training/start`, for each step `rl/step` (or `training/skipped`), now and then `rl/example`, `rl/verifier-fault`
 * where a verifier failed, `training/checkpoint` and `training/end`. Weights are not decayed: what holds the policy is the
 * divergence, and the modules of multi-token prediction stay as they are.
 *
 * @throws UsageError when the recipe has no such stage, names unknown tasks or a verifier that cannot be used or gives no verdicts, prompts leave no
 *   room for replies, a checkpoint does not belong to the run, or updates fail too often in a row
 */
export async function trainRl(surroundings: PosttrainingSurroundings, stage: RlStage = 'rl'): Promise<StageOutcome> {
  const { machine, recipe, run, text, from, stop } = surroundings
  const config = rlOf(recipe)
  const isShuffled = stage === 'rl-shuffled'
  const stepCount = isShuffled ? config.shuffledSteps : config.steps
  const tasks = chooseTasks(config.tasks)
  const sizes = configAfter(recipe, stage)
  const training = { ...recipe.training, optimizer: { ...recipe.training.optimizer, weightDecay: 0 } }
  checkHeap(sizes, { ...training, microRows: 1, rowLength: policyTokensAtOnce })
  const judge = await openJudge(config.verifier)
  try {
    const options = { length: sizes.maxLength }
    const model = createModel(machine, sizes, { withGradients: true, ...options })
    const reference = createModel(machine, sizes, { withGradients: false, ...options })
    readStageWeights(from, reference)
    const optimizer = createAdamW(model.parameters.set, training.optimizer)
    const hashes = { recipeHash: documentHash(recipe), dataHash: text.tokenized.fingerprint }
    const { found, broken } = latestCheckpoint(run.folder, stage)
    let start = { step: 0, tokens: 0, skippedInARow: 0 }
    if (found) {
      const { step, tokens, schedule } = readCheckpoint(found.folder, { model, optimizer }, hashes)
      start = { step, tokens, skippedInARow: schedule['skippedInARow'] ?? 0 }
    } else readStageWeights(from, model)
    if (found || broken.length > 0)
      surroundings.onResume?.(
        start.step,
        broken.map(({ reason }) => reason),
      )
    const outcome = await reinforce({
      stage,
      stepCount,
      start,
      means: {
        engine: new Engine(model, text.tokenizer, rolloutRows),
        optimizer,
        reference,
        judge,
        tasks,
        config,
        stepCount,
        optimizerConfig: training,
        rng: Random.seeded(recipe.seed).fork('rl'),
        isShuffled,
        yieldTurn: turn,
      },
      training,
      stop,
      isSaved: found !== null,
      log: teeLog<PosttrainingLogEvent>(run.log, { append: (event) => surroundings.onEvent?.(event) }),
      save: ({ step, tokens, skippedInARow }) => {
        run.log.sync()
        const state = { stage, step, tokens, random: [], data: null, schedule: { skippedInARow }, ...hashes }
        return writeCheckpoint(run.folder, { model, optimizer, state }, { keepCount: training.keptCheckpoints })
      },
    })
    return { ...outcome, model, optimizer }
  } finally {
    await judge.close()
  }
}
