/** Every chapter of the report, in order. */
import type { Chapter } from '../types.ts'
import { posttrainingChapter } from './06-posttraining.ts'

export const chapters: readonly Chapter[] = [posttrainingChapter]
