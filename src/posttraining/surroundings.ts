/** What fine-tuning and reinforcement are told by whoever runs them: what every stage is told, with their own events in the log. */
import type { RunFolder } from '../infrastructure/index.ts'
import type { PreparedText, StageSurroundings, TrainingEvent } from '../pretraining/index.ts'
import type { PosttrainingEvent } from './events.ts'

/** What a stage of post-training may append to a run's log. */
export type PosttrainingLogEvent = TrainingEvent | PosttrainingEvent

export interface PosttrainingSurroundings extends Omit<StageSurroundings, 'run' | 'onEvent'> {
  /** Of the run; this process works in it. */
  readonly run: RunFolder<PosttrainingLogEvent>
  /** Hears every event that goes into the run's log. */
  readonly onEvent?: (event: PosttrainingLogEvent) => void
  readonly text: PreparedText
  /** Folder of the last checkpoint of the stage before. */
  readonly from: string
}
