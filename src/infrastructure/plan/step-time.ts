/**
 * How long one training step takes: chunks to a simulated schedule, then the optimizer. What the schedule does with the
 * chunks is not a formula here: it is simulated, with the stages as they are.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { createSchedule } from '../schedules/catalogue.ts'
import type { OperationKind, Schedule } from '../schedules/operations.ts'
import type { PairOverlap } from '../schedules/pair-lanes.ts'
import { simulate, type Simulation } from '../schedules/simulate.ts'
import type { Efficiency } from './efficiency.ts'
import { layoutCounts, type Layout } from './layout.ts'
import { layoutStages, stageTiming } from './stage-timing.ts'
import { stageParameters, type Stage } from './stages.ts'
import type { Traffic } from './traffic.ts'

export interface StepTime {
  readonly seconds: number
  /** Seconds of the pipeline, bubble included. */
  readonly pipelineSeconds: number
  /** Update, gradients summed and weights gathered over the data ranks, nothing overlapped. */
  readonly optimizerSeconds: number
  /** Mean over ranks, by kind of operation, as the published table splits a step. */
  readonly secondsByKind: Readonly<Record<OperationKind, number>>
  /** Mean over ranks. */
  readonly bubbleSeconds: number
  /** Mean over ranks: communication that nothing hides, inside operations and between ranks. */
  readonly exposedSeconds: number
  readonly stages: readonly Stage[]
  readonly schedule: Schedule
  readonly simulation: Simulation
  /** Inside an overlapped pair of middle stages. */
  readonly lanes: PairOverlap
  /** Of a middle stage: one chunk's F, Bi, W and F&B. */
  readonly chunk: { readonly forward: number; readonly backwardInput: number; readonly weight: number; readonly overlapped: number }
}

/**
 * Seconds from the last gradient to the next step: gradients in FP32 reduced over the copies of each weight, moments and
 * masters updated by their owners (16 bytes a parameter read and written at memory speed), BF16 weights gathered.
 */
export function optimizerSeconds(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  efficiency: Efficiency,
  stages: readonly Stage[],
): number {
  const { dataRanks, expertReplicas } = layoutCounts(layout, cluster)
  const copies = layout.schedule === 'dualpipe' ? 2 : 1
  const perRank = stagesOfRanks(layout, stages).map((held) => {
    const parameters = held.map((stage) => stageParameters(model, stage, layout.expertRanks, layout.savings.sharedEmbeddingAndHead))
    const dense = parameters.reduce((sum, { shared, vocabulary }) => sum + shared + vocabulary, 0)
    const experts = parameters.reduce((sum, part) => sum + part.experts, 0)
    const exchanged = (count: number, over: number) => count * (4 + 2) * (1 - 1 / over)
    const bytes = exchanged(dense, dataRanks * copies) + exchanged(experts, expertReplicas * copies)
    const owned = dense / (dataRanks * copies) + experts / (expertReplicas * copies)
    const rate = cluster.deviceCount === 1 ? Infinity : cluster.networkBytesPerSecond * efficiency.pointToPointShare
    return bytes / rate + (owned * 16 * 2) / cluster.device.memoryBytesPerSecond
  })
  return Math.max(...perRank)
}

/** The stages that each pipeline rank holds. */
export function stagesOfRanks(layout: Layout, stages: readonly Stage[]): Stage[][] {
  const P = layout.pipelineRanks
  return Array.from({ length: P }, (_, rank) => {
    if (layout.schedule === 'dualpipe') return [stages[rank], stages[P - 1 - rank]]
    if (layout.schedule === 'dualpipev') return [stages[rank], stages[2 * P - 1 - rank]]
    return stages.filter((_, index) => index % P === rank)
  })
}

/** Predicts one step. The layout has been checked. */
export function stepTime(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  efficiency: Efficiency,
  traffic: Traffic,
  imbalance = 1,
): StepTime {
  const stages = layoutStages(model, cluster, layout, efficiency)
  const { microbatchCount } = layoutCounts(layout, cluster)
  const { schedule: name, pipelineRanks: rankCount, chunkCount } = layout
  const schedule = createSchedule({ name, rankCount, microbatchCount, chunkCount })
  const timing = stageTiming(model, cluster, layout, efficiency, traffic, stages, imbalance)
  const simulation = simulate(schedule, timing)
  const optimizer = optimizerSeconds(model, cluster, layout, efficiency, stages)
  const secondsByKind: Record<OperationKind, number> = { F: 0, B: 0, Bi: 0, W: 0, FB: 0 }
  for (const { operation, start, end } of simulation.timeline.flat()) secondsByKind[operation.kind] += (end - start) / rankCount
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = Math.floor(stages.length / 2)
  return {
    seconds: simulation.makespan + optimizer,
    pipelineSeconds: simulation.makespan,
    optimizerSeconds: optimizer,
    secondsByKind,
    bubbleSeconds: mean(simulation.idle),
    exposedSeconds: mean(simulation.exposedCommunication),
    stages,
    schedule,
    simulation,
    lanes: timing.lanes(middle, stages.length - 1 - middle),
    chunk: {
      forward: timing.forward[middle],
      backwardInput: timing.backwardInput[middle],
      weight: timing.weight[middle],
      overlapped: timing.overlapped(middle, stages.length - 1 - middle),
    },
  }
}
