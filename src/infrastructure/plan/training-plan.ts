/**
 * A whole training plan: model, memory, traffic, schedule, step and run, each made from what the one before hands on.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { countParameters, type ParameterCounts } from '../../architecture/counts.ts'
import {
  decodeFlopsPerToken,
  latentCacheBytesPerToken,
  prefillFlopsPerToken,
  trainingFlopsPerToken,
} from '../../architecture/counts-per-token.ts'
import { checkpointBytes, checkpointTensors } from '../../architecture/tensor-names.ts'
import { rejectViolations } from '../../base/errors.ts'
import { clusterViolations, type Cluster } from '../cluster/clusters.ts'
import { calibrate, type Efficiency } from './efficiency.ts'
import { layoutCounts, layoutViolations, type Layout, type LayoutCounts } from './layout.ts'
import { checkMemory, memoryPlan, type MemoryPlan } from './memory.ts'
import { expectedRouting, routingOfTrace, type Routing, type RoutingTrace } from './routing.ts'
import { runCost, type RunCost } from './run-cost.ts'
import { layoutStages } from './stage-timing.ts'
import { stagesOfRanks, stepTime, type StepTime } from './step-time.ts'
import { expertTraffic, type Traffic } from './traffic.ts'

export interface PlanRequest {
  /** What the model is called in texts. */
  readonly name: string
  readonly model: ModelConfig
  readonly cluster: Cluster
  readonly layout: Layout
  /** Training tokens of the whole run. */
  readonly tokens: number
  readonly efficiency?: Efficiency
  /** A recorded router; the routing rule with balanced experts when left out. */
  readonly trace?: RoutingTrace
}

export interface TrainingPlan extends Required<Omit<PlanRequest, 'trace'>> {
  readonly counts: LayoutCounts
  readonly parameters: ParameterCounts
  readonly checkpoint: { readonly tensors: number; readonly bytes: number }
  readonly flopsPerToken: { readonly causal: number; readonly full: number }
  /** Prompt tokens at the layout's length, and one generated token with as many in the cache. */
  readonly inferenceFlopsPerToken: { readonly prefillCausal: number; readonly prefillFull: number; readonly decode: number }
  readonly cacheBytesPerToken: number
  readonly routing: Routing
  readonly memory: MemoryPlan
  readonly traffic: Traffic
  readonly step: StepTime
  readonly run: RunCost
}

/** Where more than the whole can be reached: copies that stay in the own node count as sent; a stretch is no share. */
const mostOfPeak: Readonly<Record<string, number>> = {
  dispatchShare: 8,
  combineShare: 8,
  overlappedCommunicationStretch: 100,
  pairStretch: 100,
}

/** What is wrong with a request before any of it is computed, one sentence each. */
export function planViolations({ model, cluster, layout, tokens, efficiency = calibrate() }: PlanRequest): string[] {
  const violations = [...clusterViolations(cluster), ...layoutViolations(model, cluster, layout)]
  if (!(tokens > 0 && tokens <= 1e18)) violations.push(`tokens: expected more than 0 and at most 1e18, got ${tokens}`)
  const { passes, ...shares } = efficiency
  for (const [name, value] of Object.entries(shares)) {
    const isPartTaken = name === 'communicationSmShare' || name === 'memoryReserveShare'
    const most = mostOfPeak[name] ?? 1
    const isRight = isPartTaken ? value >= 0 && value < 1 : value > 0 && value <= most
    if (!isRight)
      violations.push(`efficiency.${name}: expected ${isPartTaken ? 'from 0 to below 1' : `more than 0 and at most ${most}`}, got ${value}`)
  }
  for (const [name, value] of Object.entries(passes)) {
    if (!(Number.isFinite(value) && value >= 0)) violations.push(`efficiency.passes.${name}: expected 0 or more, got ${value}`)
  }
  return violations
}

/** Routing and traffic of a layout. `passes` is set so that a device's step is counted over all its chunks. */
export function layoutTraffic(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  efficiency: Efficiency,
  trace?: RoutingTrace,
): { routing: Routing; traffic: Traffic } {
  const counts = layoutCounts(layout, cluster)
  const nodes = Math.max(1, Math.ceil(counts.nodesPerExpertGroup))
  const routing = trace
    ? routingOfTrace(trace, model.expertCount, layout.expertRanks, nodes)
    : expectedRouting(model, layout.expertRanks, nodes)
  const held = stagesOfRanks(layout, layoutStages(model, cluster, layout, efficiency))
  const moeLayers = Math.max(...held.map((stages) => stages.reduce((sum, stage) => sum + stage.moeLayers, 0)))
  const copies = layout.schedule === 'dualpipe' ? 2 : 1
  const volume = { tokens: counts.microbatchTokens, moeLayers, passes: counts.microbatchCount / copies }
  return { routing, traffic: expertTraffic(model, cluster, layout, routing, efficiency, volume) }
}

/**
 * Plans a training run.
 *
 * @throws UsageError naming every violation, or what does not fit and by how much
 */
export function planTraining(request: PlanRequest): TrainingPlan {
  rejectViolations(`plan ${request.name}`, planViolations(request))
  const { name, model, cluster, layout, tokens, trace } = request
  const efficiency = request.efficiency ?? calibrate()
  const counts = layoutCounts(layout, cluster)
  const { routing, traffic } = layoutTraffic(model, cluster, layout, efficiency, trace)
  const stages = layoutStages(model, cluster, layout, efficiency)
  checkMemory(memoryPlan(model, cluster, layout, stages), cluster, efficiency)

  const step = stepTime(model, cluster, layout, efficiency, traffic, routing.deviceImbalance)
  const memory = memoryPlan(model, cluster, layout, step.stages, step.simulation.peakActivations)
  const length = layout.sequenceLength
  const tensors = checkpointTensors(model, { format: 'released-fp8', withMtp: true })
  return {
    name,
    model,
    cluster,
    layout,
    tokens,
    efficiency,
    counts,
    parameters: countParameters(model),
    checkpoint: { tensors: tensors.length, bytes: checkpointBytes(tensors) },
    flopsPerToken: {
      causal: trainingFlopsPerToken(model, length, 'causal').total,
      full: trainingFlopsPerToken(model, length, 'full').total,
    },
    inferenceFlopsPerToken: {
      prefillCausal: prefillFlopsPerToken(model, length, 'causal').total,
      prefillFull: prefillFlopsPerToken(model, length, 'full').total,
      decode: decodeFlopsPerToken(model, length),
    },
    cacheBytesPerToken: latentCacheBytesPerToken(model),
    routing,
    memory,
    traffic,
    step,
    run: runCost(model, cluster, { stepSeconds: step.seconds, tokensPerStep: counts.tokensPerStep, length, tokens }),
  }
}
