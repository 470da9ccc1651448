/**
 * How much of a device's peak is reached, as inputs with sources. Nothing in the planner is multiplied by a number that
 * does not stand here, and every plan prints them.
 *
 * A component's time is   GEMM FLOPs / (peak * gemmShare) + attention FLOPs / (BF16 peak * coreShare) + memory-bound rest,
 * the rest being `passes` over its widest activation at the full memory bandwidth. The shares come from published kernels;
 * the passes are what is then left of the public training trace, so for V3 on H800 a layer takes what the trace shows,
 * and for other sizes, formats and devices each part scales with what bounds it.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { presets } from '../../architecture/presets.ts'
import { devices, type Device, type Precision } from '../cluster/devices.ts'
import { overlapPair } from '../schedules/pair-lanes.ts'
import { coreBackwardFactor, layerFlops } from './layer-costs.ts'
import { dispatchBytesPerCopy } from './traffic.ts'

/** Kernel sums of the trace, in seconds a layer; its compute kernels run beside communication that keeps 20 SMs. */
export const publicTrace = {
  source: 'profile-data repository, train.json: V3 layers on H800, EP64, 4 MoE layers a chunk, 4096 tokens, balanced routing',
  tokens: 4096,
  layersPerChunk: 4,
  attentionForward: 4.4e-3,
  attentionBackward: 9.3e-3,
  attentionWeight: 2.4e-3,
  mlpForward: 4.6e-3,
  mlpBackward: 5.3e-3,
  mlpWeight: 3.5e-3,
  /** Weight gradients on a second stream, beside the rest. */
  mlpWeightSecondStream: 2.8e-3,
  /** Dispatch and combine kernels of the whole pair, their waiting included. */
  communicationPerPair: 80.5e-3,
  /** Wall time of the whole pair. */
  pair: 129e-3,
  communicationSms: 20,
} as const

/** Passes over a component's widest activation, in BF16. */
export interface MemoryPasses {
  readonly attentionForward: number
  readonly attentionBackward: number
  readonly attentionWeight: number
  readonly mlpForward: number
  readonly mlpBackward: number
  readonly mlpWeight: number
  readonly mlpWeightSecondStream: number
}

export interface Efficiency {
  /** Of the peak of the format, large matrix products. */
  readonly gemmShare: number
  /** Of the BF16 peak, attention core. */
  readonly coreShare: number
  readonly passes: MemoryPasses
  /** Share of the cores that communication keeps while it overlaps with compute. */
  readonly communicationSmShare: number
  /** Of the network as built: dispatch, combine, pipeline. Above 1 because a copy to the own node counts but stays. */
  readonly dispatchShare: number
  readonly combineShare: number
  readonly pointToPointShare: number
  /** Of the node's links as built. */
  readonly linkShare: number
  /** Communication kernels beside compute over what their bytes take alone. */
  readonly overlappedCommunicationStretch: number
  /** Wall time of an overlapped pair over what its two lanes explain: launches and waits between kernels. */
  readonly pairStretch: number
  /** Of the memory, left to the driver, libraries and fragmentation. */
  readonly memoryReserveShare: number
}

export const efficiencySources: Readonly<Record<keyof Efficiency, string>> = {
  gemmShare: 'DeepGEMM README: 1350 of 1979 TFLOP/s FP8 on H800; taken for BF16 too',
  coreShare: 'FlashMLA README: 660 of 989 TFLOP/s on H800; a decode kernel, taken for training',
  passes: 'what is left of the kernel times in the profile-data trace',
  communicationSmShare: 'DeepSeek-V3 report, section 3.2.2: 20 of 132 SMs',
  dispatchShare: 'DeepEP README, EP64: 51 GB/s over 400 Gbit/s cards, copies to the own node counted',
  combineShare: 'DeepEP README, EP64: 50 GB/s, counted likewise',
  pointToPointShare: 'ISCA 2025 paper, section 4.3: 40 of 50 GB/s',
  linkShare: 'ISCA 2025 paper, section 4.3: 160 of 200 GB/s NVLink',
  overlappedCommunicationStretch: 'profile-data trace: communication kernels over the time of their bytes at the rates above',
  pairStretch: 'profile-data trace: 129.0 ms a pair over what its lanes explain',
  memoryReserveShare: 'an assumption: 5 % of the memory',
}

