/**
 * The published family and our own small models, as data.
 *
 * Sizes of the published ones: their released `config.json` files (`kimi-k2`, `moonlight-16b-a3b` and `glm-4.7-flash` are
 * models of others that use the same architecture). DeepSeek-V3.1 has the sizes of V3, so it has no entry of its own.
 * The initial standard deviation of the published models is the one of the reports, 0.006, not the unused default that
 * their files carry; the other labs' is what their files say.
 */
import { usageError } from '../base/errors.ts'
import type { ModelConfig, YarnConfig } from './config.ts'

/**
 * The report's 0.006 at width 7168, carried to other widths so that a row of weights keeps its norm.
 *
 *   std = 0.006 * sqrt(7168 / D)
 *
 * @param width D
 */
export function initStdForWidth(width: number): number {
  return 0.006 * Math.sqrt(7168 / width)
}

const yarn40: YarnConfig = { factor: 40, betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 1, originalLength: 4096 }

const deepseekV3: ModelConfig = {
  vocabSize: 129_280,
  width: 7168,
  layerCount: 61,
  denseLayerCount: 3,
  headCount: 128,
  queryRank: 1536,
  keyValueRank: 512,
  nopeWidth: 128,
  ropeWidth: 64,
  valueWidth: 128,
  denseFfnWidth: 18_432,
  expertFfnWidth: 2048,
  expertCount: 256,
  sharedExpertCount: 1,
  activeExpertCount: 8,
  groupCount: 8,
  activeGroupCount: 4,
  gate: 'sigmoid',
  isGateNormalized: true,
  routedScale: 2.5,
  mtpDepth: 1,
  ropeTheta: 10_000,
  yarn: yarn40,
  maxLength: 163_840,
  normEpsilon: 1e-6,
  initStd: 0.006,
}

const deepseekV2: ModelConfig = {
  ...deepseekV3,
  vocabSize: 102_400,
  width: 5120,
  layerCount: 60,
  denseLayerCount: 1,
  denseFfnWidth: 12_288,
  expertFfnWidth: 1536,
  expertCount: 160,
  sharedExpertCount: 2,
  activeExpertCount: 6,
  activeGroupCount: 3,
  gate: 'softmax',
  isGateNormalized: false,
  routedScale: 16,
  mtpDepth: 0,
  // oxlint-disable-next-line oxc/approx-constant -- the released value has three digits, it is not the root of a half
  yarn: { ...yarn40, mscale: 0.707, mscaleAllDim: 0.707 },
}

const deepseekV2Lite: ModelConfig = {
  ...deepseekV2,
  width: 2048,
  layerCount: 27,
  headCount: 16,
  queryRank: null,
  denseFfnWidth: 10_944,
  expertFfnWidth: 1408,
  expertCount: 64,
  groupCount: 1,
  activeGroupCount: 1,
  routedScale: 1,
}

const moonlight: ModelConfig = {
  ...deepseekV2Lite,
  vocabSize: 163_840,
  denseFfnWidth: 11_264,
  gate: 'sigmoid',
  isGateNormalized: true,
  routedScale: 2.446,
  ropeTheta: 50_000,
  yarn: null,
  maxLength: 8192,
  normEpsilon: 1e-5,
  initStd: 0.02,
}

const kimiK2: ModelConfig = {
  ...deepseekV3,
  vocabSize: 163_840,
  denseLayerCount: 1,
  headCount: 64,
  expertCount: 384,
  groupCount: 1,
  activeGroupCount: 1,
  routedScale: 2.827,
  mtpDepth: 0,
  ropeTheta: 50_000,
  yarn: { ...yarn40, factor: 32, betaFast: 1 },
  maxLength: 131_072,
  initStd: 0.02,
}

