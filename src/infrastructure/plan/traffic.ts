/**
 * What expert parallelism sends, per token and MoE layer, and how long it takes.
 *
 *   dispatch  hidden state in FP8 with one f32 scale every 128 values (BF16 without FP8), once to every node visited over
 *             the network, once to every device visited over the node's links
 *   combine   the results, in BF16, the same way back
 *
 * In the backward pass the gradient of combine travels like a dispatch and that of dispatch like a combine. Both levels
 * run at once, the slower one counts. Source: DeepSeek-V3 report, sections 3.2.2 and 3.3.3.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Cluster } from '../cluster/clusters.ts'
import type { Efficiency } from './efficiency.ts'
import type { Layout } from './layout.ts'
import type { Routing } from './routing.ts'

export interface TrafficStage {
  /** Bytes of one copy of one token. */
  readonly bytesPerCopy: number
  /** Per token and layer, what leaves a device over the network with one copy a node. */
  readonly networkBytesPerToken: number
  /** What it would be with one copy an expert. */
  readonly networkBytesPerTokenUndeduplicated: number
  readonly linkBytesPerToken: number
  /** Of one micro-batch in one layer, nothing else going on. */
  readonly seconds: number
  readonly boundBy: 'network' | 'link' | 'nothing'
}

export interface Traffic {
  readonly dispatch: TrafficStage
  readonly combine: TrafficStage
  /** A chunk's hidden states to the next pipeline rank, one way. */
  readonly pointToPoint: { readonly bytes: number; readonly seconds: number }
  /** Network bytes of one device in one step, all layers, both passes, pipeline included. */
  readonly networkBytesPerStep: number
}

/** Bytes of one hidden state on its way to the experts. */
export function dispatchBytesPerCopy(width: number, precision: Layout['precision']): number {
  return precision === 'fp8' ? width + Math.ceil(width / 128) * 4 : width * 2
}

/**
 * @param tokens     of one micro-batch
 * @param moeLayers  MoE layers that one device runs for one micro-batch
 * @param passes     micro-batches of a step, on one device
 */
export function expertTraffic(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  routing: Routing,
  efficiency: Efficiency,
  { tokens, moeLayers, passes }: { readonly tokens: number; readonly moeLayers: number; readonly passes: number },
): Traffic {
  const spansNodes = layout.expertRanks > cluster.devicesPerNode
  const stage = (bytesPerCopy: number, share: number): TrafficStage => {
    if (layout.expertRanks === 1) return { ...noTraffic, bytesPerCopy }
    const networkBytesPerToken = spansNodes ? routing.copiesPerToken * bytesPerCopy : 0
    const linkBytesPerToken = routing.devicesPerToken * bytesPerCopy
    const network = (tokens * networkBytesPerToken) / (cluster.networkBytesPerSecond * share)
    const link = (tokens * linkBytesPerToken * routing.deviceImbalance) / (cluster.device.linkBytesPerSecond * efficiency.linkShare)
    const latency = spansNodes ? cluster.networkLatencySeconds : cluster.linkLatencySeconds
    return {
      bytesPerCopy,
      networkBytesPerToken,
      networkBytesPerTokenUndeduplicated: spansNodes ? model.activeExpertCount * bytesPerCopy : 0,
      linkBytesPerToken,
      seconds: Math.max(network, link) + latency,
      boundBy: network >= link ? 'network' : 'link',
    }
  }
  const dispatch = stage(dispatchBytesPerCopy(model.width, layout.precision), efficiency.dispatchShare)
  const combine = stage(model.width * 2, efficiency.combineShare)
  const bytes = layout.pipelineRanks === 1 ? 0 : tokens * model.width * 2
  const rate = cluster.networkBytesPerSecond * efficiency.pointToPointShare
  const seconds = bytes === 0 ? 0 : bytes / rate + cluster.networkLatencySeconds
  const perPass = 2 * tokens * moeLayers * (dispatch.networkBytesPerToken + combine.networkBytesPerToken) + 2 * bytes
  return { dispatch, combine, pointToPoint: { bytes, seconds }, networkBytesPerStep: perPass * passes }
}

const noTraffic: TrafficStage = {
  bytesPerCopy: 0,
  networkBytesPerToken: 0,
  networkBytesPerTokenUndeduplicated: 0,
  linkBytesPerToken: 0,
  seconds: 0,
  boundBy: 'nothing',
}
