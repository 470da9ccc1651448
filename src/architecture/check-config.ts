/**
 * The rules that a model configuration must obey, in one place, all violations at once.
 *
 * Called where a configuration comes in from outside (files, `--set`, recipes) and before anything is allocated; nothing
 * further inside checks again.
 */
import { rejectViolations } from '../base/errors.ts'
import type { ModelConfig, YarnConfig } from './config.ts'
import { countParameters } from './counts.ts'

type SizeField = {
  [Field in keyof ModelConfig]-?: ModelConfig[Field] extends number | null ? Field : never
}[keyof ModelConfig]

/** Whole numbers with the smallest and the largest value that make sense; the largest keep all products exact. */
const wholeNumbers = {
  vocabSize: [2, 2 ** 24],
  width: [1, 2 ** 20],
  layerCount: [1, 2 ** 14],
  denseLayerCount: [0, 2 ** 14],
  headCount: [1, 2 ** 16],
  keyValueRank: [1, 2 ** 20],
  nopeWidth: [1, 2 ** 16],
  ropeWidth: [2, 2 ** 16],
  valueWidth: [1, 2 ** 16],
  denseFfnWidth: [1, 2 ** 24],
  expertFfnWidth: [1, 2 ** 24],
  expertCount: [1, 2 ** 16],
  sharedExpertCount: [0, 2 ** 16],
  activeExpertCount: [1, 2 ** 16],
  groupCount: [1, 2 ** 16],
  activeGroupCount: [1, 2 ** 16],
  mtpDepth: [0, 64],
  maxLength: [1, 2 ** 30],
} as const satisfies Partial<Record<SizeField, readonly [number, number]>>

/** More than this cannot be counted exactly, let alone trained. */
const maxParameters = 2 ** 50

function rangeViolations(config: ModelConfig): string[] {
  const violations: string[] = []
  const whole = (name: string, value: unknown, [low, high]: readonly [number, number]) => {
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high) {
      violations.push(`${name}: expected a whole number from ${low} to ${high}, got ${String(value)}`)
    }
  }
  const positive = (name: string, value: unknown, low: number, high: number) => {
    if (typeof value !== 'number' || !(value > low) || !(value <= high)) {
      violations.push(`${name}: expected a number above ${low} and at most ${high}, got ${String(value)}`)
    }
  }
  for (const [name, range] of Object.entries(wholeNumbers)) whole(name, config[name as keyof typeof wholeNumbers], range)
  if (config.queryRank !== null) whole('queryRank', config.queryRank, [1, 2 ** 20])
  positive('routedScale', config.routedScale, 0, 1e6)
  positive('ropeTheta', config.ropeTheta, 1, 1e12)
  positive('normEpsilon', config.normEpsilon, 0, 0.1)
  positive('initStd', config.initStd, 0, 10)
  if (config.gate !== 'sigmoid' && config.gate !== 'softmax') {
    violations.push(`gate: expected sigmoid or softmax, got ${String(config.gate)}`)
  }
  if (typeof config.isGateNormalized !== 'boolean') {
    violations.push(`isGateNormalized: expected true or false, got ${String(config.isGateNormalized)}`)
  }
  if (config.yarn !== null) {
    const { factor, betaFast, betaSlow, mscale, mscaleAllDim, originalLength } = config.yarn
    whole('yarn.originalLength', originalLength, [1, 2 ** 30])
    if (!(factor >= 1 && factor <= 1e6)) violations.push(`yarn.factor: expected a number from 1 to 1000000, got ${String(factor)}`)
    positive('yarn.betaFast', betaFast, 0, 1e6)
    positive('yarn.betaSlow', betaSlow, 0, 1e6)
    positive('yarn.mscale', mscale, 0, 100)
    if (!(mscaleAllDim >= 0 && mscaleAllDim <= 100)) {
      violations.push(`yarn.mscaleAllDim: expected a number from 0 to 100, got ${String(mscaleAllDim)}`)
    }
  }
  return violations
}

