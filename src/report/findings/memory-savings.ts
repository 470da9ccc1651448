/** What keeping less saved of the heap, beside what was planned, and what it cost in time and in loss. */
import {
  ablationMetrics,
  type AblationResultEvent,
  allSavings,
  memoryAblation,
  type MemoryEvent,
  type MemorySaving,
} from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'
import { allAblations } from './ablation-results.ts'

/** One setting, in bytes below the plain training's peak. */
export interface SavingRow {
  readonly title: string
  readonly saving: MemorySaving
  readonly predictedBytes: number
  readonly measuredBytes: number
  /** Difference in held-out loss from the plain training, where the setting changes numbers and both were trained. */
  readonly loss: AblationResultEvent | undefined
}

export interface MemorySavings {
  readonly event: MemoryEvent
  /** Each setting alone. */
  readonly alone: readonly SavingRow[]
  readonly together: SavingRow
}

const titles: Readonly<Record<string, string>> = {
  recompute: 'norms and up-projections made again',
  'fp8-cache': 'inputs kept in FP8',
  'bf16-moments': 'moments in BF16',
  'host-average': 'average outside the heap',
  [allSavings]: 'all four together',
}

/** The last measurement of a run; null without one. */
export function memorySavings(run: RunFacts): MemorySavings | null {
  const event = run.lastOf('ablation/memory')
  const whole = event?.savings.find(({ name }) => name === allSavings)
  if (!event || !whole) return null
  const losses = allAblations(run).filter(({ name, metric }) => name === memoryAblation.name && metric === ablationMetrics.loss.metric)
  const rowOf = (saving: MemorySaving): SavingRow => ({
    title: titles[saving.name] ?? saving.name,
    saving,
    predictedBytes: event.plain.predictedBytes - saving.predictedBytes,
    measuredBytes: event.plain.measuredBytes - saving.measuredBytes,
    loss: losses.find(({ variant }) => variant === saving.name),
  })
  return { event, alone: event.savings.filter((saving) => saving !== whole).map(rowOf), together: rowOf(whole) }
}
