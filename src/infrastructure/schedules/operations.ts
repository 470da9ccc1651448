/**
 * A pipeline schedule as data: for every rank the ordered list of what it does.
 *
 * Five kinds of operation, in the notation of the DualPipe repository:
 *   F   forward of one chunk            B   its full backward
 *   Bi  backward for the input only     W   the weight gradients that a Bi left behind, first in, first out
 *   FB  a forward and a backward of two different micro-batches, overlapped on one device
 *
 * A *stage* is a slice of the model; a *chunk* is one stage held by one rank; a *phase* numbers the chunks of a rank.
 * Nothing here knows a duration: `simulate.ts` adds them.
 */

/** One micro-batch in one stage. */
export interface Pass {
  readonly microbatch: number
  readonly stage: number
  /** Which of its chunks the rank uses. */
  readonly phase: number
}

export type OperationKind = 'F' | 'B' | 'Bi' | 'W' | 'FB'

/** F has `forward`; B, Bi and W have `backward`; FB has both. */
export interface Operation {
  readonly kind: OperationKind
  readonly forward: Pass | null
  readonly backward: Pass | null
}

export interface Schedule {
  readonly name: ScheduleName
  readonly rankCount: number
  /** Slices that the model is cut into. */
  readonly stageCount: number
  /** Chunks that one rank holds: 2 means twice the parameters of stageCount = rankCount, or chunks of half the size. */
  readonly chunkCount: number
  readonly microbatchCount: number
  /** operations[rank] in order. */
  readonly operations: readonly (readonly Operation[])[]
}

export const scheduleNames = ['gpipe', '1f1b', 'interleaved', 'zb1p', 'dualpipe', 'dualpipev'] as const
export type ScheduleName = (typeof scheduleNames)[number]

/** "F0", "B1", "Bi1", "W", "[F0B1]": the published notation, digits being phases. */
export function operationLabel({ kind, forward, backward }: Operation): string {
  if (kind === 'FB') return `[F${forward!.phase}B${backward!.phase}]`
  if (kind === 'W') return 'W'
  return `${kind}${(forward ?? backward)!.phase}`
}

/** Writes the list of one rank; micro-batches of a phase are taken in order, weight gradients first in, first out. */
export interface RankTape {
  readonly operations: readonly Operation[]
  F(phase: number): void
  B(phase: number): void
  Bi(phase: number): void
  FB(forwardPhase: number, backwardPhase: number): void
  W(): void
}

/**
 * @param stageOfPhase   the stage that each phase of this rank runs
 * @param microbatchOf   n-th micro-batch of a phase
 */
export function createRankTape(stageOfPhase: readonly number[], microbatchOf: (phase: number, n: number) => number): RankTape {
  const operations: Operation[] = []
  const forwardCount = stageOfPhase.map(() => 0)
  const backwardCount = stageOfPhase.map(() => 0)
  const pendingWeights: Pass[] = []
  const next = (counts: number[], phase: number): Pass => ({
    microbatch: microbatchOf(phase, counts[phase]++),
    stage: stageOfPhase[phase],
    phase,
  })
  return {
    operations,
    F: (phase) => void operations.push({ kind: 'F', forward: next(forwardCount, phase), backward: null }),
    B: (phase) => void operations.push({ kind: 'B', forward: null, backward: next(backwardCount, phase) }),
    Bi: (phase) => {
      const backward = next(backwardCount, phase)
      pendingWeights.push(backward)
      operations.push({ kind: 'Bi', forward: null, backward })
    },
    FB: (forwardPhase, backwardPhase) =>
      void operations.push({ kind: 'FB', forward: next(forwardCount, forwardPhase), backward: next(backwardCount, backwardPhase) }),
    W: () => void operations.push({ kind: 'W', forward: null, backward: pendingWeights.shift()! }),
  }
}

/** Calls `action` with 0 … count - 1; a negative count does nothing. */
export function times(count: number, action: (index: number) => void): void {
  for (let index = 0; index < count; index++) action(index)
}
