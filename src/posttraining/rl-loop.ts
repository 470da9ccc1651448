/**
 * The loop of reinforcement: steps taken, events out, a checkpoint now and then. As src/pretraining/loop.ts, it knows no files.
 */
import { usageError } from '../base/errors.ts'
import type { EventSink } from '../base/run-log.ts'
import type { TrainingConfig, TrainingOutcome } from '../pretraining/index.ts'
import type { RlStage } from './events.ts'
import { BrokenVerifier } from './judge.ts'
import { type RlMeans, type RlStepResult, takeRlStep } from './rl-step.ts'
import type { PosttrainingLogEvent } from './surroundings.ts'

/** Where a reinforcement stands; all else follows from the step. */
interface RlProgress {
  /** Steps done, skipped ones included. */
  readonly step: number
  /** Tokens drawn. */
  readonly tokens: number
  readonly skippedInARow: number
}

export interface RlLoop {
  readonly stage: RlStage
  readonly stepCount: number
  readonly start: RlProgress
  readonly means: RlMeans
  readonly training: Pick<TrainingConfig, 'nonFiniteLimit' | 'checkpointSeconds'>
  readonly log: EventSink<PosttrainingLogEvent>
  /** Aborted: finish the step, save, return. */
  readonly stop: AbortSignal | undefined
  /** Whether there is a checkpoint of where it stands. */
  readonly isSaved: boolean
  /** Saves a checkpoint and says where. */
  readonly save: (progress: RlProgress) => string
}

/** Groups that are shown in a stage. */
const exampleCount = 6

/** Replies that an event of a skipped step shows. */
const shownReplies = 8

/**
 * Reinforces until all steps are taken, or until it is told to stop.
 *
 * @throws UsageError after `nonFiniteLimit` steps in a row whose update was not finite, nothing is saved then; and when the
 *   verifier gives no verdicts, the steps before are saved then
 */
export async function reinforce(run: RlLoop): Promise<TrainingOutcome> {
  const { stage, stepCount, means, training, log, stop } = run
  let { step, tokens, skippedInARow } = run.start
  const progress = (): RlProgress => ({ step, tokens, skippedInARow })
  const begun = performance.now()
  let savedAt = begun
  let savedStep = run.isSaved ? step : -1
  log.append({ type: 'training/start', stage, step, tokens, stepCount })

  const save = () => {
    if (savedStep === step) return
    const saveBegun = performance.now()
    const folder = run.save(progress())
    savedAt = performance.now()
    savedStep = step
    log.append({ type: 'training/checkpoint', stage, step, tokens, folder, seconds: (savedAt - saveBegun) / 1000 })
  }
  const end = (reason: TrainingOutcome['reason']): TrainingOutcome => {
    save()
    log.append({ type: 'training/end', stage, reason, step, tokens, seconds: (performance.now() - begun) / 1000 })
    return { reason, state: { ...progress(), data: null } }
  }

  while (step < stepCount) {
    const stepBegun = performance.now()
    const result = await takeRlStep(means, step).catch((error: unknown) => {
      // Replies are judged before anything is changed: the step can be taken again once the verifier is mended.
      if (error instanceof BrokenVerifier) save()
      throw error
    })
    const stepSeconds = (performance.now() - stepBegun) / 1000
    step++
    tokens += result.drawnTokens
    skippedInARow = result.failed ? skippedInARow + 1 : 0
    for (const event of faultsOf(result, stage, step)) log.append(event)
    if (result.failed) {
      const { gradientNorm, sums } = result.failed
      const batch = { data: { step: step - 1 }, rows: rowsOf(result) }
      log.append({
        type: 'training/skipped',
        stage,
        step,
        tokens,
        lossNats: sums.kl / sums.tokens,
        gradientNorm,
        inARow: skippedInARow,
        batch,
      })
      if (skippedInARow >= training.nonFiniteLimit) throw nonFiniteError(stage, step, skippedInARow, gradientNorm)
    } else {
      const heapBytes = means.engine.model.machine.heap.peakBytes
      log.append({ type: 'rl/step', stage, step, tokens, ...result.numbers, stepSeconds, heapBytes })
      if ((step - 1) % Math.ceil(stepCount / exampleCount) === 0) for (const event of exampleOf(result, stage, step)) log.append(event)
    }
    if (stop?.aborted) return end('interrupted')
    if (skippedInARow === 0 && performance.now() - savedAt >= training.checkpointSeconds * 1000) save()
  }
  return end('complete')
}

const rowsOf = ({ replies, problems }: RlStepResult) =>
  replies.slice(0, shownReplies).map(({ problemIndex, text }) => {
    const { task, prompt } = problems[problemIndex]
    return { domain: task, text: `${prompt} ${text}` }
  })

/** What verifiers did not say, if anything. */
function faultsOf({ replies, problems }: RlStepResult, stage: RlStage, step: number): PosttrainingLogEvent[] {
  const faulty = replies.filter(({ fault }) => fault !== null)
  if (faulty.length === 0) return []
  const [{ problemIndex, fault }] = faulty
  const problem = problems[problemIndex].prompt
  return [{ type: 'rl/verifier-fault', stage, step, count: faulty.length, replies: replies.length, problem, fault: fault! }]
}

/** Best and worst of the group whose advantages lie furthest apart, if there is one. */
function exampleOf({ replies, problems, advantages }: RlStepResult, stage: RlStage, step: number): PosttrainingLogEvent[] {
  const groupSize = replies.length / problems.length
  const order = problems.map((_, problem) => {
    const own = Array.from({ length: groupSize }, (__, i) => problem * groupSize + i).sort((a, b) => advantages[b] - advantages[a] || a - b)
    return { problem, best: own[0], worst: own.at(-1)!, spread: advantages[own[0]] - advantages[own.at(-1)!] }
  })
  const widest = order.reduce((a, b) => (b.spread > a.spread ? b : a))
  if (widest.spread === 0) return []
  const shown = (index: number) => ({ reply: replies[index].text, reward: replies[index].reward, advantage: advantages[index] })
  const { task, prompt } = problems[widest.problem]
  return [{ type: 'rl/example', stage, step, task, prompt, best: shown(widest.best), worst: shown(widest.worst) }]
}

function nonFiniteError(stage: RlStage, step: number, inARow: number, norm: number) {
  return usageError(
    `${stage}, step ${step}`,
    'a finite divergence and gradient',
    `gradient norm ${norm}, ${inARow} in a row`,
    'The last checkpoint is whole: lower rl.learningRate and begin again.',
  )
}
