/**
 * A serving plan: prefill and decode apart, as deployed for DeepSeek-V3, with time a token, tokens a second and the
 * sequences that fit.
 *
 * Attention is data-parallel (each device serves its own requests with all of MLA's weights), routed experts are spread
 * over all devices of a deployment with some of them held twice. Two micro-batches alternate, so that one computes while
 * the other communicates: a layer takes 2 x max(compute, communication) of half the batch. Sources: DeepSeek-V3 report,
 * section 3.4; open-infra-index, day 6; "Insights into DeepSeek-V3" (ISCA 2025), section 2.3.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { attentionParametersPerLayer, countParameters } from '../../architecture/counts.ts'
import { latentCacheBytesPerToken, type CacheFormat } from '../../architecture/counts-per-token.ts'
import { rejectViolations, usageError } from '../../base/errors.ts'
import { formatBytes } from '../../base/format.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { componentSeconds, type Efficiency } from './efficiency.ts'
import { layerFlops } from './layer-costs.ts'
import { expectedRouting } from './routing.ts'
import { dispatchBytesPerCopy } from './traffic.ts'

export interface Deployment {
  readonly name: string
  /** All of them share the routed experts. */
  readonly devices: number
  readonly redundantExperts: number
  readonly source: string
}

/** The deployments that DeepSeek has described for V3. */
export const publishedDeployments = {
  production: {
    prefill: { name: 'prefill', devices: 32, redundantExperts: 32, source: 'open-infra-index, day 6' },
    decode: { name: 'decode', devices: 144, redundantExperts: 32, source: 'open-infra-index, day 6' },
  },
  report: {
    prefill: { name: 'prefill', devices: 32, redundantExperts: 32, source: 'DeepSeek-V3 report, section 3.4.1' },
    decode: {
      name: 'decode',
      devices: 320,
      redundantExperts: 64,
      source: 'DeepSeek-V3 report, section 3.4.2 (64 devices hold redundant and shared experts)',
    },
  },
} as const satisfies Readonly<Record<string, { prefill: Deployment; decode: Deployment }>>

/** What was measured in production over 24 hours, 27 to 28 February 2025. */
export const publishedServing = {
  source: 'open-infra-index, day 6',
  prefillTokensPerSecondPerNode: 73_700,
  cachedShare: 342 / 608,
  decodeTokensPerSecondPerNode: 14_800,
  tokensPerSecondPerUser: [20, 22],
  meanContext: 4989,
} as const

/** Of the network as built, low-latency dispatch and combine at EP128 (DeepEP README: 39 GB/s over 50). */
export const lowLatencyShare = 39 / 50

export interface ServingRequest {
  readonly model: ModelConfig
  readonly cluster: Cluster
  readonly efficiency: Efficiency
  readonly prefill: Deployment
  readonly decode: Deployment
  readonly promptTokens: number
  /** Mean tokens in the cache of a sequence that is being generated. */
  readonly contextTokens: number
  /** Sequences that one device generates at once. */
  readonly requestsPerDevice: number
  /** Share of drafted tokens that are accepted; null without MTP speculation. */
  readonly draftAcceptance: number | null
  readonly cacheFormat: CacheFormat
}

export interface PrefillPlan {
  readonly deployment: Deployment
  readonly tokensPerSecondPerDevice: number
  readonly tokensPerSecondPerNode: number
  readonly boundBy: string
  /** FLOP a byte of weights read, for one micro-batch. */
  readonly flopsPerByte: number
}

export interface DecodePlan {
  readonly deployment: Deployment
  readonly expertsPerDevice: number
  readonly weightBytesPerDevice: number
  readonly cacheBytesPerDevice: number
  /** Sequences of `contextTokens` that fit beside the weights. */
  readonly sequencesThatFit: number
  /** As many as were asked for, or as fit. */
  readonly sequencesServed: number
  /** One step for all sequences; it yields more than one token each when drafts are accepted. */
  readonly stepSeconds: number
  readonly secondsPerToken: number
  readonly tokensPerSecondPerSequence: number
  readonly tokensPerSecondPerNode: number
  /** Of one layer and half the batch. */
  readonly layer: { readonly attention: number; readonly experts: number; readonly communication: number }
  readonly boundBy: string
  /** FLOP a byte of cache read by attention. */
  readonly cacheFlopsPerByte: number
}

export interface ServingPlan {
  readonly prefill: PrefillPlan
  readonly decode: DecodePlan
}

