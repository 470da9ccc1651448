/**
 * Rotary frequencies, stretched by YaRN where the configuration says so.
 *
 * Pairs are adjacent numbers of the rotated part of a head, (0, 1), (2, 3), …; pair i turns by `frequency[i]` radians a
 * position. This is DeepSeek's own layout and the one of the released weights.
 *
 *   pair      0 ........ low ............ high ...... R/2
 *   YaRN      unchanged |  linear blend  | divided by the factor
 *
 * The blend is linear in the index of the pair, as the released code does it; the YaRN paper is linear in the number of
 * rotations. Sources: DeepSeek-V3 report, section 4.3; Peng et al., "YaRN" (2023), section 3.
 */
import type { ModelConfig, YarnConfig } from './config.ts'

/** Pairs between which YaRN blends. */
export interface YarnRange {
  /** The last pair that keeps its frequency. */
  readonly low: number
  /** The first pair whose frequency is divided by the whole factor. */
  readonly high: number
}

type RopeSettings = Pick<ModelConfig, 'ropeWidth' | 'ropeTheta' | 'yarn'>

/** The pair, as a fraction, that makes `rotations` turns over the trained length. */
function pairWithRotations(rotations: number, ropeWidth: number, ropeTheta: number, originalLength: number): number {
  return (ropeWidth * Math.log(originalLength / (2 * Math.PI * rotations))) / (2 * Math.log(ropeTheta))
}

/**
 * Where the blend of YaRN begins and ends.
 *
 * @param config rotated width, base and YaRN's settings
 * @param yarn   the settings, given apart because a configuration may have none
 */
export function yarnRange({ ropeWidth, ropeTheta }: RopeSettings, yarn: YarnConfig): YarnRange {
  const { betaFast, betaSlow, originalLength } = yarn
  return {
    low: Math.max(0, Math.floor(pairWithRotations(betaFast, ropeWidth, ropeTheta, originalLength))),
    high: Math.min(ropeWidth - 1, Math.ceil(pairWithRotations(betaSlow, ropeWidth, ropeTheta, originalLength))),
  }
}

/**
 * Radians a position for each rotated pair.
 *
 *   f_i = theta^(-2i/R) * (1 - ramp_i + ramp_i / factor),  ramp_i = clamp((i - low) / (high - low), 0, 1)
 *
 * @param config rotated width R, base, YaRN's settings or null
 * @returns R / 2 numbers, falling
 */
export function ropeFrequencies(config: RopeSettings): Float64Array {
  const { ropeWidth, ropeTheta, yarn } = config
  const frequencies = new Float64Array(ropeWidth / 2)
  for (let pair = 0; pair < frequencies.length; pair++) frequencies[pair] = ropeTheta ** ((-2 * pair) / ropeWidth)
  if (yarn === null) return frequencies
  const { low, high } = yarnRange(config, yarn)
  // An empty range would divide by zero; the released code widens it by this much.
  const span = high === low ? 0.001 : high - low
  for (let pair = 0; pair < frequencies.length; pair++) {
    const ramp = Math.min(1, Math.max(0, (pair - low) / span))
    frequencies[pair] = frequencies[pair] * (1 - ramp) + (frequencies[pair] / yarn.factor) * ramp
  }
  return frequencies
}

/** YaRN's correction of the scores' spread: 0.1 * weight * ln(factor) + 1. */
function yarnScale(factor: number, weight: number): number {
  return 0.1 * weight * Math.log(factor) + 1
}

/**
 * What scores are multiplied with before the softmax.
 *
 *   1 / sqrt(N + R) * (0.1 * mscaleAllDim * ln(factor) + 1)^2
 *
 * @param config head widths and YaRN's settings
 */
export function attentionScale(config: Pick<ModelConfig, 'nopeWidth' | 'ropeWidth' | 'yarn'>): number {
  const scale = 1 / Math.sqrt(config.nopeWidth + config.ropeWidth)
  return config.yarn === null ? scale : scale * yarnScale(config.yarn.factor, config.yarn.mscaleAllDim) ** 2
}

/**
 * What cosines and sines are multiplied with: one unless `mscale` and `mscaleAllDim` differ.
 *
 * @param config YaRN's settings
 */
export function rotationScale({ yarn }: Pick<ModelConfig, 'yarn'>): number {
  return yarn === null ? 1 : yarnScale(yarn.factor, yarn.mscale) / yarnScale(yarn.factor, yarn.mscaleAllDim)
}
