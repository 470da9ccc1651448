/**
 * How long one training step takes: layers to chunks, chunks to a simulated schedule, then the optimizer.
 *
 * Alone, a chunk's communication is exposed and compute has all cores; in an overlapped pair the two lanes of
 * `pair-lanes.ts` run side by side and communication keeps its share of the cores. What the schedule does with that is
 * not a formula here: it is simulated, with the stages as they are.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { createSchedule } from '../schedules/catalogue.ts'
import type { OperationKind, Schedule } from '../schedules/operations.ts'
import { overlapPair, type LayerDurations } from '../schedules/pair-lanes.ts'
import { simulate, type Simulation, type StageTiming } from '../schedules/simulate.ts'
import { componentSeconds, type ComponentSeconds, type Efficiency } from './efficiency.ts'
import { coreBackwardFactor, layerFlops } from './layer-costs.ts'
import { layoutCounts, type Layout } from './layout.ts'
import { splitStages, stageParameters, type Stage } from './stages.ts'
import type { Traffic } from './traffic.ts'

/** Compute of one layer and one micro-batch, parts apart. */
export interface LayerCompute {
  readonly attentionForward: ComponentSeconds
  readonly attentionBackward: ComponentSeconds
  readonly attentionWeight: ComponentSeconds
  readonly mlpForward: ComponentSeconds
  readonly mlpBackward: ComponentSeconds
  readonly mlpWeight: ComponentSeconds
  readonly mlpWeightSecondStream: ComponentSeconds
}

/** @param imbalance the busiest device's expert load over the mean: everybody waits for it */
export function layerCompute(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  efficiency: Efficiency,
  kind: 'dense' | 'moe',
  imbalance = 1,
): LayerCompute {
  const tokens = layoutCounts(layout, cluster).microbatchTokens
  const flops = layerFlops(model, layout.sequenceLength, kind)
  const { passes } = efficiency
  const backwardLinear = flops.attentionLinear + (layout.savings.recomputeNormsAndUpProjections ? flops.upProjections : 0)
  const part = (gemm: number, core: number, passCount: number, width: number) =>
    componentSeconds(
      cluster.device,
      layout.precision,
      { gemm: gemm * tokens, core: core * tokens, restBytes: passCount * tokens * width * 2 },
      efficiency,
    )
  const attention = (gemm: number, core: number, passCount: number) => part(gemm, core, passCount, flops.attentionWidth)
  const mlp = (gemm: number, passCount: number) => {
    const { matrix, rest } = part(gemm, 0, passCount, flops.mlpWidth)
    const slowest = kind === 'moe' ? imbalance : 1
    return { matrix: matrix * slowest, rest: rest * slowest }
  }
  return {
    attentionForward: attention(flops.attentionLinear, flops.attentionCore, passes.attentionForward),
    attentionBackward: attention(backwardLinear, flops.attentionCore * coreBackwardFactor, passes.attentionBackward),
    attentionWeight: attention(flops.attentionLinear, 0, passes.attentionWeight),
    mlpForward: mlp(flops.mlpLinear, passes.mlpForward),
    mlpBackward: mlp(flops.mlpLinear, passes.mlpBackward),
    mlpWeight: mlp(flops.mlpLinear, passes.mlpWeight),
    mlpWeightSecondStream: mlp(0, passes.mlpWeightSecondStream),
  }
}

const alone = ({ matrix, rest }: ComponentSeconds) => matrix + rest

/** Seconds of one layer's parts when nothing runs beside them. */
const layerAlone = (layer: LayerCompute) => ({
  forward: alone(layer.attentionForward) + alone(layer.mlpForward),
  backwardInput: alone(layer.attentionBackward) + alone(layer.mlpBackward),
  weight: alone(layer.attentionWeight) + alone(layer.mlpWeight) + alone(layer.mlpWeightSecondStream),
})

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
  /** Of a middle stage: one chunk's F, Bi, W and F&B. */
  readonly chunk: { readonly forward: number; readonly backwardInput: number; readonly weight: number; readonly overlapped: number }
}

/** Seconds of a pass through the head, in BF16, main model and MTP together; forward, and as much each for input and weights. */
function headSeconds(model: ModelConfig, cluster: Cluster, layout: Layout, efficiency: Efficiency): number {
  const tokens = layoutCounts(layout, cluster).microbatchTokens
  const flops = 2 * model.vocabSize * model.width * tokens * (1 + model.mtpDepth)
  return flops / (cluster.device.peakFlops.bf16 * efficiency.gemmShare)
}

/** Stages of a layout: how the layers are split, given what they cost. */
export function layoutStages(model: ModelConfig, cluster: Cluster, layout: Layout, efficiency: Efficiency): Stage[] {
  const total = (kind: 'dense' | 'moe') => {
    const { forward, backwardInput, weight } = layerAlone(layerCompute(model, cluster, layout, efficiency, kind))
    return forward + backwardInput + weight
  }
  const projection = 2 * 2 * model.width ** 2 * layoutCounts(layout, cluster).microbatchTokens
  const mtp = total('moe') + (3 * projection) / (cluster.device.peakFlops.bf16 * efficiency.gemmShare)
  return splitStages(model, layoutCounts(layout, cluster).stageCount, {
    dense: total('dense'),
    moe: total('moe'),
    mtp,
    head: 3 * headSeconds(model, cluster, layout, efficiency),
  })
}

