/**
 * Memory of the fullest device, by component, and what each saving is worth.
 *
 *   working weights   BF16, all chunks of the rank
 *   gradients         FP32, summed over micro-batches
 *   masters, moments  FP32 and BF16 (or FP32), divided over the copies of each weight (ZeRO-1)
 *   activations       live chunks x layers x tokens x bytes of a layer
 *
 * In DualPipe a stage lives on two ranks of a pipeline; its optimizer states are divided over both.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { rejectViolations } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { catalogue } from '../schedules/catalogue.ts'
import { keptBytes, keptTensors, type KeptTensor } from './activations.ts'
import type { Efficiency } from './efficiency.ts'
import { layoutCounts, type Layout, type Savings } from './layout.ts'
import { stageParameters, type Stage } from './stages.ts'
import { stagesOfRanks } from './step-time.ts'
import { dispatchBytesPerCopy } from './traffic.ts'

/** Bytes of one device. */
export interface MemoryPlan {
  readonly total: number
  readonly weights: number
  readonly gradients: number
  readonly masters: number
  readonly moments: number
  /** Zero when the average lives on the host. */
  readonly ema: number
  readonly activations: number
  /** Logits and their gradient of one micro-batch, in chunks of the fused loss; only where the head is. */
  readonly logits: number
  readonly communicationBuffers: number
  /** Which pipeline rank is the fullest. */
  readonly rank: number
  readonly parameters: number
  /** Live chunks at the peak, and what each tensor of a MoE layer keeps of one token. */
  readonly liveChunks: number
  readonly keptPerToken: readonly KeptTensor[]
}

/** Rows of logits that the fused loss holds at once. */
const lossChunkRows = 1024

/**
 * The fullest device.
 *
 * @param stages          from `layoutStages`
 * @param peakActivations live chunks by rank from a simulation; the schedule's formula when left out
 */
export function memoryPlan(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  stages: readonly Stage[],
  peakActivations?: readonly number[],
): MemoryPlan {
  const plans = stagesOfRanks(layout, stages).map((held, rank) => rankMemory(model, cluster, layout, held, rank, peakActivations?.[rank]))
  return plans.reduce((fullest, plan) => (plan.total > fullest.total ? plan : fullest))
}

function rankMemory(
  model: ModelConfig,
  cluster: Cluster,
  layout: Layout,
  held: readonly Stage[],
  rank: number,
  simulatedPeak: number | undefined,
): MemoryPlan {
  const { savings, schedule, expertRanks, pipelineRanks } = layout
  const { dataRanks, expertReplicas, microbatchCount, microbatchTokens } = layoutCounts(layout, cluster)
  const copies = schedule === 'dualpipe' ? 2 : 1
  const parts = held.map((stage) => stageParameters(model, stage, expertRanks, savings.sharedEmbeddingAndHead))
  const dense = parts.reduce((sum, { shared, vocabulary }) => sum + shared + vocabulary, 0)
  const experts = parts.reduce((sum, part) => sum + part.experts, 0)
  const parameters = dense + experts
  const owned = dense / (dataRanks * copies) + experts / (expertReplicas * copies)

  const liveChunks = simulatedPeak ?? formulaPeak(layout, rank, microbatchCount)
  const perToken = { dense: keptBytes(keptTensors(model, layout, 'dense')), moe: keptBytes(keptTensors(model, layout, 'moe')) }
  const chunkBytes = held.map(({ denseLayers, moeLayers }) => microbatchTokens * (denseLayers * perToken.dense + moeLayers * perToken.moe))
  const meanChunk = chunkBytes.reduce((sum, bytes) => sum + bytes, 0) / held.length

  // Two micro-batches are under way at once: each sends to and receives from the other ranks of its group.
  const copy = dispatchBytesPerCopy(model.width, layout.precision) + 2 * model.width
  const visits = Math.min(model.activeExpertCount, expertRanks)
  const exchange = expertRanks === 1 ? 0 : 2 * microbatchTokens * visits * copy
  const pipes = pipelineRanks === 1 ? 0 : 4 * microbatchTokens * model.width * 2
  const components = {
    weights: parameters * 2,
    gradients: parameters * 4,
    masters: owned * 4,
    moments: owned * (savings.bf16Moments ? 4 : 8),
    ema: savings.emaOnHost ? 0 : owned * 4,
    activations: liveChunks * meanChunk,
    logits: held.some(({ hasHead }) => hasHead) ? Math.min(lossChunkRows, microbatchTokens) * model.vocabSize * 4 * 2 : 0,
    communicationBuffers: exchange + pipes,
  }
  const total = Object.values(components).reduce((sum, bytes) => sum + bytes, 0)
  return { total, ...components, rank, parameters, liveChunks, keptPerToken: keptTensors(model, layout, 'moe') }
}