function yarnContradictions(yarn: YarnConfig, maxLength: number): string[] {
  const violations: string[] = []
  if (yarn.betaFast < yarn.betaSlow) {
    violations.push(`yarn.betaFast: expected at least yarn.betaSlow = ${yarn.betaSlow}, got ${yarn.betaFast}`)
  }
  if (yarn.originalLength < 2 * Math.PI * yarn.betaSlow) {
    violations.push(
      `yarn.originalLength: expected at least ${Math.ceil(2 * Math.PI * yarn.betaSlow)}, room for yarn.betaSlow turns, got ${yarn.originalLength}`,
    )
  }
  const reach = Math.floor(yarn.factor * yarn.originalLength)
  if (maxLength > reach) {
    violations.push(`maxLength: expected at most yarn.factor x yarn.originalLength = ${reach}, got ${maxLength}`)
  }
  return violations
}

/** Rules between fields; only meaningful when every field is in its range. */
function contradictions(config: ModelConfig): string[] {
  const violations: string[] = []
  const { layerCount, denseLayerCount, ropeWidth, expertCount, groupCount, activeGroupCount, activeExpertCount, mtpDepth } = config
  if (denseLayerCount > layerCount) {
    violations.push(`denseLayerCount: expected at most layerCount = ${layerCount}, got ${denseLayerCount}`)
  }
  if (ropeWidth % 2 !== 0) violations.push(`ropeWidth: expected an even number (pairs are rotated), got ${ropeWidth}`)
  if (activeGroupCount > groupCount) {
    violations.push(`activeGroupCount: expected at most groupCount = ${groupCount}, got ${activeGroupCount}`)
  }
  if (expertCount % groupCount !== 0) {
    violations.push(`expertCount: expected a multiple of groupCount = ${groupCount}, got ${expertCount}`)
  } else {
    const groupSize = expertCount / groupCount
    const reachable = Math.min(activeGroupCount, groupCount) * groupSize
    if (activeExpertCount > reachable) {
      violations.push(
        `activeExpertCount: expected at most the ${reachable} experts of ${activeGroupCount} groups, got ${activeExpertCount}`,
      )
    }
    if (config.gate === 'sigmoid' && groupCount > 1 && groupSize < 2) {
      violations.push(
        `groupCount: expected at most ${Math.floor(expertCount / 2)} (a group's score is the sum of its two best experts), got ${groupCount}`,
      )
    }
  }
  if (mtpDepth >= config.maxLength) violations.push(`mtpDepth: expected less than maxLength = ${config.maxLength}, got ${mtpDepth}`)
  if (config.yarn !== null) violations.push(...yarnContradictions(config.yarn, config.maxLength))
  const { total, mtp } = countParameters(config)
  if (total + mtp.withDuplicates > maxParameters) {
    violations.push(`parameters: expected at most 2^50 in all, got ${(total + mtp.withDuplicates).toExponential(2)}`)
  }
  return violations
}

/**
 * What is wrong with a configuration, one line each, beginning with the field's name.
 *
 * @param config sizes of a model, perhaps from outside
 * @returns nothing when all rules hold; contradictions between fields are looked for once every field is in its range
 */
export function modelConfigViolations(config: ModelConfig): string[] {
  const ranges = rangeViolations(config)
  return ranges.length > 0 ? ranges : contradictions(config)
}

/**
 * Checks sizes, ranges and divisibility.
 *
 * @param config  sizes of a model, perhaps from outside
 * @param subject what the message is about: a file, a recipe
 * @returns the same configuration, so that a reader can end with it
 * @throws UsageError naming every violation
 */
export function checkModelConfig(config: ModelConfig, subject = 'model'): ModelConfig {
  rejectViolations(subject, modelConfigViolations(config), 'Change these settings so that they fit each other.')
  return config
}
