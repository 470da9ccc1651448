/**
 * The published V3 run beside what the planner says of it: the check before anyone trusts a plan of another run.
 *
 * Published: "Insights into DeepSeek-V3" (ISCA 2025), table 4 (MPFT), and the DeepSeek-V3 report, section 1. The rows
 * 1F, 1B, 1W, 1F1B are read as a step's totals of what is not overlapped and of overlapped pairs.
 */
import type { TrainingPlan } from './training-plan.ts'

export interface PublishedComparison {
  readonly quantity: string
  readonly unit: string
  readonly ours: number
  readonly published: number
  /** ours / published - 1. */
  readonly difference: number
  /** Headline figures have to agree within 10 %; parts of the step are shown for the sake of the gaps. */
  readonly isHeadline: boolean
  readonly why: string
}

/** How far a headline figure may be off. */
export const headlineTolerance = 0.1

/** Whether a plan is of the run that was published. */
export const isPublishedRun = (plan: TrainingPlan): boolean =>
  plan.name === 'deepseek-v3' &&
  plan.cluster.name === 'h800x2048' &&
  plan.layout.schedule === 'dualpipe' &&
  plan.layout.pipelineRanks === 16

/** @param plan of the published layout */
export function comparePublishedRun({ step, run }: TrainingPlan): PublishedComparison[] {
  const { F, B, Bi, W, FB } = step.secondsByKind
  const weightShareOfB = step.chunk.weight / (step.chunk.backwardInput + step.chunk.weight)
  const row = (quantity: string, unit: string, ours: number, published: number, isHeadline: boolean, why: string): PublishedComparison => ({
    quantity,
    unit,
    ours,
    published,
    difference: ours / published - 1,
    isHeadline,
    why,
  })
  const pairsMissing =
    'an overlapped pair takes what the public trace shows, which has balanced experts and no pipeline traffic; the run had both'
  return [
    row('time a step', 's', step.seconds, 19.926, true, pairsMissing),
    row('tokens a day', 'B', run.tokensPerDay / 1e9, 272.8, true, 'follows from the step'),
    row('MFU, whole square', '%', run.mfuFull * 100, 43.73, true, 'follows from the step; our FLOP count is 0.3 % above the published one'),
    row('MFU, causal', '%', run.mfuCausal * 100, 38.94, true, 'as above'),
    row(
      'GPU-hours per trillion tokens',
      'K',
      run.deviceHoursPerTrillionTokens / 1e3,
      180,
      true,
      'follows from the step; no restarts or evaluation are counted',
    ),
    row('1F1B, overlapped pairs', 's', FB, 13.95, false, `${pairsMissing}: 144 ms a pair against 129 ms`),
    row('1F, forward alone', 's', F, 1.13, false, 'dispatch and combine fully exposed, at DeepEP’s rates'),
    row(
      '1B, input gradients alone',
      's',
      Bi + B * (1 - weightShareOfB),
      1.99,
      false,
      'the trace hides part of a backward’s memory-bound work beside its partner, alone it is longer',
    ),
    row(
      '1W, weight gradients alone',
      's',
      W + B * weightShareOfB,
      0.48,
      false,
      'the published row may count separate W only; a full backward’s share is added here',
    ),
    row(
      'bubble',
      's',
      step.bubbleSeconds,
      2.06,
      false,
      'simulated with unequal stages: the first and the last hold embedding, head and MTP, the others wait for them',
    ),
    row(
      'optimizer',
      's',
      step.optimizerSeconds,
      0.29,
      false,
      'gradients are reduced after the last micro-batch here; the run can have overlapped this',
    ),
  ]
}
