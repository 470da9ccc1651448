/**
 * Runs a schedule as events: when does every operation start and end, given durations?
 *
 * A rank does its operations in order. A forward waits for the same micro-batch's forward in the previous stage, a
 * backward for its own forward and for the backward in the next stage; what comes from another rank takes
 * `pointToPoint` longer. Stages may have different durations, so an uneven split shows as the bubble it costs.
 */
import { InvariantError } from '../../base/errors.ts'
import type { ChunkDurations } from './catalogue.ts'
import type { Operation, Schedule } from './operations.ts'

/** Durations of every stage, in one unit. Arrays have one entry a stage. */
export interface StageTiming {
  /** F with nothing beside it, its communication included. */
  readonly forward: readonly number[]
  /** Bi with nothing beside it, its communication included. */
  readonly backwardInput: readonly number[]
  readonly weight: readonly number[]
  /** F of one stage overlapped with the full backward of another. */
  readonly overlapped: (forwardStage: number, backwardStage: number) => number
  /** Communication inside F and inside Bi that nothing hides. */
  readonly exposedForward: readonly number[]
  readonly exposedBackward: readonly number[]
  /** Communication inside an overlapped pair that nothing hides. */
  readonly exposedOverlapped: (forwardStage: number, backwardStage: number) => number
  /** From one rank to another. */
  readonly pointToPoint: number
}

export interface SimulatedOperation {
  readonly operation: Operation
  readonly start: number
  readonly end: number
}

export interface Simulation {
  /** From the first start to the last end. */
  readonly makespan: number
  /** Per rank: makespan minus the time in operations. */
  readonly idle: readonly number[]
  readonly maxIdle: number
  /** Per rank: most chunks whose forward has started and whose input gradient is not done. */
  readonly peakActivations: readonly number[]
  /** Per rank: most input gradients whose weight gradients are still to be done (they keep their chunk's inputs). */
  readonly peakPendingWeights: readonly number[]
  /** Per rank: communication that the rank waited for, inside its operations and between ranks. */
  readonly exposedCommunication: readonly number[]
  readonly timeline: readonly (readonly SimulatedOperation[])[]
}

/** Communication of one chunk beside its compute, in the durations' unit. */
export interface ChunkCommunication {
  readonly dispatch?: number
  readonly combine?: number
  readonly pointToPoint?: number
}

/**
 * The same durations for every stage. Dispatch and combine lengthen F and Bi, which have nothing to hide them;
 * `overlapped` is taken as it is, since hiding them is what it is for.
 */
export function uniformTiming(stageCount: number, durations: ChunkDurations, communication: ChunkCommunication = {}): StageTiming {
  const { forward, backward, weight, overlapped } = durations
  const { dispatch = 0, combine = 0, pointToPoint = 0 } = communication
  const everywhere = (value: number): number[] => Array.from({ length: stageCount }, () => value)
  const exposed = dispatch + combine
  const unhidden = Math.max(0, overlapped - forward - backward)
  return {
    forward: everywhere(forward + exposed),
    backwardInput: everywhere(backward - weight + exposed),
    weight: everywhere(weight),
    overlapped: () => overlapped,
    exposedForward: everywhere(exposed),
    exposedBackward: everywhere(exposed),
    exposedOverlapped: () => Math.min(unhidden, 2 * exposed),
    pointToPoint,
  }
}

/**
 * @param schedule lists of operations, one a rank
 * @param timing   durations of every stage
 * @returns times in the unit of the durations
 * @throws InvariantError when the lists wait for each other in a circle
 */
