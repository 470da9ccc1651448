/**
 * The schedules whose micro-batches all flow one way: GPipe, 1F1B, interleaved 1F1B and ZB-H1 (called ZB1P in the V3 report).
 *
 * Sources: GPipe, Huang et al. 2018, figure 2c; 1F1B (PipeDream-flush) and its interleaved form, Narayanan et al. 2021,
 * section 2.2; ZB-H1, Qi et al. 2023, section 3, in the order of its authors' own implementation.
 */
import { createRankTape, times, type Operation, type Schedule } from './operations.ts'

const inOrder = (_phase: number, n: number) => n

/** Every forward, then every backward in reverse order. Holds all micro-batches' activations at once. */
export function gpipe(rankCount: number, microbatchCount: number): Schedule {
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const pass = (microbatch: number) => ({ microbatch, stage: rank, phase: 0 })
    const list: Operation[] = []
    times(microbatchCount, (n) => list.push({ kind: 'F', forward: pass(n), backward: null }))
    times(microbatchCount, (n) => list.push({ kind: 'B', forward: null, backward: pass(microbatchCount - 1 - n) }))
    return list
  })
  return { name: 'gpipe', rankCount, stageCount: rankCount, chunkCount: 1, microbatchCount, operations }
}

/** Rank r runs P - 1 - r forwards ahead, then alternates; at most P - r micro-batches are alive. */
export function oneForwardOneBackward(rankCount: number, microbatchCount: number): Schedule {
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const tape = createRankTape([rank], inOrder)
    const warmup = Math.min(rankCount - 1 - rank, microbatchCount)
    times(warmup, () => tape.F(0))
    times(microbatchCount - warmup, () => {
      tape.F(0)
      tape.B(0)
    })
    times(warmup, () => tape.B(0))
    return tape.operations
  })
  return { name: '1f1b', rankCount, stageCount: rankCount, chunkCount: 1, microbatchCount, operations }
}

/**
 * 1F1B over v chunks a rank: rank r holds stages r, r + P, r + 2P, …, and goes through micro-batches in groups of P.
 * The bubble shrinks by v because one chunk is 1/v of a rank's work.
 *
 * @param chunkCount v; microbatchCount is a multiple of rankCount
 */
export function interleaved(rankCount: number, microbatchCount: number, chunkCount: number): Schedule {
  const total = microbatchCount * chunkCount
  const chunkOfTurn = (turn: number) => Math.floor((turn % (rankCount * chunkCount)) / rankCount)
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const tape = createRankTape(
      Array.from({ length: chunkCount }, (_, chunk) => chunk * rankCount + rank),
      inOrder,
    )
    const forward = (turn: number) => tape.F(chunkOfTurn(turn))
    const backward = (turn: number) => tape.B(chunkCount - 1 - chunkOfTurn(turn))
    const warmup = Math.min((rankCount - rank - 1) * 2 + (chunkCount - 1) * rankCount, total)
    times(warmup, forward)
    times(total - warmup, (turn) => {
      forward(warmup + turn)
      backward(turn)
    })
    times(warmup, (turn) => backward(total - warmup + turn))
    return tape.operations
  })
  return { name: 'interleaved', rankCount, stageCount: rankCount * chunkCount, chunkCount, microbatchCount, operations }
}

/**
 * 1F1B in which a rank's first r backwards (and all those of the cool-down) leave their weight gradients for later, so
 * that the input gradient reaches the previous rank sooner; the weights fill what would have been bubble. Same
 * activations as 1F1B. Rank 0 has nobody waiting for it and splits nothing.
 */
export function zeroBubble(rankCount: number, microbatchCount: number): Schedule {
  const operations = Array.from({ length: rankCount }, (_, rank) => {
    const tape = createRankTape([rank], inOrder)
    const warmup = rankCount - 1 - rank
    const steady = microbatchCount - warmup
    let pending = 0
    const backwardInput = () => {
      tape.Bi(0)
      pending++
    }
    const weight = () => {
      tape.W()
      pending--
    }
    times(warmup, () => tape.F(0))
    times(steady, (turn) => {
      tape.F(0)
      if (rank > 0 && (turn < rank || turn === steady - 1)) backwardInput()
      else tape.B(0)
      if (rank > 0 && turn === steady - 1 && turn >= rank) weight()
    })
    times(warmup, (turn) => {
      if (rank === 0) tape.B(0)
      else backwardInput()
      if (rank > 0 && steady + turn >= rank) weight()
    })
    times(pending, weight)
    return tape.operations
  })
  return { name: 'zb1p', rankCount, stageCount: rankCount, chunkCount: 1, microbatchCount, operations }
}
