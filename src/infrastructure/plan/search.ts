/**
 * The best layout of a model on a cluster: every combination is priced by a closed form, those that fit are ranked, and
 * the first few are simulated.
 *
 * The closed form is work of the busiest rank + the schedule's bubble formula + optimizer; it only chooses what to
 * simulate. What does not fit is kept too: the fastest of it says what more memory would buy.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { usageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { catalogue } from '../schedules/catalogue.ts'
import { scheduleNames } from '../schedules/operations.ts'
import type { Efficiency } from './efficiency.ts'
import { allSavings, layoutCounts, layoutViolations, type Layout, type Savings } from './layout.ts'
import { bindingComponent, memoryLimit, memoryPlan, type MemoryPlan } from './memory.ts'
import { layoutStages, stageTiming } from './stage-timing.ts'
import { optimizerSeconds, stagesOfRanks, stepTime, type StepTime } from './step-time.ts'
import { layoutTraffic } from './training-plan.ts'

export interface SearchRequest {
  readonly model: ModelConfig
  readonly cluster: Cluster
  readonly efficiency: Efficiency
  readonly batchSequences: number
  readonly sequenceLength: number
  readonly precision: Layout['precision']
}

export interface RankedLayout {
  readonly layout: Layout
  readonly step: StepTime
  readonly memory: MemoryPlan
  readonly tokensPerSecond: number
  /** What keeps it from being faster, in words. */
  readonly boundBy: string
}

export interface SearchResult {
  /** Simulated, fastest first. */
  readonly ranked: readonly RankedLayout[]
  readonly consideredCount: number
  readonly fittingCount: number
  /** The fastest of what does not fit, if faster than the best that does. */
  readonly outOfReach: { readonly layout: Layout; readonly seconds: number; readonly bytesOver: number; readonly binds: string } | null
}

interface Candidate {
  readonly layout: Layout
  readonly seconds: number
  readonly memory: MemoryPlan
  readonly fits: boolean
}

const divisors = (value: number, most: number) =>
  Array.from({ length: Math.min(value, most) }, (_, index) => index + 1).filter((divisor) => value % divisor === 0)

/** From cheap in memory to fast: everything saved, nothing recomputed, nothing saved but what costs no time. */
const savingsLevels: readonly Savings[] = [
  allSavings,
  { ...allSavings, recomputeNormsAndUpProjections: false },
  { ...allSavings, recomputeNormsAndUpProjections: false, recomputeSwiglu: false },
]

/** Every layout that the rules allow. */
export function* candidateLayouts({ model, cluster, batchSequences, sequenceLength, precision }: SearchRequest): Generator<Layout> {
  const blocks = model.layerCount + model.mtpDepth
  for (const pipelineRanks of divisors(cluster.deviceCount, Math.min(blocks, 128))) {
    const dataRanks = cluster.deviceCount / pipelineRanks
    for (const expertRanks of divisors(model.expertCount, dataRanks).filter((ranks) => dataRanks % ranks === 0)) {
      for (const schedule of scheduleNames) {
        for (const microbatchSequences of [1, 2, 4, 8]) {
          for (const chunkCount of schedule === 'interleaved' ? [2, 4] : [2]) {
            for (const savings of savingsLevels) {
              const layout = {
                pipelineRanks,
                expertRanks,
                schedule,
                chunkCount,
                batchSequences,
                sequenceLength,
                microbatchSequences,
                precision,
                savings,
              }
              if (layoutViolations(model, cluster, layout).length === 0) yield layout
            }
          }
        }
      }
    }
  }
}

/**
 * @param request      model, cluster and batch
 * @param simulateCount how many of the best are simulated
 * @throws UsageError when nothing fits: what comes closest, and what binds it
 */
export function searchLayouts(request: SearchRequest, simulateCount = 12): SearchResult {
  const { model, cluster, efficiency } = request
  const limit = memoryLimit(cluster, efficiency)
  const candidates = Array.from(candidateLayouts(request), (layout): Candidate => {
    const stages = layoutStages(model, cluster, layout, efficiency)
    const memory = memoryPlan(model, cluster, layout, stages)
    return { layout, memory, fits: memory.total <= limit, seconds: estimateSeconds(request, layout) }
  })
  candidates.sort((a, b) => a.seconds - b.seconds)
  const fitting = candidates.filter(({ fits }) => fits)
  if (fitting.length === 0) throw nothingFits(candidates, request, limit)

  const ranked = fitting.slice(0, simulateCount).map(({ layout }) => rank(request, layout))
  ranked.sort((a, b) => b.tokensPerSecond - a.tokensPerSecond)
  const first = candidates[0]
  return {
    ranked,
    consideredCount: candidates.length,
    fittingCount: fitting.length,
    outOfReach: first.fits
      ? null
      : {
          layout: first.layout,
          seconds: first.seconds,
          bytesOver: first.memory.total - limit,
          binds: bindingComponent(first.memory),
        },
  }
}