export function simulate(schedule: Schedule, timing: StageTiming): Simulation {
  const { rankCount, stageCount, microbatchCount, operations } = schedule
  const passCount = microbatchCount * stageCount
  const forwardEnd = new Float64Array(passCount).fill(-1)
  const backwardEnd = new Float64Array(passCount).fill(-1)
  const rankOfForward = new Int32Array(passCount)
  const rankOfBackward = new Int32Array(passCount)

  const clock = new Float64Array(rankCount)
  const busy = new Float64Array(rankCount)
  const exposed = new Float64Array(rankCount)
  const position = new Int32Array(rankCount)
  const timeline = operations.map((): SimulatedOperation[] => [])

  /** When what `pass` needs has arrived at `rank`: [with, without] the way between ranks; undefined when not yet known. */
  let arrived = 0
  let arrivedLocally = 0
  const arrives = (ends: Float64Array, ranks: Int32Array, index: number, rank: number): boolean => {
    const end = ends[index]
    if (end < 0) return false
    arrivedLocally = Math.max(arrivedLocally, end)
    arrived = Math.max(arrived, ranks[index] === rank ? end : end + timing.pointToPoint)
    return true
  }
  const isReady = ({ kind, forward, backward }: Operation, rank: number): boolean => {
    arrived = arrivedLocally = 0
    if (forward && forward.stage > 0) {
      if (!arrives(forwardEnd, rankOfForward, forward.microbatch * stageCount + forward.stage - 1, rank)) return false
    }
    if (backward && kind !== 'W') {
      const index = backward.microbatch * stageCount + backward.stage
      if (!arrives(forwardEnd, rankOfForward, index, rank)) return false
      if (backward.stage < stageCount - 1 && !arrives(backwardEnd, rankOfBackward, index + 1, rank)) return false
    }
    return true
  }

  let remaining = operations.reduce((sum, list) => sum + list.length, 0)
  while (remaining > 0) {
    const before = remaining
    for (let rank = 0; rank < rankCount; rank++) {
      const list = operations[rank]
      while (position[rank] < list.length && isReady(list[position[rank]], rank)) {
        const operation = list[position[rank]]
        const [duration, exposedInside] = cost(operation, timing)
        const start = Math.max(clock[rank], arrived)
        const end = start + duration
        exposed[rank] += exposedInside + start - Math.max(clock[rank], arrivedLocally)
        clock[rank] = end
        busy[rank] += duration
        const { kind, forward, backward } = operation
        if (forward) {
          const index = forward.microbatch * stageCount + forward.stage
          forwardEnd[index] = end
          rankOfForward[index] = rank
        }
        if (backward && kind !== 'W') {
          const index = backward.microbatch * stageCount + backward.stage
          backwardEnd[index] = end
          rankOfBackward[index] = rank
        }
        timeline[rank].push({ operation, start, end })
        position[rank]++
        remaining--
      }
    }
    if (remaining === before) {
      const stuck = Array.from(position, (at, rank) => `rank ${rank} at operation ${at}`).join(', ')
      throw new InvariantError(`schedule ${schedule.name}: expected every operation to run, got a circle of waits: ${stuck}`)
    }
  }

  const makespan = clock.reduce((latest, end) => Math.max(latest, end), 0)
  const idle = Array.from(busy, (time) => makespan - time)
  return {
    makespan,
    idle,
    maxIdle: idle.reduce((most, time) => Math.max(most, time), 0),
    peakActivations: operations.map((list) => peak(list, startsActivation, endsActivation)),
    peakPendingWeights: operations.map((list) =>
      peak(
        list,
        (kind) => kind === 'Bi',
        (kind) => kind === 'W',
      ),
    ),
    exposedCommunication: Array.from(exposed),
    timeline,
  }
}

function cost({ kind, forward, backward }: Operation, timing: StageTiming): [duration: number, exposed: number] {
  if (kind === 'F') return [timing.forward[forward!.stage], timing.exposedForward[forward!.stage]]
  const stage = backward!.stage
  if (kind === 'W') return [timing.weight[stage], 0]
  if (kind === 'Bi') return [timing.backwardInput[stage], timing.exposedBackward[stage]]
  if (kind === 'B') return [timing.backwardInput[stage] + timing.weight[stage], timing.exposedBackward[stage]]
  return [timing.overlapped(forward!.stage, stage), timing.exposedOverlapped(forward!.stage, stage)]
}

const startsActivation = (kind: Operation['kind']) => kind === 'F' || kind === 'FB'
const endsActivation = (kind: Operation['kind']) => kind === 'B' || kind === 'Bi' || kind === 'FB'

/** Highest level of a count that some operations raise when they start and some lower when they end. */
function peak(
  list: readonly Operation[],
  raises: (kind: Operation['kind']) => boolean,
  lowers: (kind: Operation['kind']) => boolean,
): number {
  let level = 0
  let highest = 0
  for (const { kind } of list) {
    if (raises(kind)) level++
    highest = Math.max(highest, level)
    if (lowers(kind)) level--
  }
  return highest
}