function violations(request: ServingRequest): string[] {
  const { model, prefill, decode, promptTokens, contextTokens, requestsPerDevice, draftAcceptance } = request
  const found: string[] = []
  for (const [name, value] of Object.entries({ promptTokens, contextTokens, requestsPerDevice })) {
    if (!(Number.isInteger(value) && value >= 1 && value <= 1e8))
      found.push(`serving.${name}: expected a whole number from 1 to 1e8, got ${value}`)
  }
  if (draftAcceptance !== null && !(draftAcceptance >= 0 && draftAcceptance <= 1))
    found.push(`serving.draftAcceptance: expected from 0 to 1, got ${draftAcceptance}`)
  for (const { name, devices, redundantExperts } of [prefill, decode]) {
    if (!(Number.isInteger(devices) && devices >= 1 && devices <= 1e6))
      found.push(`serving.${name}.devices: expected a whole number from 1 to 1e6, got ${devices}`)
    else if (devices > request.cluster.deviceCount)
      found.push(`serving.${name}.devices: expected at most the ${request.cluster.deviceCount} of the cluster, got ${devices}`)
    else if (!(Number.isInteger(redundantExperts) && redundantExperts >= 0 && redundantExperts <= 1e6))
      found.push(`serving.${name}.redundantExperts: expected a whole number from 0 to 1e6, got ${redundantExperts}`)
    else if ((model.expertCount + redundantExperts) % devices !== 0)
      found.push(
        `serving.${name}: expected experts + redundant = ${model.expertCount + redundantExperts} to divide over ${devices} devices`,
      )
  }
  return found
}

/**
 * Plans a serving deployment.
 *
 * @throws UsageError for what cannot be, and when the weights alone do not fit
 */
export function planServing(request: ServingRequest): ServingPlan {
  rejectViolations('serving', violations(request))
  return { prefill: planPrefill(request), decode: planDecode(request) }
}

const nodesOf = ({ devices }: Deployment, cluster: Cluster) => Math.max(1, Math.ceil(devices / cluster.devicesPerNode))

function planPrefill({ model, cluster, efficiency, prefill, promptTokens }: ServingRequest): PrefillPlan {
  const { device } = cluster
  const flops = layerFlops(model, promptTokens, 'moe')
  const { passes, communicationSmShare } = efficiency
  const part = (gemm: number, core: number, passCount: number, width: number) =>
    componentSeconds(device, 'fp8', { gemm, core, restBytes: passCount * width * 2 }, efficiency)
  const attention = part(flops.attentionLinear, flops.attentionCore, passes.attentionForward, flops.attentionWidth)
  const mlp = part(flops.mlpLinear, 0, passes.mlpForward, flops.mlpWidth)
  const compute = (attention.matrix + mlp.matrix) / (1 - communicationSmShare) + attention.rest + mlp.rest

  const routing = expectedRouting(model, prefill.devices, nodesOf(prefill, cluster))
  const rate = prefill.devices > cluster.devicesPerNode ? cluster.networkBytesPerSecond : device.linkBytesPerSecond * efficiency.linkShare
  const copies = prefill.devices > cluster.devicesPerNode ? routing.nodeLimit : routing.devicesPerToken
  const alone =
    (copies * (dispatchBytesPerCopy(model.width, 'fp8') / efficiency.dispatchShare + (2 * model.width) / efficiency.combineShare)) / rate
  const communication = prefill.devices === 1 ? 0 : alone * efficiency.overlappedCommunicationStretch
  const perToken = model.denseLayerCount * compute + (model.layerCount - model.denseLayerCount) * Math.max(compute, communication)
  const tokens = promptTokens
  const weights = countParameters(model)
  const held =
    weights.total -
    weights.byComponent.routedExperts * (1 - (model.expertCount + prefill.redundantExperts) / model.expertCount / prefill.devices)
  return {
    deployment: prefill,
    tokensPerSecondPerDevice: 1 / perToken,
    tokensPerSecondPerNode: cluster.devicesPerNode / perToken,
    boundBy: compute >= communication ? 'compute' : 'communication',
    flopsPerByte: (2 * weights.activated * tokens) / held,
  }
}

/** Weights of one decode device: FP8 linear layers, BF16 embedding and head, attention and shared experts whole. */
function decodeWeightBytes(model: ModelConfig, expertsPerDevice: number): number {
  const { embedding, head, attention, denseFfn, sharedExperts, router, norms } = countParameters(model).byComponent
  const expert = 3 * model.width * model.expertFfnWidth
  const moeLayers = model.layerCount - model.denseLayerCount
  return attention + denseFfn + sharedExperts + moeLayers * expertsPerDevice * expert + 2 * (embedding + head + router + norms)
}

