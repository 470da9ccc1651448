/**
 * Which schedule is feasible with how much communication: the simulator run over a range of communication per unit of computation.
 *
 * Time unit: the forward computation of a chunk, F = 1, B = 2, W = 1. A chunk's dispatch and combine take `ratio` in F and as
 * much again in its backward. Alone they are waited for; in an overlapped pair they run beside F and B, which hide up to
 * three units of them. Source: DeepSeek-V3 report, section 3.2.1 and figure 4, where the ratio is about 1.
 */
import { catalogue, createSchedule, layerFlops, type ScheduleName, simulate, uniformTiming } from '../../infrastructure/index.ts'
import type { ModelConfig } from '../../architecture/index.ts'
import { bytesOfCopy } from './routed-traffic.ts'

/** The schedules that the report compares in its table 2. */
export const comparedSchedules = ['1f1b', 'zb1p', 'dualpipe'] as const satisfies readonly ScheduleName[]

export type ComparedSchedule = (typeof comparedSchedules)[number]

/** Half the published pipeline: 16 ranks and 120 micro-batches. */
export const simulatedPipeline = { rankCount: 8, microbatchCount: 60 } as const

/** A schedule is feasible where a step takes at most this share longer than without communication. */
export const slowdownTolerance = 0.1

const durations = { forward: 1, backward: 2, weight: 1 } as const
const ratios = Array.from({ length: 33 }, (_, index) => index / 8)

export interface ScheduleSweep {
  readonly name: ComparedSchedule
  /** What the field calls it. */
  readonly title: string
  /** Length of a step in units of F, at each ratio from 0 up. */
  readonly points: readonly { readonly ratio: number; readonly makespan: number; readonly slowdown: number }[]
  /** The largest ratio at which a step is still within `slowdownTolerance` of one without communication. */
  readonly feasibleUpTo: number
}

let sweeps: readonly ScheduleSweep[] | undefined

/** The three schedules over ratios from 0 to 4; made once, they depend on nothing. */
export function scheduleSweeps(): readonly ScheduleSweep[] {
  sweeps ??= comparedSchedules.map((name) => {
    const alone = stepOf(name, 0).makespan
    const points = ratios.map((ratio) => {
      const { makespan } = stepOf(name, ratio)
      return { ratio, makespan, slowdown: makespan / alone - 1 }
    })
    return { name, title: catalogue[name].title, points, feasibleUpTo: crossing(points) }
  })
  return sweeps
}

/** One step of a schedule at a ratio of communication to computation. */
export function stepOf(
  name: ComparedSchedule,
  ratio: number,
): { readonly makespan: number; readonly exposed: number; readonly bubble: number } {
  const schedule = createSchedule({ name, ...simulatedPipeline })
  const overlapped = Math.max(durations.forward + durations.backward, 2 * ratio)
  const timing = uniformTiming(simulatedPipeline.rankCount, { ...durations, overlapped }, { dispatch: ratio / 2, combine: ratio / 2 })
  const { makespan, exposedCommunication, maxIdle } = simulate(schedule, timing)
  const exposed = exposedCommunication.reduce((sum, time) => sum + time, 0) / simulatedPipeline.rankCount
  return { makespan, exposed, bubble: maxIdle }
}

/** Where the slowdown passes the tolerance, between the points on a straight line. */
function crossing(points: ScheduleSweep['points']): number {
  const above = points.findIndex(({ slowdown }) => slowdown > slowdownTolerance)
  if (above < 0) return points.at(-1)!.ratio
  const [before, after] = [points[above - 1], points[above]]
  const share = (slowdownTolerance - before.slowdown) / (after.slowdown - before.slowdown)
  return before.ratio + share * (after.ratio - before.ratio)
}

/** Devices and a network between them, as far as this comparison needs them. */
export interface PlainNetwork {
  /** FLOP/s that a device reaches. */
  readonly flopsPerSecond: number
  /** One way, a device's share. */
  readonly bytesPerSecond: number
}

/**
 * Seconds of communication over seconds of computation, in one MoE layer's forward pass.
 *
 * @param copiesPerToken in a layer
 * @param length         tokens in a row, for attention
 */
export function communicationRatio(config: ModelConfig, copiesPerToken: number, length: number, network: PlainNetwork): number {
  const { attentionLinear, attentionCore, mlpLinear } = layerFlops(config, length, 'moe')
  const computeSeconds = (attentionLinear + attentionCore + mlpLinear) / network.flopsPerSecond
  return (copiesPerToken * bytesOfCopy(config.width)) / network.bytesPerSecond / computeSeconds
}
