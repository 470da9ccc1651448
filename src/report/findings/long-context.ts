/**
 * What an extension of the window did: losses by position and needles, before it and after each of its stages.
 *
 * The last window is looked at in its far half: predictions that have at least half of it behind them, which is what the
 * window was extended for.
 */
import { pairedDifference } from '../../base/statistics.ts'
import { trainingFlopsPerToken } from '../../architecture/index.ts'
import type { PositionBucket } from '../../evaluation/index.ts'
import { configAfter, extensionStages, type Stage } from '../../pretraining/index.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'

/** Stages that are looked at, in the order of a run. */
export const windowStages = ['pretrain', 'extend-1', 'extend-2', 'extend-jump'] as const

/** How the report calls them. */
export const windowStageNames: Readonly<Record<(typeof windowStages)[number], string>> = {
  pretrain: 'before extension',
  'extend-1': 'after the first stage',
  'extend-2': 'after the second stage',
  'extend-jump': 'after one jump',
}

/** Loss by position of a stage in a window; null where it was not measured. */
export function positionsOf(run: RunFacts, stage: string, windowLength: number): EventOf<'evaluation/position'> | null {
  return run.lastOf('evaluation/position', (event) => event.stage === stage && event.windowLength === windowLength)
}

/** Windows in which a stage was measured, growing. */
export function measuredWindows(run: RunFacts, stage: string): number[] {
  const windows = run.ofType('evaluation/position').filter((event) => event.stage === stage)
  return [...new Set(windows.map(({ windowLength }) => windowLength))].sort((a, b) => a - b)
}

/** The far half of a window: its last bucket where windows are powers of two. */
function farHalf(event: EventOf<'evaluation/position'>): PositionBucket | null {
  const [last] = event.buckets.slice(-1)
  return last && last.from > 0 && Number.isFinite(last.lossNats) ? last : null
}

/** Staged extension against the jump, in the far half of the last window. */
export interface StagedAgainstJump {
  readonly windowLength: number
  readonly before: PositionBucket | null
  readonly staged: PositionBucket
  readonly jump: PositionBucket
  /** Jump minus staged, in nats a token: above zero where stages are better. */
  readonly gainNats: number
  /** Half the 95 % interval of the gain, paired by rows; infinite for a single row. */
  readonly plusMinus: number
  readonly rows: number
}

/** Name of the last stage of a recipe's extension that is not the jump; null without an extension. */
export function lastStagedStage({ document }: RunFacts): Exclude<Stage, 'extend-jump'> | null {
  const stages = extensionStages(document.recipe).filter(({ stage }) => stage !== 'extend-jump')
  return (stages.at(-1)?.stage ?? null) as Exclude<Stage, 'extend-jump'> | null
}

/** Null until both ends were measured in the same window. */
export function stagedAgainstJump(run: RunFacts): StagedAgainstJump | null {
  const stage = lastStagedStage(run)
  if (stage === null) return null
  const windowLength = configAfter(run.document.recipe, stage).maxLength
  const events = ['pretrain', stage, 'extend-jump'].map((name) => positionsOf(run, name, windowLength))
  const [before, staged, jump] = events.map((event) => event && farHalf(event))
  const gain = gainOf(events[2], events[1])
  if (!staged || !jump || !gain) return null
  return { windowLength, before, staged, jump, ...gain }
}

/** How much larger the loss of `other` is than that of `own` in the last bucket, paired by rows; null unless both have the same rows. */
export function gainOf(
  other: EventOf<'evaluation/position'> | null,
  own: EventOf<'evaluation/position'> | null,
): { readonly gainNats: number; readonly plusMinus: number; readonly rows: number } | null {
  if (!other || !own || other.rows !== own.rows) return null
  const { rows } = own
  if (rows < 2) return { gainNats: other.lastBucketOfRow[0] - own.lastBucketOfRow[0], plusMinus: Number.POSITIVE_INFINITY, rows }
  const { value, high } = pairedDifference(other.lastBucketOfRow, own.lastBucketOfRow)
  return { gainNats: value, plusMinus: high - value, rows }
}

/** Needles of all depths at one length. */
export interface Needles {
  readonly correct: number
  readonly n: number
  readonly chance: number
  readonly depths: number
}

/** Needles of a stage at one length, all depths together; null where there were none. */
export function needlesAt(run: RunFacts, stage: string, length: number): Needles | null {
  const cells = run.lastOf('evaluation/needle', (event) => event.stage === stage)?.cells.filter((cell) => cell.length === length) ?? []
  if (cells.length === 0) return null
  const sum = (value: (cell: (typeof cells)[number]) => number) => cells.reduce((total, cell) => total + value(cell), 0)
  const n = sum((cell) => cell.n)
  return { correct: sum((cell) => cell.correct), n, chance: sum((cell) => cell.chance * cell.n) / n, depths: cells.length }
}

/** The lengths at which needles were looked for, growing. */
export function needleLengths(run: RunFacts): number[] {
  const lengths = run.ofType('evaluation/needle').flatMap(({ cells }) => cells.map(({ length }) => length))
  return [...new Set(lengths)].sort((a, b) => a - b)
}

/**
 * Whether all stages find, at every length, just as many needles as a model that gives the same answer to every question of a
 * text: all questions of a text have answers of their own, so such a model is right once in each text, whatever the text says.
 * False where that many could well be a coincidence, as in a few short texts.
 */
export function isOneAnswer(run: RunFacts): boolean {
  const lengths = needleLengths(run)
  const cells = windowStages.flatMap((stage) => lengths.flatMap((length) => needlesAt(run, stage, length) ?? []))
  // Chance is one in the needles of a text; where not all of them are asked for, one answer need not be right once.
  const isOnce = cells.every(({ correct, n, chance, depths }) => Math.abs(chance * depths - 1) < 1e-6 && correct * depths === n)
  // The stages share their texts, so only lengths count: how likely guessing is to hit just that number in each of them.
  const byLength = lengths.flatMap((length) => windowStages.map((stage) => needlesAt(run, stage, length)).find(Boolean) ?? [])
  const coincidence = byLength.reduce((share, { n, chance }) => share / Math.sqrt(2 * Math.PI * n * chance * (1 - chance)), 1)
  return cells.length > 0 && isOnce && coincidence < 0.01
}

/** Whether a stage finds more needles at a length than guessing, by more than 1.96 standard errors. */
export const isAboveGuessing = ({
  correct,
  n,
  chance,
}: {
  readonly correct: number
  readonly n: number
  readonly chance: number
}): boolean => correct / n > chance + 1.96 * Math.sqrt((chance * (1 - chance)) / n)

/** FLOPs of a training token in each window that a run has trained in, the smallest first. */
export function costByWindow({
  document,
}: RunFacts): { readonly window: number; readonly flops: number; readonly attentionShare: number }[] {
  const { recipe } = document
  const stages = extensionStages(recipe).filter(({ stage }) => stage !== 'extend-jump')
  return [
    { window: recipe.training.rowLength, model: recipe.model },
    ...stages.map(({ model, training }) => ({ window: training.rowLength, model })),
  ].map(({ window, model }) => {
    const { total, attention } = trainingFlopsPerToken(model, window)
    return { window, flops: total, attentionShare: attention / total }
  })
}