function planDecode(request: ServingRequest): DecodePlan {
  const { model, cluster, efficiency, decode, contextTokens, requestsPerDevice, draftAcceptance, cacheFormat } = request
  const { device } = cluster
  const { width: D, headCount: H, keyValueRank: C, ropeWidth: R, layerCount } = model
  const expertsPerDevice = (model.expertCount + decode.redundantExperts) / decode.devices
  const weightBytes = decodeWeightBytes(model, expertsPerDevice)
  const room = device.memoryBytes * (1 - efficiency.memoryReserveShare) - weightBytes
  const cacheBytesPerToken = latentCacheBytesPerToken(model, cacheFormat)
  if (room < cacheBytesPerToken * contextTokens) {
    throw usageError(
      'serving.decode',
      `weights and one sequence in the memory of ${device.name}`,
      `${formatBytes(weightBytes)} of weights for ${expertsPerDevice} experts a device, ${formatBytes(cacheBytesPerToken * contextTokens)} a sequence`,
      'Take more devices, fewer redundant experts or shorter contexts.',
    )
  }
  const sequencesThatFit = Math.floor(room / (cacheBytesPerToken * contextTokens))
  const served = Math.min(requestsPerDevice, sequencesThatFit)
  // Two micro-batches; with a draft every sequence brings one token more a step.
  const draftsPerStep = draftAcceptance === null ? 0 : 1
  const sequences = served / 2
  const tokens = sequences * (1 + draftsPerStep)

  const attentionWeights = attentionParametersPerLayer(model)
  const cacheRead = (sequences * contextTokens * cacheBytesPerToken) / layerCount
  const coreFlops = 2 * H * (2 * C + R) * contextTokens * tokens
  const attentionMatrix = componentSeconds(
    device,
    'fp8',
    { gemm: 2 * attentionWeights * tokens, core: coreFlops, restBytes: 0 },
    efficiency,
  ).matrix
  const attention = Math.max((attentionWeights + cacheRead) / device.memoryBytesPerSecond, attentionMatrix)

  const expert = 3 * D * model.expertFfnWidth
  const expertMatrix = componentSeconds(
    device,
    'fp8',
    { gemm: 2 * expert * tokens * (model.activeExpertCount + model.sharedExpertCount), core: 0, restBytes: 0 },
    efficiency,
  ).matrix
  const expertRead = ((expertsPerDevice + model.sharedExpertCount) * expert) / device.memoryBytesPerSecond
  const experts = Math.max(expertRead, expertMatrix)

  const copyBytes = dispatchBytesPerCopy(D, 'fp8') + 2 * D
  const isInsideNode = decode.devices <= cluster.devicesPerNode
  const rate = isInsideNode ? device.linkBytesPerSecond * efficiency.linkShare : cluster.networkBytesPerSecond * lowLatencyShare
  const latency = 2 * (isInsideNode ? cluster.linkLatencySeconds : cluster.networkLatencySeconds)
  const communication = decode.devices === 1 ? 0 : (tokens * model.activeExpertCount * copyBytes) / rate + latency

  const head = (2 * model.vocabSize * D) / device.memoryBytesPerSecond
  const layers = layerCount + draftsPerStep * model.mtpDepth
  const stepSeconds = layers * 2 * Math.max(attention + experts, communication) + head * (1 + draftsPerStep)
  const tokensPerStep = 1 + (draftAcceptance ?? 0)
  return {
    deployment: decode,
    expertsPerDevice,
    weightBytesPerDevice: weightBytes,
    cacheBytesPerDevice: room,
    sequencesThatFit,
    sequencesServed: served,
    stepSeconds,
    secondsPerToken: stepSeconds / tokensPerStep,
    tokensPerSecondPerSequence: tokensPerStep / stepSeconds,
    tokensPerSecondPerNode: (served * cluster.devicesPerNode * tokensPerStep) / stepSeconds,
    layer: { attention, experts, communication },
    boundBy: communication >= attention + experts ? 'communication' : attention >= experts ? 'attention' : 'experts',
    cacheFlopsPerByte: (2 * H * (2 * C + R)) / (cacheBytesPerToken / layerCount),
  }
}

/**
 * The published limit of expert-parallel decode: nothing but sending counts.
 *
 *   time a layer = (1 byte dispatch + 2 bytes combine) * tokens * destinations * width / bandwidth, twice for two micro-batches
 *
 * Source: "Insights into DeepSeek-V3" (ISCA 2025), section 2.3.2.
 */
export function communicationLimit(
  {
    tokens,
    destinations,
    width,
    layerCount,
  }: { readonly tokens: number; readonly destinations: number; readonly width: number; readonly layerCount: number },
  bytesPerSecond: number,
): { layerSeconds: number; secondsPerToken: number; tokensPerSecond: number } {
  const once = (3 * tokens * destinations * width) / bytesPerSecond
  const secondsPerToken = 2 * once * layerCount
  return { layerSeconds: once, secondsPerToken, tokensPerSecond: 1 / secondsPerToken }
}