/** Live chunks of a rank by the schedule's rule. */
function formulaPeak({ schedule, pipelineRanks, chunkCount }: Layout, rank: number, microbatchCount: number): number {
  const most = catalogue[schedule].activations(pipelineRanks, microbatchCount, chunkCount)
  if (schedule === '1f1b' || schedule === 'zb1p') return Math.max(1, most - rank)
  return schedule === 'interleaved' ? Math.max(1, most - 2 * rank) : most
}

/** What the device is short of without one saving: total without it minus total with it. */
export type SavingWorth = Readonly<Record<keyof Savings, number>>

/** Bytes that each saving of the layout is worth on the fullest device, one at a time. */
export function savingsWorth(model: ModelConfig, cluster: Cluster, layout: Layout, stages: readonly Stage[]): SavingWorth {
  const total = (savings: Savings) => memoryPlan(model, cluster, { ...layout, savings }, stages).total
  const worth = (name: keyof Savings) => total({ ...layout.savings, [name]: false }) - total({ ...layout.savings, [name]: true })
  return {
    recomputeNormsAndUpProjections: worth('recomputeNormsAndUpProjections'),
    recomputeSwiglu: worth('recomputeSwiglu'),
    fp8ActivationCache: worth('fp8ActivationCache'),
    bf16Moments: worth('bf16Moments'),
    emaOnHost: worth('emaOnHost'),
    sharedEmbeddingAndHead: worth('sharedEmbeddingAndHead'),
  }
}

/** Memory that a plan may use: all of it but the reserve. */
export const memoryLimit = (cluster: Cluster, { memoryReserveShare }: Efficiency): number =>
  cluster.device.memoryBytes * (1 - memoryReserveShare)

const named = ['weights', 'gradients', 'masters', 'moments', 'ema', 'activations', 'logits', 'communicationBuffers'] as const

/** The largest component. */
export function bindingComponent(plan: MemoryPlan): (typeof named)[number] {
  return named.reduce((largest, name) => (plan[name] > plan[largest] ? name : largest))
}

/**
 * @throws UsageError when the fullest device is over its limit: by how much, and what takes the most
 */
export function checkMemory(plan: MemoryPlan, cluster: Cluster, efficiency: Efficiency): void {
  const limit = memoryLimit(cluster, efficiency)
  if (plan.total <= limit) return
  const parts = named
    .filter((name) => plan[name] > 0)
    .toSorted((a, b) => plan[b] - plan[a])
    .map((name) => `${name} ${formatBytes(plan[name])}`)
  const over = formatBytes(plan.total - limit)
  rejectViolations(
    'memory',
    [
      `pipeline rank ${plan.rank} needs ${formatBytes(plan.total)}, ${over} more than the ${formatBytes(limit)} that ${cluster.device.name} offers: ${parts.join(', ')}`,
    ],
    `What binds is ${bindingComponent(plan)}. More pipeline or expert ranks, fewer sequences a micro-batch, or "strata plan … --search" for a layout that fits.`,
  )
}
