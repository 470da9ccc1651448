/**
 * How long a chunk takes: layers to stages, alone and in overlapped pairs.
 *
 * Alone, a chunk's communication is exposed and compute has all cores; in an overlapped pair the two lanes of
 * `pair-lanes.ts` run side by side and communication keeps its share of the cores.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { overlapPair, type LayerDurations, type PairOverlap } from '../schedules/pair-lanes.ts'
import type { StageTiming } from '../schedules/simulate.ts'
import { componentSeconds, type ComponentSeconds, type Efficiency } from './efficiency.ts'
import { coreBackwardFactor, layerFlops } from './layer-costs.ts'
import { layoutCounts, type Layout } from './layout.ts'
import { splitStages, type Stage } from './stages.ts'
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

/** Durations of every stage for the simulator, and what happens inside an overlapped pair. */
export interface LayoutTiming extends StageTiming {
  /** The lanes of a pair, before launches and waits stretch it. */
  readonly lanes: (forwardStage: number, backwardStage: number) => PairOverlap
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
): LayoutTiming {
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
    const forward = stages[forwardStage]
    const backward = stages[backwardStage]
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
    return { lanes: overlap, duration: overlap.duration * pairStretch + outside }
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
    forward: stages.map((stage, index) => sumOf(stage, 'forward') + exposed[index]),
    backwardInput: stages.map((stage, index) => sumOf(stage, 'backwardInput') + exposed[index]),
    weight: stages.map((stage) => sumOf(stage, 'weight')),
    overlapped: (forward, backward) => pairOf(forward, backward).duration,
    exposedForward: exposed,
    exposedBackward: exposed,
    exposedOverlapped: (forward, backward) => pairOf(forward, backward).lanes.exposedCommunication,
    pointToPoint: traffic.pointToPoint.seconds,
    lanes: (forward, backward) => pairOf(forward, backward).lanes,
  }
}
