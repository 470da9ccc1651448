/** What evaluation has to say: one event a score. `stage` is the stage of the run that the scored model came out of. */
import type { BitsPerByte } from './bits-per-byte.ts'
import type { CompressorScores } from './compressors.ts'
import type { Contamination } from './contamination.ts'
import type { JudgeScore, JudgesTogether } from './judges/verdicts.ts'
import type { LossByPosition } from './loss-by-position.ts'
import type { NeedleCell } from './needle.ts'
import type { NgramScore } from './ngram.ts'
import type { TaskScore } from './score-items.ts'

/** Bits per byte of one domain, beside compressors and, where it was asked for, counting. */
export interface DomainScoreEvent extends BitsPerByte {
  readonly type: 'evaluation/domain'
  readonly stage: string
  readonly compressors: CompressorScores
  readonly ngram: NgramScore | null
}

/** The score of one task. */
export interface TaskScoreEvent extends TaskScore {
  readonly type: 'evaluation/task'
  readonly stage: string
}

/** A task that was asked for and could not be made, and why. */
export interface TaskLeftOutEvent {
  readonly type: 'evaluation/task-left-out'
  readonly stage: string
  readonly task: string
  readonly likeName: string
  readonly reason: string
}

/** Loss by position in one window. */
export interface PositionEvent extends LossByPosition {
  readonly type: 'evaluation/position'
  readonly stage: string
}

/** The grid of the needle test. */
export interface NeedleEvent {
  readonly type: 'evaluation/needle'
  readonly stage: string
  readonly cells: readonly NeedleCell[]
}

/** A measurement by position or of needles that was asked for and could not be made, and why. */
export interface LongContextLeftOutEvent {
  readonly type: 'evaluation/long-context-left-out'
  readonly stage: string
  /** Window or length, in tokens. */
  readonly length: number
  readonly what: 'position' | 'needle'
  readonly reason: string
}

/** Test items of one task in the training text; the same for all stages. */
export interface ContaminationEvent extends Contamination {
  readonly type: 'evaluation/contamination'
}

/** Judges of pairs of held-out replies, of which the verifier let one through; every pair in both orders. */
export interface JudgesEvent {
  readonly type: 'evaluation/judges'
  /** Of the model that drew the replies and is asked about them. */
  readonly stage: string
  /** Of every agreement and share. */
  readonly chance: number
  readonly judges: readonly JudgeScore[]
  /** Every two of them. */
  readonly together: readonly JudgesTogether[]
}

export type EvaluationEvent =
  | DomainScoreEvent
  | TaskScoreEvent
  | TaskLeftOutEvent
  | PositionEvent
  | NeedleEvent
  | LongContextLeftOutEvent
  | ContaminationEvent
  | JudgesEvent
