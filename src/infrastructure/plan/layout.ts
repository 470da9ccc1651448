/**
 * How a model is laid over a cluster, as plain data, and the layouts that were published.
 *
 * Pipeline x data parallelism, expert parallelism inside data parallelism, ZeRO-1 (optimizer states over the data ranks),
 * no tensor parallelism: the way of the V3 run (DeepSeek-V3 report, section 3.2).
 */
import type { ModelConfig } from '../../architecture/config.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { scheduleViolations } from '../schedules/catalogue.ts'
import type { ScheduleName } from '../schedules/operations.ts'

/** Memory savings of the V3 run (report, sections 3.2.3 and 3.3.3); each can be switched off to see what it saves. */
export interface Savings {
  /** Outputs of RMSNorm and of MLA's up-projections are made again in the backward pass. */
  readonly recomputeNormsAndUpProjections: boolean
  /** SwiGLU's output is made again from its stored input. */
  readonly recomputeSwiglu: boolean
  /** Inputs of linear layers are kept in FP8, the one after attention in 12 bits (E5M6). */
  readonly fp8ActivationCache: boolean
  /** AdamW's moments in BF16 instead of FP32. */
  readonly bf16Moments: boolean
  /** The moving average of the weights lives in the host's memory. */
  readonly emaOnHost: boolean
  /** Embedding and head are held once by main model and MTP. */
  readonly sharedEmbeddingAndHead: boolean
}

export const allSavings: Savings = {
  recomputeNormsAndUpProjections: true,
  recomputeSwiglu: true,
  fp8ActivationCache: true,
  bf16Moments: true,
  emaOnHost: true,
  sharedEmbeddingAndHead: true,
}

export interface Layout {
  readonly pipelineRanks: number
  /** Devices that share one set of routed experts of a stage. */
  readonly expertRanks: number
  readonly schedule: ScheduleName
  /** Chunks a rank, read by `interleaved` only. */
  readonly chunkCount: number
  /** Sequences of one step, all devices together. */
  readonly batchSequences: number
  /** Tokens in a sequence. */
  readonly sequenceLength: number
  /** Sequences of one micro-batch. */
  readonly microbatchSequences: number
  /** Format of the matrix multiplications. */
  readonly precision: 'fp8' | 'bf16'
  readonly savings: Savings
}

/** Layouts that somebody has run and described, by preset. */
export const publishedLayouts: Readonly<Record<string, { readonly cluster: string; readonly layout: Layout; readonly tokens: number }>> = {
  'deepseek-v3': {
    cluster: 'h800x2048',
    tokens: 14.8e12,
    layout: {
      pipelineRanks: 16,
      expertRanks: 64,
      schedule: 'dualpipe',
      chunkCount: 2,
      batchSequences: 15_360,
      sequenceLength: 4096,
      microbatchSequences: 1,
      precision: 'fp8',
      savings: allSavings,
    },
  },
}

/** What follows from a layout on a cluster. */
export interface LayoutCounts {
  /** Devices that hold the same stage: data ranks of attention. */
  readonly dataRanks: number
  /** Copies of a routed expert's stage among them. */
  readonly expertReplicas: number
  readonly microbatchCount: number
  readonly microbatchTokens: number
  readonly tokensPerStep: number
  readonly stageCount: number
  /** Nodes that one expert-parallel group spans. */
  readonly nodesPerExpertGroup: number
}

/** Ranks, micro-batches and stages of a layout; whole numbers when `layoutViolations` finds nothing. */
export function layoutCounts(layout: Layout, cluster: Cluster): LayoutCounts {
  const { pipelineRanks, expertRanks, schedule, chunkCount, batchSequences, sequenceLength, microbatchSequences } = layout
  const dataRanks = cluster.deviceCount / pipelineRanks
  const stagesPerRank = schedule === 'interleaved' ? chunkCount : schedule === 'dualpipev' ? 2 : 1
  return {
    dataRanks,
    expertReplicas: dataRanks / expertRanks,
    microbatchCount: batchSequences / (dataRanks * microbatchSequences),
    microbatchTokens: microbatchSequences * sequenceLength,
    tokensPerStep: batchSequences * sequenceLength,
    stageCount: pipelineRanks * stagesPerRank,
    nodesPerExpertGroup: Math.max(1, expertRanks / cluster.devicesPerNode),
  }
}

const countNames = ['pipelineRanks', 'expertRanks', 'chunkCount', 'batchSequences', 'sequenceLength', 'microbatchSequences'] as const
const mostOf = (name: (typeof countNames)[number]) => (name === 'sequenceLength' || name === 'batchSequences' ? 1e8 : 1e6)

/** What keeps a model from being laid out this way, one sentence each; nothing about memory. */
export function layoutViolations(model: ModelConfig, cluster: Cluster, layout: Layout): string[] {
  const wrong = countNames.filter((name) => !Number.isInteger(layout[name]) || layout[name] < 1 || layout[name] > mostOf(name))
  const violations = wrong.map((name) => `layout.${name}: expected a whole number from 1 to ${mostOf(name)}, got ${layout[name]}`)
  if (!wrong.includes('expertRanks') && model.expertCount % layout.expertRanks !== 0) {
    violations.push(`layout.expertRanks: expected a divisor of the ${model.expertCount} experts, got ${layout.expertRanks}`)
  }
  if (!wrong.includes('sequenceLength') && layout.sequenceLength > model.maxLength) {
    violations.push(`layout.sequenceLength: expected at most the model's ${model.maxLength} tokens, got ${layout.sequenceLength}`)
  }
  if (wrong.length > 0) return violations
  const { pipelineRanks, expertRanks, schedule, chunkCount, batchSequences, microbatchSequences } = layout
  const { dataRanks, microbatchCount, stageCount } = layoutCounts(layout, cluster)
  const blocks = model.layerCount + model.mtpDepth
  if (cluster.deviceCount % pipelineRanks !== 0) {
    violations.push(`layout.pipelineRanks: expected a divisor of the ${cluster.deviceCount} devices, got ${pipelineRanks}`)
  } else {
    if (dataRanks % expertRanks !== 0) {
      violations.push(`layout.expertRanks: expected a divisor of the ${dataRanks} devices of a pipeline rank, got ${expertRanks}`)
    }
    if (!Number.isInteger(microbatchCount)) {
      const unit = dataRanks * microbatchSequences
      violations.push(`layout.batchSequences: expected a multiple of data ranks x sequences a micro-batch = ${unit}, got ${batchSequences}`)
    } else {
      const request = { name: schedule, rankCount: pipelineRanks, microbatchCount, chunkCount }
      violations.push(...scheduleViolations(request).map((line) => `layout.schedule ${schedule}: ${line}`))
    }
  }
  if (stageCount > blocks)
    violations.push(`layout.pipelineRanks: expected at most ${blocks} stages for ${blocks} layers, got ${stageCount}`)
  return violations
}

/** "PP16 EP64 dualpipe, 1 sequence a micro-batch, all savings". */
export function layoutName({ pipelineRanks, expertRanks, schedule, chunkCount, microbatchSequences, savings }: Layout): string {
  const off = Object.entries(savings)
    .filter(([, isOn]) => !isOn)
    .map(([name]) => name)
  const chunks = schedule === 'interleaved' ? ` x${chunkCount}` : ''
  const saved = off.length === 0 ? 'all savings' : `without ${off.join(', ')}`
  return `PP${pipelineRanks} EP${expertRanks} ${schedule}${chunks}, ${microbatchSequences} sequence${microbatchSequences > 1 ? 's' : ''} a micro-batch, ${saved}`
}
