/** What post-training has to say: the data of fine-tuning, one event a step of reinforcement, accuracies, examples. */
import type { Interval } from '../base/statistics.ts'
import type { Stage } from '../pretraining/index.ts'
import type { GeneratedDataEvent } from './generated/events.ts'
import type { RewardEvent } from './reward/events.ts'

/** The stages that reinforce: with the verifiers' rewards, and with the same rewards in a random order. */
export type RlStage = Extract<Stage, 'rl' | 'rl-shuffled'>

/** What a fine-tuning is made of; appended when it begins, before its `training/start`. */
export interface SftDataEvent {
  readonly type: 'sft/data'
  /** All that were given. */
  readonly conversations: number
  /** Conversations of each maker or file. */
  readonly bySource: Readonly<Record<string, number>>
  /** Rows that one pass over the conversations takes, and tokens in each. */
  readonly rows: number
  readonly rowLength: number
  /** Rows of pre-training text that go with a pass. */
  readonly replayedRows: number
  /** Of one pass: tokens of all conversations, and those of them that the assistant has to say. */
  readonly tokens: number
  readonly supervisedTokens: number
  /** Conversations that no row has room for, and those of whose answers nothing is left to learn. */
  readonly droppedTooLong: number
  readonly droppedWithoutTargets: number
  /** Share of the rows' positions that carry a conversation, 0..1. */
  readonly filledShare: number
}

/** Smallest and largest of something. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** A step of reinforcement. Shares are of the step's replies, 0..1, unless said otherwise. */
export interface RlStepEvent {
  readonly type: 'rl/step'
  readonly stage: RlStage
  /** Steps done, this one included. */
  readonly step: number
  /** Tokens drawn so far in the stage, this step's included. */
  readonly tokens: number
  readonly replies: number
  /** Of the rewards that the verifiers gave, whoever got them afterwards. */
  readonly rewardMean: number
  /** Population standard deviation. */
  readonly rewardStd: number
  /** Share of correct replies. */
  readonly accuracy: number
  readonly formatRate: number
  /** Share that ended with the end-of-text token. */
  readonly stopRate: number
  /** Problems whose replies all earned the same: nothing to learn from, left out of the updates. */
  readonly skippedGroups: number
  readonly groups: number
  readonly replyTokensMean: number
  /** Divergence from the reference where the step began: mean of k3 over all drawn tokens, in nats a token. */
  readonly klNats: number
  /** Share of tokens whose ratio was cut off, over all updates. */
  readonly clipShare: number
  /** Ratio of the policy to the one that drew, before the first update: 1 but for rounding. */
  readonly ratioFirst: Range
  /** Before the last update; the same as `ratioFirst` where there is only one. */
  readonly ratioLast: Range
  /** Largest and mean |ln p of the sampler - ln p of the trainer| over the drawn tokens, in nats. */
  readonly logProbabilityGap: { readonly max: number; readonly mean: number }
  /** Mean of -ln p of the drawn tokens by the sampler, in nats: how undecided the policy is. */
  readonly entropyNats: number
  /** Of the last update, before clipping; 0 in a step without an update. */
  readonly gradientNorm: number
  readonly learningRate: number
  /** Updates that were taken. */
  readonly updates: number
  readonly stepSeconds: number
  readonly rolloutSeconds: number
  readonly trainSeconds: number
  readonly rolloutTokensPerSecond: number
  /** High-water mark of the heap so far. */
  readonly heapBytes: number
}

/** Verdicts that a verifier did not give: it threw, gave something else, or did not end. They count as wrong. */
export interface VerifierFaultEvent {
  readonly type: 'rl/verifier-fault'
  readonly stage: RlStage
  readonly step: number
  readonly count: number
  readonly replies: number
  /** Of the first one. */
  readonly problem: string
  readonly fault: string
}

/** Accuracy on held-out problems: one event a task, and one for all of them. */
export interface AccuracyEvent {
  readonly type: 'posttraining/accuracy'
  /** Of the run: the stage that the model came out of. */
  readonly stage: Stage
  /** Name of a task, or "all": every problem of all tasks together. */
  readonly task: string
  /** The recipe's word for it: "letters", "arithmetic"; "all" for all. */
  readonly family: string
  /** Temperature that replies were drawn at; 0 takes the likeliest token each time. */
  readonly temperature: number
  /** Problems, each answered once. */
  readonly n: number
  readonly correct: number
  readonly accuracy: number
  /** Mean chance level of the problems. */
  readonly chance: number
  /** Of the accuracy, 95 % (Wilson). */
  readonly interval: Interval
  /** Replies in the form that was asked for, replies that ended by themselves: shares. */
  readonly formatRate: number
  readonly stopRate: number
  /** Tokens of a reply, its end included. */
  readonly meanTokens: number
}

/** One held-out problem with a model's reply, for the reader. The first problems of each task are shown, whatever they came to. */
export interface PosttrainingSampleEvent {
  readonly type: 'posttraining/sample'
  readonly stage: Stage
  readonly task: string
  readonly prompt: string
  /** What the model said, its end left out. */
  readonly reply: string
  /** A right answer. */
  readonly answer: string
  readonly isCorrect: boolean
  readonly isWellFormed: boolean
  readonly reward: number
}

/** The best and the worst reply of one group in training. */
export interface GroupExampleEvent {
  readonly type: 'rl/example'
  readonly stage: RlStage
  readonly step: number
  readonly task: string
  readonly prompt: string
  readonly best: { readonly reply: string; readonly reward: number; readonly advantage: number }
  readonly worst: { readonly reply: string; readonly reward: number; readonly advantage: number }
}

export type PosttrainingEvent =
  | SftDataEvent
  | RlStepEvent
  | VerifierFaultEvent
  | AccuracyEvent
  | PosttrainingSampleEvent
  | GroupExampleEvent
  | RewardEvent
  | GeneratedDataEvent

/**
 * The steps of a reinforcement in order, each once: what was done again after a resume replaces what was lost.
 *
 * @param events of one run folder, resumed runs included
 */
export function rlTrace(events: readonly { readonly type: string }[], stage: RlStage = 'rl'): RlStepEvent[] {
  const trace: RlStepEvent[] = []
  for (const event of events as readonly (
    | RlStepEvent
    | { readonly type: 'training/start'; readonly stage: Stage; readonly step: number }
  )[]) {
    if (event.stage !== stage) continue
    if (event.type === 'training/start') while (trace.length > 0 && trace.at(-1)!.step > event.step) trace.pop()
    else if (event.type === 'rl/step') trace.push(event)
  }
  return trace
}
