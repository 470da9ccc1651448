/** Every chapter of the report, in order. */
import type { Chapter } from '../types.ts'
import { sequenceChapter } from './00-sequence.ts'
import { foundationsChapter } from './01-foundations.ts'
import { architectureChapter } from './02-architecture.ts'
import { infrastructureChapter } from './03-infrastructure.ts'
import { posttrainingChapter } from './06-posttraining.ts'

export const chapters: readonly Chapter[] = [
  sequenceChapter,
  foundationsChapter,
  architectureChapter,
  infrastructureChapter,
  posttrainingChapter,
]