/** Seconds of the parts of one component. */
export interface ComponentSeconds {
  /** On the matrix units, with all cores. */
  readonly matrix: number
  /** Memory-bound. */
  readonly rest: number
}

/** @param flops GEMM and core FLOPs; @param restBytes what the memory-bound part moves */
export function componentSeconds(
  device: Device,
  precision: Precision,
  { gemm, core, restBytes }: { readonly gemm: number; readonly core: number; readonly restBytes: number },
  { gemmShare, coreShare }: Pick<Efficiency, 'gemmShare' | 'coreShare'>,
): ComponentSeconds {
  const matrix = gemm / (device.peakFlops[precision] * gemmShare) + core / (device.peakFlops.bf16 * coreShare)
  return { matrix, rest: restBytes / device.memoryBytesPerSecond }
}

/**
 * The efficiency inputs, made from the trace and the published kernel rates.
 *
 * @param trace kernel times of one layer of V3 on H800
 */
export function calibrate(trace: typeof publicTrace = publicTrace): Efficiency {
  const model: ModelConfig = presets['deepseek-v3']
  const device = devices.h800
  const shares = { gemmShare: 1350e12 / device.peakFlops.fp8, coreShare: 660e12 / device.peakFlops.bf16 }
  const communicationSmShare = trace.communicationSms / device.coreCount
  const flops = layerFlops(model, trace.tokens, 'moe')

  const passesLeft = (seconds: number, gemm: number, core: number, width: number) => {
    const { matrix } = componentSeconds(device, 'fp8', { gemm: gemm * trace.tokens, core: core * trace.tokens, restBytes: 0 }, shares)
    const left = seconds - matrix / (1 - communicationSmShare)
    return (left * device.memoryBytesPerSecond) / (trace.tokens * width * 2)
  }
  const { attentionLinear, upProjections, attentionCore, mlpLinear, attentionWidth, mlpWidth } = flops
  const backwardLinear = attentionLinear + upProjections
  const passes: MemoryPasses = {
    attentionForward: passesLeft(trace.attentionForward, attentionLinear, attentionCore, attentionWidth),
    attentionBackward: passesLeft(trace.attentionBackward, backwardLinear, attentionCore * coreBackwardFactor, attentionWidth),
    attentionWeight: passesLeft(trace.attentionWeight, attentionLinear, 0, attentionWidth),
    mlpForward: passesLeft(trace.mlpForward, mlpLinear, 0, mlpWidth),
    mlpBackward: passesLeft(trace.mlpBackward, mlpLinear, 0, mlpWidth),
    mlpWeight: passesLeft(trace.mlpWeight, mlpLinear, 0, mlpWidth),
    mlpWeightSecondStream: passesLeft(trace.mlpWeightSecondStream, 0, 0, mlpWidth),
  }

  const networkBytesPerSecond = 50e9
  const dispatchShare = 51 / 50
  const combineShare = 1
  const copies = trace.tokens * model.activeGroupCount
  const dispatch = (copies * dispatchBytesPerCopy(model.width, 'fp8')) / (networkBytesPerSecond * dispatchShare)
  const combine = (copies * model.width * 2) / (networkBytesPerSecond * combineShare)
  const perLayer = 2 * (dispatch + combine)
  const stretch = trace.communicationPerPair / (trace.layersPerChunk * perLayer)
  const lanes = overlapPair(
    {
      ...trace,
      dispatchForward: dispatch * stretch,
      combineForward: combine * stretch,
      combineBackward: dispatch * stretch,
      dispatchBackward: combine * stretch,
    },
    { forwardLayerCount: trace.layersPerChunk, backwardLayerCount: trace.layersPerChunk },
  )
  return {
    ...shares,
    passes,
    communicationSmShare,
    dispatchShare,
    combineShare,
    pointToPointShare: 40 / 50,
    linkShare: 160 / 200,
    overlappedCommunicationStretch: stretch,
    pairStretch: trace.pair / lanes.duration,
    memoryReserveShare: 0.05,
  }
}
