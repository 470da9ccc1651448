/**
 * From a step to a whole run: tokens a day, shares of the peak, device-hours, dollars.
 *
 * MFU counts the FLOPs that the model asks for (6 x activated parameters with the head, plus attention), never
 * recomputation, over the BF16 peak even when products run in FP8: the way of "Insights into DeepSeek-V3", table 4.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { trainingFlopsPerToken } from '../../architecture/counts-per-token.ts'
import type { Cluster } from '../cluster/clusters.ts'

export interface RunCost {
  readonly tokensPerSecond: number
  readonly tokensPerDay: number
  readonly mfuCausal: number
  readonly mfuFull: number
  /** FLOP/s of one device, counted causally and with the whole square. */
  readonly flopsPerDeviceCausal: number
  readonly flopsPerDeviceFull: number
  readonly steps: number
  readonly seconds: number
  readonly deviceHours: number
  readonly deviceHoursPerTrillionTokens: number
  /** Null when the cluster has no price. */
  readonly dollars: number | null
}

/**
 * @param stepSeconds   wall time of one step
 * @param tokensPerStep batch x sequence length
 * @param length        tokens in a sequence
 * @param tokens        of the whole run, every step with the full batch
 */
export function runCost(
  model: ModelConfig,
  cluster: Cluster,
  {
    stepSeconds,
    tokensPerStep,
    length,
    tokens,
  }: { readonly stepSeconds: number; readonly tokensPerStep: number; readonly length: number; readonly tokens: number },
): RunCost {
  const tokensPerSecond = tokensPerStep / stepSeconds
  const perDevice = tokensPerSecond / cluster.deviceCount
  const causal = perDevice * trainingFlopsPerToken(model, length, 'causal').total
  const full = perDevice * trainingFlopsPerToken(model, length, 'full').total
  const seconds = tokens / tokensPerSecond
  const deviceHours = (seconds / 3600) * cluster.deviceCount
  const peak = cluster.device.peakFlops.bf16
  return {
    tokensPerSecond,
    tokensPerDay: tokensPerSecond * 86_400,
    mfuCausal: causal / peak,
    mfuFull: full / peak,
    flopsPerDeviceCausal: causal,
    flopsPerDeviceFull: full,
    steps: Math.ceil(tokens / tokensPerStep),
    seconds,
    deviceHours,
    deviceHoursPerTrillionTokens: (deviceHours / tokens) * 1e12,
    dollars: cluster.dollarsPerDeviceHour === null ? null : deviceHours * cluster.dollarsPerDeviceHour,
  }
}