/** Durations of every stage for the simulator. */
export function stageTiming(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  efficiency: Efficiency,
  traffic: Traffic,
  stages: readonly Stage[],
  imbalance: number,
): StageTiming {
  const compute = {
    dense: layerCompute(model, cluster, layout, efficiency, 'dense'),
    moe: layerCompute(model, cluster, layout, efficiency, 'moe', imbalance),
  }
  const time = { dense: layerAlone(compute.dense), moe: layerAlone(compute.moe) }
  const head = headSeconds(model, cluster, layout, efficiency)
  const tokens = layoutCounts(layout, cluster).microbatchTokens
  const projection = (2 * 2 * model.width ** 2 * tokens) / (cluster.device.peakFlops.bf16 * efficiency.gemmShare)
  const communication = traffic.dispatch.seconds + traffic.combine.seconds
  const extra = (stage: Stage) => (stage.hasHead ? head : 0) + stage.mtpModules * projection
  const sumOf = (stage: Stage, part: 'forward' | 'backwardInput' | 'weight') =>
    stage.denseLayers * time.dense[part] + stage.moeLayers * time.moe[part] + extra(stage)
  const exposed = stages.map((stage) => stage.moeLayers * communication)

  const { communicationSmShare, overlappedCommunicationStretch: stretch, pairStretch } = efficiency
  const beside = ({ matrix, rest }: ComponentSeconds) => matrix / (1 - communicationSmShare) + rest
  /** Mean layer of a stage in an overlapped pair. */
  const meanLayer = (stage: Stage): LayerDurations => {
    const moeShare = stage.moeLayers / (stage.moeLayers + stage.denseLayers)
    const mean = (part: keyof LayerCompute) => beside(compute.dense[part]) * (1 - moeShare) + beside(compute.moe[part]) * moeShare
    return {
      attentionForward: mean('attentionForward'),
      attentionBackward: mean('attentionBackward'),
      attentionWeight: mean('attentionWeight'),
      mlpForward: mean('mlpForward'),
      mlpBackward: mean('mlpBackward'),
      mlpWeight: mean('mlpWeight'),
      dispatchForward: traffic.dispatch.seconds * stretch * moeShare,
      combineForward: traffic.combine.seconds * stretch * moeShare,
      combineBackward: traffic.dispatch.seconds * stretch * moeShare,
      dispatchBackward: traffic.combine.seconds * stretch * moeShare,
    }
  }
  const pair = (forwardStage: number, backwardStage: number) => {
    const forward = stages[forwardStage]!
    const backward = stages[backwardStage]!
    const ofForward = meanLayer(forward)
    const ofBackward = meanLayer(backward)
    const overlap = overlapPair(
      {
        ...ofBackward,
        attentionForward: ofForward.attentionForward,
        mlpForward: ofForward.mlpForward,
        dispatchForward: ofForward.dispatchForward,
        combineForward: ofForward.combineForward,
      },
      {
        forwardLayerCount: forward.denseLayers + forward.moeLayers,
        backwardLayerCount: backward.denseLayers + backward.moeLayers,
        pointToPoint: traffic.pointToPoint.seconds,
      },
    )
    const outside = (extra(forward) + 2 * extra(backward)) / (1 - communicationSmShare)
    return { duration: overlap.duration * pairStretch + outside, exposed: overlap.exposedCommunication }
  }
  const pairs = new Map<number, ReturnType<typeof pair>>()
  const pairOf = (forwardStage: number, backwardStage: number) => {
    const key = forwardStage * stages.length + backwardStage
    const known = pairs.get(key)
    if (known) return known
    const made = pair(forwardStage, backwardStage)
    pairs.set(key, made)
    return made
  }
  return {
    forward: stages.map((stage, index) => sumOf(stage, 'forward') + exposed[index]!),
    backwardInput: stages.map((stage, index) => sumOf(stage, 'backwardInput') + exposed[index]!),
    weight: stages.map((stage) => sumOf(stage, 'weight')),
    overlapped: (forward, backward) => pairOf(forward, backward).duration,
    exposedForward: exposed,
    exposedBackward: exposed,
    exposedOverlapped: (forward, backward) => pairOf(forward, backward).exposed,
    pointToPoint: traffic.pointToPoint.seconds,
  }
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
    if (layout.schedule === 'dualpipe') return [stages[rank]!, stages[P - 1 - rank]!]
    if (layout.schedule === 'dualpipev') return [stages[rank]!, stages[2 * P - 1 - rank]!]
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
    chunk: {
      forward: timing.forward[middle]!,
      backwardInput: timing.backwardInput[middle]!,
      weight: timing.weight[middle]!,
      overlapped: timing.overlapped(middle, stages.length - 1 - middle),
    },
  }
}
