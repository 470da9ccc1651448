/** The plan of one small machine: model, memory, step and run, as text and as a document with the keys of a cluster plan. */
import type { ModelConfig } from '../../architecture/config.ts'
import { countParameters } from '../../architecture/counts.ts'
import { latentCacheBytesPerToken, trainingFlopsPerToken } from '../../architecture/counts-per-token.ts'
import { formatBytes, formatCount, formatSeconds, formatShare } from '../../base/format.ts'
import type { MachineProbe } from '../cluster/probe.ts'
import { thousands } from './figures.ts'
import type { LocalBatch, LocalStepPrediction } from './local-step.ts'

export interface LocalPlan {
  readonly name: string
  readonly machine: string
  readonly memoryLimit: number
  readonly model: ModelConfig
  readonly probe: MachineProbe
  readonly batch: LocalBatch
  readonly tokens: number
  readonly prediction: LocalStepPrediction
}

/** The document of `strata plan --json` for one machine. */
export function localDocument({ name, machine, memoryLimit, model, probe, batch, tokens, prediction }: LocalPlan) {
  const { total, activated, activatedBy, byComponent, mtp } = countParameters(model)
  const flops = (count: 'causal' | 'full') => trainingFlopsPerToken(model, batch.length, count).total
  const mfu = (count: 'causal' | 'full') => (flops(count) * prediction.tokensPerSecond) / (probe.gflopsAllThreads * 1e9)
  return {
    model: name,
    cluster: { name: machine, devices: 1, probe },
    parameters: { total, activated, activatedBy, byComponent, mtp },
    trainingFlopsPerToken: { causal: flops('causal'), full: flops('full'), length: batch.length },
    kvCacheBytesPerToken: latentCacheBytesPerToken(model),
    memoryPerDevice: { total: prediction.memoryBytes, limit: memoryLimit, ...prediction.memory },
    step: {
      seconds: prediction.seconds,
      matrixSeconds: prediction.matrixSeconds,
      streamSeconds: prediction.streamSeconds,
      tokensPerStep: batch.sequences * batch.length,
      tokensPerDay: prediction.tokensPerSecond * 86_400,
      mfuCausal: mfu('causal'),
      mfuFull: mfu('full'),
    },
    run: { tokens, seconds: tokens / prediction.tokensPerSecond },
  }
}

/** The same to be read. */
export function localText(plan: LocalPlan): string {
  const { name, machine, memoryLimit, model, batch, tokens, prediction, probe } = plan
  const { parameters, trainingFlopsPerToken: flops, step } = localDocument(plan)
  const { weights, gradients, moments, activations, passing } = prediction.memory
  return [
    `${name} on ${machine}: ${probe.gflopsAllThreads.toFixed(0)} GFLOP/s with all threads, ${probe.streamGBs.toFixed(1)} GB/s`,
    `Model\n  ${formatCount(parameters.total)} parameters, ${formatCount(parameters.activated)} multiplied with each token, ${(flops.causal / 1e6).toFixed(1)} MFLOP a token to train at ${batch.length} tokens.\n  It hands on what a step holds and computes.`,
    `Memory\n  ${formatBytes(prediction.memoryBytes)} of ${formatBytes(memoryLimit)} for ${batch.sequences} rows of ${batch.length} tokens in f32: weights ${formatBytes(weights)}, gradients ${formatBytes(gradients)},\n  moments ${formatBytes(moments)}, activations ${formatBytes(activations)}, passing ${formatBytes(passing)}. It hands on ${formatBytes(prediction.streamBytes)} to move a step.`,
    `Step\n  ${formatSeconds(prediction.matrixSeconds)} for matrix products and attention, ${formatSeconds(prediction.streamSeconds)} for moving data: ${formatSeconds(prediction.seconds)} a step, ${thousands(prediction.tokensPerSecond)} tokens/s,\n  ${formatShare(step.mfuCausal)} of the ceiling counted causally${model.mtpDepth > 0 ? ' (MTP’s own work not counted)' : ''}.`,
    `Run\n  ${formatCount(tokens)} tokens take ${formatSeconds(tokens / prediction.tokensPerSecond)}.`,
  ].join('\n\n')
}
