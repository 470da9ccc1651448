/** Every chapter of the report, in order. */
import type { Chapter } from '../types.ts'
import { sequenceChapter } from './00-sequence.ts'
import { foundationsChapter } from './01-foundations.ts'
import { architectureChapter } from './02-architecture.ts'
import { infrastructureChapter } from './03-infrastructure.ts'
import { pretrainingChapter } from './04-pretraining.ts'
import { inferenceChapter } from './05-inference.ts'
import { posttrainingChapter } from './06-posttraining.ts'
import { evaluationChapter } from './07-evaluation.ts'

export const chapters: readonly Chapter[] = [
  sequenceChapter,
  foundationsChapter,
  architectureChapter,
  infrastructureChapter,
  pretrainingChapter,
  inferenceChapter,
  posttrainingChapter,
  evaluationChapter,
]
