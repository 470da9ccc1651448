/**
 * Accuracy on problems that no training step has seen: one reply to each, checked by its verifier, beside chance, with an
 * interval.
 *
 * Replies are drawn at temperature 1 unless asked for otherwise: what they earn on the average is what reinforcement raises.
 * Each problem is answered once, so the interval is that of independent trials; problems and random streams are the same
 * before and after a stage.
 * Claims: posttraining.sft-format, posttraining.rule-rewards.
 */
import { Random } from '../base/random.ts'
import type { EventSink } from '../base/run-log.ts'
import { mean, shareInterval } from '../base/statistics.ts'
import { chanceLevel, drawProblems, type Problem } from '../foundations/index.ts'
import type { Engine } from '../inference/index.ts'
import type { RlConfig, Stage } from '../pretraining/index.ts'
import type { AccuracyEvent, PosttrainingEvent } from './events.ts'
import { openJudge } from './judge.ts'
import { drawReplies, type Reply } from './replies.ts'
import { chooseTasks } from './rl-problems.ts'

export interface AccuracyOptions {
  /** Of the scored model; decodes `maxRows` sequences at once. */
  readonly engine: Engine
  /** The stage that the model came out of. */
  readonly stage: Stage
  readonly config: Pick<RlConfig, 'tasks' | 'level' | 'heldOutProblems' | 'scoredOn' | 'maxTokens' | 'verifier'>
  /** Of the run: the problems follow from it. */
  readonly seed: number
  /** 1 unless given: the model's own distribution. 0 takes the likeliest token each time. */
  readonly temperature?: number
  /** Problems of each task that are shown with their reply; 1 unless given. */
  readonly samplesPerTask?: number
  readonly log?: EventSink<PosttrainingEvent>
  /** Awaited between two pieces of work; may throw to end it. @param share of the problems that are done */
  readonly onProgress?: (share: number) => Promise<void>
}

/** Problems that are answered between two looks at the clock. */
const problemsAtOnce = 64

/** A problem and the one reply to it. */
export interface AnsweredOnce {
  readonly problem: Problem
  readonly reply: Reply
}

/**
 * One reply to each problem that models are scored on, verified. For one seed the problems and the random streams are the same,
 * whatever the model, so two models can be compared problem by problem.
 *
 * @throws UsageError on unknown tasks, a verifier that cannot be used or gives no verdicts, and prompts that leave no room for replies
 */
export async function answerOnce({
  engine,
  config,
  seed,
  temperature = 1,
  onProgress,
}: Pick<AccuracyOptions, 'engine' | 'config' | 'seed' | 'temperature' | 'onProgress'>): Promise<AnsweredOnce[]> {
  const rng = Random.seeded(seed).fork('accuracy')
  const { heldOutProblems: count, scoredOn: side, level, maxTokens } = config
  const problems = drawProblems(
    chooseTasks(config.tasks).map(({ task }) => task),
    rng.fork('problems'),
    { side, count, level },
  )
  const judge = await openJudge(config.verifier)
  const replies: Reply[] = []
  try {
    for (let from = 0; from < problems.length; from += problemsAtOnce) {
      await onProgress?.(from / problems.length)
      const part = problems.slice(from, from + problemsAtOnce)
      const drawn = await drawReplies(engine, part, judge, {
        samplesPerProblem: 1,
        maxTokens,
        temperature,
        rng: rng.fork(`replies/${from}`),
      })
      replies.push(...drawn.replies)
    }
  } finally {
    await judge.close()
  }
  return problems.map((problem, index) => ({ problem, reply: replies[index] }))
}

/**
 * Scores a model on held-out problems, and appends `posttraining/accuracy` for each task and for all, and `posttraining/sample`.
 *
 * @returns one score a task in their order, then that of all problems
 * @throws UsageError as `answerOnce`
 */
export async function measureAccuracy(options: AccuracyOptions): Promise<AccuracyEvent[]> {
  const { stage, config, temperature = 1, samplesPerTask = 1, log } = options
  const chosen = chooseTasks(config.tasks)
  const answered = await answerOnce(options)
  const scores: AccuracyEvent[] = []
  for (const { task, family } of [...chosen.map((one) => ({ task: one.task.name, family: one.family })), { task: 'all', family: 'all' }]) {
    const own = answered.filter(({ problem }) => task === 'all' || problem.task === task)
    if (own.length === 0) continue
    scores.push({ type: 'posttraining/accuracy', stage, task, family, temperature, ...scoreOfReplies(own) })
    if (task !== 'all') for (const { problem, reply } of own.slice(0, samplesPerTask)) log?.append(sampleOf(stage, problem, reply))
  }
  for (const score of scores) log?.append(score)
  return scores
}

function scoreOfReplies(answered: readonly AnsweredOnce[]) {
  const n = answered.length
  const shareOf = (holds: (reply: Reply) => boolean) => answered.filter(({ reply }) => holds(reply)).length / n
  const correct = answered.filter(({ reply }) => reply.isCorrect).length
  return {
    n,
    correct,
    accuracy: correct / n,
    chance: chanceLevel(answered.map(({ problem }) => problem)),
    interval: shareInterval(correct, n),
    formatRate: shareOf(({ isWellFormed }) => isWellFormed),
    stopRate: shareOf(({ isStopped }) => isStopped),
    meanTokens: mean(answered.map(({ reply }) => reply.ids.length)),
  }
}

function sampleOf(stage: Stage, { task, prompt, answer }: Problem, { text, isCorrect, isWellFormed, reward }: Reply): PosttrainingEvent {
  return { type: 'posttraining/sample', stage, task, prompt, reply: text, answer, isCorrect, isWellFormed, reward }
}
