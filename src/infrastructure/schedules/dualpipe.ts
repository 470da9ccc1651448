/**
 * DualPipe and DualPipeV, the schedules of the DeepSeek-V3 run: two chunks a rank, so that the forward of one
 * micro-batch hides the communication of another one's backward.
 *
 * DualPipe feeds micro-batches from both ends: rank r holds stage r (direction 0, flowing down) and stage P-1-r
 * (direction 1, flowing up), so parameters are held twice. DualPipeV folds the pipe instead: rank r of R holds stages r
 * and 2R-1-r, every micro-batch goes down and comes back up, and half the devices do.
 *
 * Both follow the same eight steps. Source: DeepSeek-V3 report, section 3.2.1; the DualPipe repository's `step`.
 */
import { createRankTape, times, type RankTape, type Schedule } from './operations.ts'

/**
 * The eight steps. `position` is how far the rank stands from its end of the pipe and `reach` how many ranks there are
 * to the turning point: H ranks to the middle for DualPipe, R to the fold for DualPipeV.
 *
 * @param mainCount        [F0B1][F1B0] pairs of the main step
 * @param isAtTurningPoint runs its very first [F0B1] as F0, then B1: nothing is there yet to overlap, the bubble shrinks
 */
function eightSteps(tape: RankTape, position: number, reach: number, mainCount: number, isAtTurningPoint: boolean): void {
  const ahead = reach - position - 1
  times(ahead * 2, () => tape.F(0))
  times(position + 1, () => {
    tape.F(0)
    tape.F(1)
  })
  times(ahead, () => {
    tape.Bi(1)
    tape.W()
    tape.F(1)
  })
  times(mainCount, (turn) => {
    if (turn === 0 && isAtTurningPoint) {
      tape.F(0)
      tape.B(1)
    } else {
      tape.FB(0, 1)
    }
    tape.FB(1, 0)
  })
  times(ahead, () => {
    tape.B(1)
    tape.FB(1, 0)
  })
  // From half way on, weight gradients are kept for the end, where there is nothing else to do.
  const half = Math.floor((position + 1) / 2)
  const isOdd = position % 2 === 1
  times(position + 1, (turn) => {
    if (turn > half || (turn === half && isOdd)) tape.Bi(1)
    else tape.B(1)
    if (turn >= half) tape.Bi(0)
    else tape.B(0)
  })
  times(ahead, () => {
    tape.W()
    tape.Bi(0)
  })
  times(position + 1, () => tape.W())
}

/**
 * @param rankCount       P, even
 * @param microbatchCount M in total, even, at least 2P; M/2 enter at each end
 */
export function dualPipe(rankCount: number, microbatchCount: number): Schedule {
  const half = rankCount / 2
  const perDirection = microbatchCount / 2
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const isUpper = rank >= half
    const directionOfPhase = isUpper ? [1, 0] : [0, 1]
    const tape = createRankTape(
      directionOfPhase.map((direction) => (direction === 0 ? rank : rankCount - 1 - rank)),
      (phase, n) => directionOfPhase[phase] * perDirection + n,
    )
    const position = isUpper ? rankCount - 1 - rank : rank
    eightSteps(tape, position, half, perDirection - rankCount + position + 1, position === half - 1)
    return tape.operations
  })
  return { name: 'dualpipe', rankCount, stageCount: rankCount, chunkCount: 2, microbatchCount, operations }
}

/**
 * @param rankCount       R ranks for 2R stages
 * @param microbatchCount M, at least 2R
 */
export function dualPipeV(rankCount: number, microbatchCount: number): Schedule {
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const tape = createRankTape([rank, 2 * rankCount - 1 - rank], (_phase, n) => n)
    eightSteps(tape, rank, rankCount, microbatchCount - 2 * rankCount + rank + 1, rank === rankCount - 1)
    return tape.operations
  })
  return { name: 'dualpipev', rankCount, stageCount: 2 * rankCount, chunkCount: 2, microbatchCount, operations }
}
