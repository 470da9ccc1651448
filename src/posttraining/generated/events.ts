/** What fine-tuning on a model's own samples has to say. */
import type { Interval } from '../../base/statistics.ts'

/** One set of samples and the model that was fine-tuned on it; the start was not, and has no samples. */
export interface GeneratedArm {
  readonly arm: 'start' | 'raw' | 'filtered' | 're-weighted'
  /** Share of its samples that are right, and problems that they are about. */
  readonly rightShare: number | null
  readonly distinctProblems: number
  /** Of replies to held-out problems, one each. */
  readonly accuracy: Interval
  readonly formatRate: number
  /** Its accuracy less that of the start and less that of the raw samples, problem by problem; null where it would be its own. */
  readonly overStart: Interval | null
  readonly overRaw: Interval | null
}

/** Sets of one size, each fine-tuned on from the same start for the same steps. */
export interface GeneratedDataEvent {
  readonly type: 'posttraining/generated-data'
  /** Training problems, replies to each; right ones among all, and duplicates among those. */
  readonly problems: number
  readonly samplesPerProblem: number
  readonly rightCount: number
  readonly duplicateCount: number
  /** Samples in each set, and steps and tokens of each training. */
  readonly size: number
  readonly steps: number
  readonly tokens: number
  /** Held-out problems, and the chance level of their answers. */
  readonly heldOutProblems: number
  readonly chance: number
  readonly arms: readonly GeneratedArm[]
  readonly seconds: number
}
