/**
 * The same devices in nodes of different sizes: what this run's router would send inside nodes and between them.
 *
 * Rates are those that the report gives for its H800 cluster: 160 GB/s inside a node, 50 GB/s between nodes, each device. Both
 * levels run at once, so a token costs the longer of the two. Sources: DeepSeek-V3 report, section 3.2.2.
 */
import type { ModelConfig } from '../../architecture/index.ts'
import { mean } from '../../base/statistics.ts'
import type { RoutingEvent } from '../../inference/index.ts'
import { clusterNamed, planTraining, publishedLayouts, type TrainingPlan } from '../../infrastructure/index.ts'
import { presets } from '../../architecture/index.ts'
import { bytesOfCopy } from './routed-traffic.ts'

/** Effective rates of the published cluster, bytes a second, one way, each device. */
const publishedRates = { linkBytesPerSecond: 160e9, networkBytesPerSecond: 50e9 } as const

export interface ClusterShape {
  readonly nodeCount: number
  readonly devicesPerNode: number
  /** Different nodes and devices that a token visits in a layer, mean over layers. */
  readonly nodesPerToken: number
  readonly devicesPerToken: number
  /** Of one MoE layer, there and back. */
  readonly networkBytesPerToken: number
  readonly linkBytesPerToken: number
  readonly networkSeconds: number
  readonly linkSeconds: number
  /** The longer of the two. */
  readonly seconds: number
}

/**
 * One device an expert, in nodes of every size.
 *
 * @param event  decisions of the router as trained
 * @param config of the model
 */
export function clusterShapes(event: RoutingEvent, config: ModelConfig): ClusterShape[] {
  const visitsOf = (nodeCount: number) => mean(event.visits.find((visit) => visit.nodeCount === nodeCount)!.perTokenByLayer)
  const devicesPerToken = visitsOf(config.expertCount)
  const bytes = bytesOfCopy(config.width)
  return [1, ...event.visits.map(({ nodeCount }) => nodeCount)].map((nodeCount) => {
    const nodesPerToken = nodeCount === 1 ? 1 : visitsOf(nodeCount)
    const networkBytesPerToken = nodeCount === 1 ? 0 : nodesPerToken * bytes
    const linkBytesPerToken = nodeCount === config.expertCount ? 0 : devicesPerToken * bytes
    const networkSeconds = networkBytesPerToken / publishedRates.networkBytesPerSecond
    const linkSeconds = linkBytesPerToken / publishedRates.linkBytesPerSecond
    return {
      nodeCount,
      devicesPerNode: config.expertCount / nodeCount,
      nodesPerToken,
      devicesPerToken,
      networkBytesPerToken,
      linkBytesPerToken,
      networkSeconds,
      linkSeconds,
      seconds: Math.max(networkSeconds, linkSeconds),
    }
  })
}

/** The published run as our planner sees it, and what another cluster would make of it. */
export interface PublishedPlans {
  readonly asBuilt: TrainingPlan
  /** The same devices in nodes of four. */
  readonly smallNodes: TrainingPlan
  /** The same nodes on a network of half the rate. */
  readonly halfNetwork: TrainingPlan
}

let plans: PublishedPlans | undefined

/** Plans of DeepSeek-V3 on 2,048 H800; made once, they depend on nothing. */
export function publishedPlans(): PublishedPlans {
  if (plans) return plans
  const { cluster: name, layout, tokens } = publishedLayouts['deepseek-v3']
  const built = { ...clusterNamed(name), topology: null }
  const planOn = (changes: Partial<typeof built>) =>
    planTraining({ name: 'deepseek-v3', model: presets['deepseek-v3'], cluster: { ...built, ...changes }, layout, tokens })
  plans = {
    asBuilt: planOn({}),
    smallNodes: planOn({ devicesPerNode: 4 }),
    halfNetwork: planOn({ networkBytesPerSecond: built.networkBytesPerSecond / 2 }),
  }
  return plans
}
