/**
 * The training step of this project on this machine: predicted memory and time, to stand beside what was measured.
 *
 * Everything is f32 and nothing is sent. Time is FLOPs at a share of the probed multiply-add ceiling plus bytes at the
 * probed stream bandwidth; both shares are inputs, with measured ones as defaults. What a batch keeps of the
 * forward pass is an input too: the training loop, a floor above, plans its own heap (src/pretraining/heap-plan.ts).
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { countParameters } from '../../architecture/counts.ts'
import { trainingFlopsPerToken } from '../../architecture/counts-per-token.ts'
import { rejectViolations } from '../../base/errors.ts'
import type { MachineProbe } from '../cluster/probe.ts'

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
}

/** What a batch needs of the heap beside parameters, in bytes. */
export interface LocalBatchHeap {
  /** Kept from the forward to the backward pass. */
  readonly activations: number
  /** The widest need that comes and goes: logits of a chunk, gathered rows, packed operands. */
  readonly passing: number
}

/**
 * What a step of `bench` reached on the machine of docs/log.md, by bits of a vector. Wider ones multiply twice as fast, and
 * what surrounds the products takes as long as before. Streams are counted at what the probe reached.
 */
export const localEfficiency = ({ vectorBits = 128 }: MachineProbe): LocalEfficiency => ({
  matrixShare: vectorBits === 256 ? 0.55 : 0.71,
  streamShare: 1,
})

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
    readonly passing: number
  }
  /** Bytes moved by AdamW, clipping and activations. */
  readonly streamBytes: number
}

/**
 * Predicts one training step with AdamW in f32.
 *
 * @param model      sizes
 * @param machine    probed ceilings
 * @param batch      sequences and their length
 * @param heap       what that batch needs of the heap
 * @param efficiency shares of the ceilings
 */
export function predictLocalStep(
  model: ModelConfig,
  machine: MachineProbe,
  batch: LocalBatch,
  { activations, passing }: LocalBatchHeap,
  efficiency: LocalEfficiency = localEfficiency(machine),
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
  const memory = {
    weights: parameters * 4,
    gradients: parameters * 4,
    moments: parameters * 8,
    activations,
    passing,
  }
  // AdamW reads weight, gradient and both moments and writes three of them; clipping and zeroing touch gradients twice.
  // A kept activation is written and read once, and so is its gradient.
  const streamBytes = parameters * (7 + 2) * 4 + activations * 4
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