const glm47Flash: ModelConfig = {
  ...deepseekV3,
  vocabSize: 154_880,
  width: 2048,
  layerCount: 47,
  denseLayerCount: 1,
  headCount: 20,
  queryRank: 768,
  nopeWidth: 192,
  valueWidth: 256,
  denseFfnWidth: 10_240,
  expertFfnWidth: 1536,
  expertCount: 64,
  activeExpertCount: 4,
  groupCount: 1,
  activeGroupCount: 1,
  routedScale: 1.8,
  ropeTheta: 1_000_000,
  yarn: null,
  maxLength: 202_752,
  normEpsilon: 1e-5,
  initStd: 0.02,
}

/** What every benchmark of a training step runs: the sizes are a fixed point, so they never move. */
const bench: ModelConfig = {
  vocabSize: 8192,
  width: 256,
  layerCount: 8,
  denseLayerCount: 1,
  headCount: 4,
  queryRank: 96,
  keyValueRank: 64,
  nopeWidth: 32,
  ropeWidth: 16,
  valueWidth: 32,
  denseFfnWidth: 704,
  expertFfnWidth: 128,
  expertCount: 16,
  sharedExpertCount: 1,
  activeExpertCount: 4,
  groupCount: 4,
  activeGroupCount: 2,
  gate: 'sigmoid',
  isGateNormalized: true,
  routedScale: 2.5,
  mtpDepth: 0,
  ropeTheta: 10_000,
  yarn: null,
  maxLength: 512,
  normEpsilon: 1e-6,
  initStd: initStdForWidth(256),
}

/**
 * The model of `npm start`: the report's mechanisms, all of them, meant for four minutes of pre-training on two cores.
 *
 * The dial is FLOPs. A token costs 13.4 MFLOP: 8.3 for 6 x 1.39 M activated weights, 4.5 for the MTP module and its pass
 * through the head, 0.6 for attention at length 128; four minutes at 55 GFLOP/s buy about a million tokens. Wider models
 * saw too little in that time: at equal FLOPs held-out prose took 2.09 bits per byte with width 128 and 2.23 with 192. The
 * proportions follow V3 where the size allows: 4 of 16 experts in 2 of 4 groups (so the two best experts of a group make its
 * score), one shared expert, the latents a third and a quarter of the width. A short window leaves room for two extensions,
 * by 8 and by 4, as the report has them.
 */
const nano: ModelConfig = {
  ...bench,
  vocabSize: 4096,
  width: 128,
  layerCount: 5,
  queryRank: 48,
  keyValueRank: 32,
  denseFfnWidth: 336,
  expertFfnWidth: 64,
  mtpDepth: 1,
  maxLength: 128,
  initStd: initStdForWidth(128),
}

/** For tests: every mechanism switched on, YaRN and MTP included, in about 100,000 weights. */
const tiny: ModelConfig = {
  ...bench,
  vocabSize: 512,
  width: 32,
  layerCount: 3,
  headCount: 2,
  queryRank: 24,
  keyValueRank: 16,
  nopeWidth: 16,
  ropeWidth: 8,
  valueWidth: 16,
  denseFfnWidth: 88,
  expertFfnWidth: 8,
  mtpDepth: 1,
  yarn: { ...yarn40, factor: 4, originalLength: 64 },
  maxLength: 256,
  initStd: initStdForWidth(32),
}

/** Every preset by name. */
export const presets = {
  'deepseek-v3': deepseekV3,
  'deepseek-v2': deepseekV2,
  'deepseek-v2-lite': deepseekV2Lite,
  'moonlight-16b-a3b': moonlight,
  'kimi-k2': kimiK2,
  'glm-4.7-flash': glm47Flash,
  bench,
  nano,
  tiny,
} as const satisfies Readonly<Record<string, ModelConfig>>

export type PresetName = keyof typeof presets

/** Whether `name` is one of `presets`. */
export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name)
}

/**
 * The preset called `name`.
 *
 * @throws UsageError when there is none
 */
export function presetNamed(name: string): ModelConfig {
  if (!isPresetName(name)) throw usageError('preset', `one of ${Object.keys(presets).join(', ')}`, name)
  return presets[name]
}
