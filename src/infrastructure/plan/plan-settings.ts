/**
 * What a plan is made of before anyone changes it: defaults for a model and a cluster, all of them reachable by `--set`.
 */
import type { ModelConfig } from '../../architecture/config.ts'
import { countParameters } from '../../architecture/counts.ts'
import { trainedLength, type CacheFormat } from '../../architecture/counts-per-token.ts'
import type { SettingRules } from '../../base/settings.ts'
import type { Cluster } from '../cluster/clusters.ts'
import { scheduleNames } from '../schedules/operations.ts'
import { calibrate, type Efficiency } from './efficiency.ts'
import { allSavings, publishedLayouts, type Layout } from './layout.ts'
import { publishedDeployments, publishedServing, type ServingRequest } from './serving.ts'

export interface ServingSettings {
  readonly prefillDevices: number
  readonly prefillRedundantExperts: number
  readonly decodeDevices: number
  readonly decodeRedundantExperts: number
  readonly promptTokens: number
  readonly contextTokens: number
  readonly requestsPerDevice: number
  /** Share of MTP's drafts that are accepted (0.85 to 0.9 in the report); null serves without drafts. */
  readonly draftAcceptance: number | null
  readonly cacheFormat: CacheFormat
}

/** Everything that `strata plan --set` can change. */
export interface PlanSettings {
  readonly model: ModelConfig
  readonly cluster: Cluster
  readonly layout: Layout
  /** Training tokens of the whole run. */
  readonly tokens: number
  readonly efficiency: Efficiency
  readonly serving: ServingSettings
}

export const planSettingRules: SettingRules = {
  nullable: ['model.queryRank', 'cluster.dollarsPerDeviceHour'],
  choices: {
    'layout.schedule': scheduleNames,
    'layout.precision': ['fp8', 'bf16'],
    'serving.cacheFormat': ['f32', 'bf16', 'fp8'],
    'model.gate': ['sigmoid', 'softmax'],
  },
}

/** The cluster that a model is planned on when none is named: that of its published run, or one of its size. */
export function defaultClusterName(name: string, model: ModelConfig): string {
  const published = publishedLayouts[name]
  if (published) return published.cluster
  return countParameters(model).total < 1e9 ? 'laptop' : 'h800x2048'
}

/**
 * Defaults for a model on a cluster. The layout is the published one where there is one for this cluster; otherwise batch
 * and length are V3's (or what the model was trained at), and the rest is for a search to find.
 */
export function planSettings(name: string, model: ModelConfig, cluster: Cluster): { settings: PlanSettings; hasPublishedLayout: boolean } {
  const published = publishedLayouts[name]
  const hasPublishedLayout = published?.cluster === cluster.name
  const v3 = publishedLayouts['deepseek-v3'].layout
  const layout: Layout = hasPublishedLayout
    ? published.layout
    : {
        pipelineRanks: 1,
        expertRanks: 1,
        schedule: '1f1b',
        chunkCount: 2,
        batchSequences: cluster.deviceCount === 1 ? 8 : v3.batchSequences,
        sequenceLength: Math.min(v3.sequenceLength, trainedLength(model)),
        microbatchSequences: 1,
        precision: cluster.deviceCount === 1 ? 'bf16' : 'fp8',
        savings: allSavings,
      }
  const settings: PlanSettings = {
    model,
    cluster,
    layout,
    tokens: published?.tokens ?? (cluster.deviceCount === 1 ? 1e9 : 1e12),
    efficiency: calibrate(),
    serving: servingSettings(name, model, cluster),
  }
  return { settings, hasPublishedLayout }
}

function servingSettings(name: string, model: ModelConfig, cluster: Cluster): ServingSettings {
  const { prefill, decode } = publishedDeployments.production
  const fitsPublished = name === 'deepseek-v3' && cluster.deviceCount >= decode.devices
  const divisor = (most: number) => {
    const limit = Math.min(most, cluster.deviceCount, model.expertCount)
    return Array.from({ length: limit }, (_, index) => limit - index).find((count) => model.expertCount % count === 0)!
  }
  const [low, high] = publishedServing.tokensPerSecondPerUser
  const perUser = (low + high) / 2
  return {
    prefillDevices: fitsPublished ? prefill.devices : divisor(prefill.devices),
    prefillRedundantExperts: fitsPublished ? prefill.redundantExperts : 0,
    decodeDevices: fitsPublished ? decode.devices : divisor(decode.devices),
    decodeRedundantExperts: fitsPublished ? decode.redundantExperts : 0,
    promptTokens: Math.min(4096, model.maxLength),
    contextTokens: Math.min(publishedServing.meanContext, model.maxLength),
    // What the published tokens/s a node and a user imply: 88 for nodes of eight.
    requestsPerDevice: Math.round(publishedServing.decodeTokensPerSecondPerNode / 8 / perUser),
    draftAcceptance: null,
    cacheFormat: 'bf16',
  }
}

/** Settings as `planServing` takes them. */
export function servingRequest({ model, cluster, efficiency, serving }: PlanSettings): ServingRequest {
  const { prefillDevices, prefillRedundantExperts, decodeDevices, decodeRedundantExperts, ...rest } = serving
  const source = 'given'
  return {
    model,
    cluster,
    efficiency,
    ...rest,
    prefill: { name: 'prefill', devices: prefillDevices, redundantExperts: prefillRedundantExperts, source },
    decode: { name: 'decode', devices: decodeDevices, redundantExperts: decodeRedundantExperts, source },
  }
}
