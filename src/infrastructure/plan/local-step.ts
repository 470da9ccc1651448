/**
 * The training step of this project on this machine: predicted memory and time, to stand beside what was measured.
 *
 * Everything is f32 and nothing is sent. Time is FLOPs at a share of the probed multiply-add ceiling plus bytes at the
 * probed stream bandwidth; both shares are inputs, with the benchmark's own goals as defaults.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { countParameters } from '../../architecture/counts.ts'
import { trainingFlopsPerToken } from '../../architecture/counts-per-token.ts'
import { rejectViolations } from '../../base/errors.ts'
import type { MachineProbe } from '../cluster/probe.ts'
import { keptTensors } from './activations.ts'
import type { Layout } from './layout.ts'

export interface LocalBatch {
  readonly sequences: number
  /** Tokens in a sequence. */
  readonly length: number
}

export interface LocalEfficiency {
  /** Of the all-thread ceiling, matrix products and attention of a whole step. */
  readonly matrixShare: number
  /** Of the stream bandwidth, everything that only moves data. */
  readonly streamShare: number
  /** Rows of logits that the fused loss holds at once. */
  readonly lossChunkRows: number
}

/** 0.85 is the all-thread goal of the matrix product benchmark; streams are counted at what the probe reached. */
export const defaultLocalEfficiency: LocalEfficiency = { matrixShare: 0.85, streamShare: 1, lossChunkRows: 512 }

export interface LocalStepPrediction {
  readonly seconds: number
  readonly matrixSeconds: number
  readonly streamSeconds: number
  readonly tokensPerSecond: number
  /** FLOPs that the model asks for, over all tokens of the step (6 x activated, causal attention, MTP). */
  readonly modelFlops: number
  readonly memoryBytes: number
  readonly memory: {
    readonly weights: number
    readonly gradients: number
    readonly moments: number
    readonly activations: number
    readonly logits: number
  }
  /** Bytes moved by AdamW, clipping and activations. */
  readonly streamBytes: number
}

/** Everything is kept but what the tape recomputes nowhere: f32, no savings. */
const plainLayout: Layout = {
  pipelineRanks: 1,
  expertRanks: 1,
  schedule: '1f1b',
  chunkCount: 1,
  batchSequences: 1,
  sequenceLength: 1,
  microbatchSequences: 1,
  precision: 'bf16',
  savings: {
    recomputeNormsAndUpProjections: false,
    recomputeSwiglu: false,
    fp8ActivationCache: false,
    bf16Moments: false,
    emaOnHost: true,
    sharedEmbeddingAndHead: true,
  },
}

/**
 * Predicts one training step with AdamW in f32.
 *
 * @param model      sizes
 * @param machine    probed ceilings
 * @param batch      sequences and their length
 * @param efficiency shares of the ceilings
 */
export function predictLocalStep(
  model: ModelConfig,
  machine: MachineProbe,
  batch: LocalBatch,
  efficiency: LocalEfficiency = defaultLocalEfficiency,
): LocalStepPrediction {
  const { sequences, length } = batch
  const counts = { 'batch.sequences': sequences, 'batch.length': length }
  rejectViolations(
    'step',
    Object.entries(counts)
      .filter(([, value]) => !(Number.isInteger(value) && value >= 1))
      .map(([name, value]) => `${name}: expected a whole number from 1, got ${value}`),
  )
  const tokens = sequences * length
  const { total, mtp } = countParameters(model)
  const parameters = total + mtp.unique
  const elements = (kind: 'dense' | 'moe') => keptTensors(model, plainLayout, kind).reduce((sum, tensor) => sum + tensor.elements, 0)
  const moeLayers = model.layerCount - model.denseLayerCount + model.mtpDepth
  const kept = model.denseLayerCount * elements('dense') + moeLayers * elements('moe')

  const memory = {
    weights: parameters * 4,
    gradients: parameters * 4,
    moments: parameters * 8,
    activations: tokens * kept * 4,
    logits: Math.min(efficiency.lossChunkRows, tokens) * model.vocabSize * 4 * 2,
  }
  // AdamW reads weight, gradient and both moments and writes three of them; clipping and zeroing touch gradients twice.
  // A kept activation is written and read once, and so is its gradient.
  const streamBytes = parameters * (7 + 2) * 4 + tokens * kept * 4 * 4
  const modelFlops = tokens * trainingFlopsPerToken(model, length, 'causal').totalWithMtp
  const matrixSeconds = modelFlops / (machine.gflopsAllThreads * 1e9 * efficiency.matrixShare)
  const streamSeconds = streamBytes / (machine.streamGBs * 1e9 * efficiency.streamShare)
  const seconds = matrixSeconds + streamSeconds
  return {
    seconds,
    matrixSeconds,
    streamSeconds,
    tokensPerSecond: tokens / seconds,
    modelFlops,
    memoryBytes: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
    memory,
    streamBytes,
  }
}
