/**
 * What comes after pre-training, in seconds on this machine: FLOPs of every later stage at the speed that was measured in
 * training. Decoding reaches a smaller share of the peak than training does; the shares below are of a finished `nano` run.
 */
import { countParameters, trainingFlopsPerToken } from '../../architecture/index.ts'
import { ablationBase, extensionStages, type Recipe, type TrainingSpeed } from '../../pretraining/index.ts'
import type { Until } from './part.ts'

/** Tokens of a made conversation, about; the user's own count by the same. */
const conversationTokens = 32
/** Tokens of a problem's prompt, and of a reply as a share of the longest. */
const promptTokens = 20
const replyShare = 0.45
/** Speed of decoding as a share of that of training, in FLOPs. */
const decodeSpeed = 0.4
/**
 * Forward and backward through the policy, and forward once more through it and through the reference, beside a training step,
 * whose MTP modules rest here and whose batches are smaller.
 */
const policyFactor = 0.65
/** Runs of an ablation, on the average of the built-in ones. */
const runsOfAblation = 3
/** Scores, samples and measurements of speed: held-out text is passed through the model about so many times. */
const bytesPerToken = 2.6
const domainCount = 6
const taskTokens = 120
/** Everything that is no FLOPs: counting n-grams, looking for copies, compressors, measuring decoding, the report. */
const fixedSeconds = 25

/** FLOPs of the later stages at the speed of training, each of them. */
function laterFlops(recipe: Recipe): number {
  const { model, training, sft, rl, ablations, evaluation } = recipe
  const perToken = (rowLength: number) => trainingFlopsPerToken(model, rowLength).totalWithMtp
  const stages = extensionStages(recipe)
  const extension = stages.reduce((sum, stage) => sum + stage.training.tokens * perToken(stage.training.rowLength), 0)
  const tuning = sft
    ? ((sft.conversations + sft.problems) * conversationTokens * sft.epochs * perToken(sft.rowLength)) / (1 - sft.replayShare)
    : 0
  const replies = rl ? (rl.steps + rl.shuffledSteps) * rl.problemsPerStep * rl.samplesPerProblem : 0
  const replyTokens = rl ? replyShare * rl.maxTokens : 0
  const decoding = (2 * countParameters(model).activated) / decodeSpeed
  const reinforcement = replies * (replyTokens * decoding + (promptTokens + replyTokens) * policyFactor * perToken(promptTokens))
  const base = ablations && ablationBase(recipe)
  const ablation = base
    ? ablations.names.length *
      runsOfAblation *
      ablations.seeds *
      ablations.tokens *
      trainingFlopsPerToken(base.model, base.training.rowLength).totalWithMtp
    : 0
  const scoredTokens =
    (1.5 * domainCount * evaluation.bytesPerDomain) / bytesPerToken +
    4 * evaluation.tasks.length * evaluation.itemsPerTask * taskTokens +
    (stages.length + 1) * (stages.length + 1) * evaluation.positionTokens
  return extension + tuning + reinforcement + ablation + (scoredTokens * perToken(training.rowLength)) / 3
}

/**
 * Seconds of everything after pre-training.
 *
 * @param until how far the run goes; nothing comes after a run that only pre-trains
 */
export function laterSeconds(recipe: Recipe, until: Until, { flopsPerSecond }: TrainingSpeed): number {
  return until === 'pretrain' ? 0 : fixedSeconds + laterFlops(recipe) / flopsPerSecond
}

const scaled = (value: number, factor: number) => Math.max(1, Math.round(value * factor))

/**
 * A recipe whose later stages are longer or shorter.
 *
 * @param factor on the steps of each, the conversations and the tokens of ablations; its root on the solved problems where it is
 *   below 1; what is measured stays
 */
export function scaleLaterStages(recipe: Recipe, factor: number): Recipe {
  const { extension, sft, rl, ablations } = recipe
  return {
    ...recipe,
    extension: extension && { ...extension, steps: scaled(extension.steps, factor) },
    sft: sft && {
      ...sft,
      conversations: sft.conversations === 0 ? 0 : Math.max(48, Math.round(sft.conversations * factor)),
      // Copying from the prompt arrives all at once after so many of them: half as many are worth far less than half.
      problems: Math.round(sft.problems * (factor < 1 ? Math.sqrt(factor) : factor)),
    },
    rl: rl && { ...rl, steps: scaled(rl.steps, factor), shuffledSteps: rl.shuffledSteps === 0 ? 0 : scaled(rl.shuffledSteps, factor) },
    ablations: ablations && { ...ablations, tokens: Math.max(2048, Math.round(ablations.tokens * factor)) },
  }
}