function nothingFits(candidates: readonly Candidate[], { cluster }: SearchRequest, limit: number) {
  const [closest] = candidates.toSorted((a, b) => a.memory.total - b.memory.total)
  if (!closest)
    return usageError(
      'search',
      'a batch, cluster and model that divide',
      'no layout that the rules allow',
      'Change the batch or the number of devices.',
    )
  const { pipelineRanks, expertRanks } = closest.layout
  return usageError(
    'search',
    `a layout within the ${formatBytes(limit)} that ${cluster.device.name} offers`,
    `${formatBytes(closest.memory.total)} at the least (PP${pipelineRanks}, EP${expertRanks}), ${formatBytes(closest.memory.total - limit)} too much, most of it ${bindingComponent(closest.memory)}`,
    'Take more devices or a smaller model.',
  )
}

/** Closed form: the busiest rank's work, the bubble formula for a middle stage, and the optimizer. */
function estimateSeconds({ model, cluster, efficiency }: SearchRequest, layout: Layout): number {
  const { traffic, routing } = layoutTraffic(model, cluster, layout, efficiency)
  const stages = layoutStages(model, cluster, layout, efficiency)
  const timing = stageTiming(model, cluster, layout, efficiency, traffic, stages, routing.deviceImbalance)
  const { microbatchCount } = layoutCounts(layout, cluster)
  const isOverlapped = layout.schedule === 'dualpipe' || layout.schedule === 'dualpipev'
  const indexOf = new Map(stages.map((stage, index) => [stage, index]))
  const work = stagesOfRanks(layout, stages).map((held) => {
    const indices = held.map((stage) => indexOf.get(stage)!)
    if (isOverlapped) {
      const [a, b] = indices as [number, number]
      const perMicrobatch = timing.overlapped(a, b) + timing.overlapped(b, a)
      return (microbatchCount * perMicrobatch) / (layout.schedule === 'dualpipe' ? 2 : 1)
    }
    return indices.reduce((sum, at) => sum + microbatchCount * (timing.forward[at] + timing.backwardInput[at] + timing.weight[at]), 0)
  })
  const middle = Math.floor(stages.length / 2)
  const bubble = catalogue[layout.schedule].bubble(layout.pipelineRanks, {
    forward: timing.forward[middle],
    backward: timing.backwardInput[middle] + timing.weight[middle],
    weight: timing.weight[middle],
    overlapped: timing.overlapped(middle, stages.length - 1 - middle),
  })
  return Math.max(...work) + Math.max(0, bubble) + optimizerSeconds(model, cluster, layout, efficiency, stages)
}

function rank({ model, cluster, efficiency }: SearchRequest, layout: Layout): RankedLayout {
  const { traffic, routing } = layoutTraffic(model, cluster, layout, efficiency)
  const step = stepTime(model, cluster, layout, efficiency, traffic, routing.deviceImbalance)
  const memory = memoryPlan(model, cluster, layout, step.stages, step.simulation.peakActivations)
  const limit = memoryLimit(cluster, efficiency)
  return {
    layout,
    step,
    memory,
    tokensPerSecond: layoutCounts(layout, cluster).tokensPerStep / step.seconds,
    boundBy: describeBinding(step, memory, limit),
  }
}

function describeBinding(step: StepTime, memory: MemoryPlan, limit: number): string {
  const losses = [
    ['bubble', step.bubbleSeconds],
    ['exposed communication', step.exposedSeconds],
    ['optimizer and gradients', step.optimizerSeconds],
  ] as const
  const [name, seconds] = losses.reduce((worst, loss) => (loss[1] > worst[1] ? loss : worst))
  const loss = `${name} ${((seconds / step.seconds) * 100).toFixed(0)} % of the step`
  return memory.total > 0.9 * limit
    ? `${loss}; memory ${((memory.total / limit) * 100).toFixed(0)} % full, most of it ${bindingComponent(memory)}`
    : loss
}
