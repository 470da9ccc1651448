/**
 * One training step: forward and backward over micro-batches, clipping, AdamW, and the routers' biases by the load of the
 * whole batch (DeepSeek-V3 report, sections 2.1.2 and 4.2). The loop around it is loop.ts.
 */
import { mean } from '../base/statistics.ts'
import { type Batch, forward, maxViolation, type Model, type RouterReport, targetWeightOf, updateBias } from '../architecture/index.ts'
import { bits, differentiate } from '../compute/index.ts'
import { type AdamW, norm, stepAdamW } from '../foundations/index.ts'
import type { TrainingBatch } from './batch-source.ts'
import type { Overload } from './events.ts'
import { keepingOf, type TrainingConfig } from './recipe.ts'

/** What changes from step to step. */
export interface StepSettings {
  readonly learningRate: number
  readonly biasSpeed: number
  readonly mtpWeight: number
}

/** What a step came to. Losses in nats a token, averaged over the batch. */
export interface StepResult {
  readonly lossNats: number
  readonly mtpNats: readonly number[]
  readonly balance: number | null
  readonly gradientNorm: number
  readonly maxViolation: Overload
  /** Rows of each expert, router by router. */
  readonly loadByRouter: readonly Float64Array[]
  /** Whether loss and gradient were finite; if not, nothing was changed. */
  readonly isTaken: boolean
}

/** Rows `from` to `from + count` of a batch. */
export function rowsOf(batch: TrainingBatch, from: number, count: number, maskDocuments: boolean): Batch {
  const { length, rowTokens, targetWeight_BS } = batch
  const [start, end] = [from * rowTokens, (from + count) * rowTokens]
  const documentStart_BS = maskDocuments ? batch.documentStart_BS.subarray(start, end) : undefined
  const tokens_BS = batch.tokens_BS.subarray(start, end)
  return { rows: count, length, rowTokens, tokens_BS, documentStart_BS, targetWeight_BS: targetWeight_BS?.subarray(start, end) }
}

/** Every router's selection bias, in the order of the reports of a forward pass. */
const biasesOf = (parameters: Model['parameters']) =>
  [...parameters.layers, ...parameters.mtp.map(({ layer }) => layer)].flatMap(({ moe }) => (moe ? [moe.bias_E] : []))

/**
 * Takes one step, or leaves everything as it was when loss or gradient norm are not finite.
 *
 * @param yieldTurn awaited between micro-batches, so that a signal is heard while a step lasts
 */
export async function takeStep(
  model: Model,
  optimizer: AdamW,
  batch: TrainingBatch,
  config: TrainingConfig,
  maskDocuments: boolean,
  settings: StepSettings,
  yieldTurn: () => Promise<void>,
): Promise<StepResult> {
  const { machine, parameters } = model
  const { gradients } = parameters.set
  const { balanceWeight, balanceOver, microRows } = config
  machine.run('fill', gradients!.address, gradients!.count, bits(0))

  const wholeWeight = targetWeightOf(batch)
  let lossNats = 0
  let balance: number | null = null
  const mtpNats: number[] = []
  const loadByRouter: Float64Array[] = []
  for (let from = 0; from < batch.rows; from += microRows) {
    const count = Math.min(microRows, batch.rows - from)
    const part = rowsOf(batch, from, count, maskDocuments)
    const share = wholeWeight > 0 ? targetWeightOf(part) / wholeWeight : 0
    const objective = { mtpWeight: settings.mtpWeight, balanceWeight, balanceOver, share }
    const losses = differentiate(machine, () => forward(model, part, objective), keepingOf(config))
    optimizer.precision?.roundGradients()
    lossNats += share * losses.main
    for (const [depth, loss] of losses.mtp.entries()) mtpNats[depth] = (mtpNats[depth] ?? 0) + share * loss
    addLoads(loadByRouter, losses.routers)
    const values = losses.routers.flatMap((report) => (report.balance === undefined ? [] : [report.balance]))
    if (values.length > 0) balance = (balance ?? 0) + share * mean(values)
    await yieldTurn()
  }

  const isFinite = [lossNats, ...mtpNats].every(Number.isFinite)
  const { gradientNorm, isTaken } = applyGradients(model, optimizer, config, settings, loadByRouter, isFinite)
  return { lossNats, mtpNats, balance, gradientNorm, maxViolation: overloadOf(loadByRouter), loadByRouter, isTaken }
}

/**
 * The end of every step, whatever its objective: clipping, AdamW, the routers' biases. A step whose gradient or loss is not
 * finite changes nothing.
 *
 * @param loadByRouter rows of each expert in the whole batch, in the order of the reports of a forward pass
 * @param isLossFinite whether every loss was
 */
export function applyGradients(
  { parameters }: Model,
  optimizer: AdamW,
  config: Pick<TrainingConfig, 'optimizer'>,
  settings: Pick<StepSettings, 'learningRate' | 'biasSpeed'>,
  loadByRouter: readonly Float64Array[],
  isLossFinite: boolean,
): { readonly gradientNorm: number; readonly isTaken: boolean } {
  const gradientNorm = norm(parameters.set.gradients!)
  if (!isLossFinite || !Number.isFinite(gradientNorm)) return { gradientNorm, isTaken: false }
  stepAdamW(optimizer, parameters.set, config.optimizer, gradientNorm, settings.learningRate)
  const biases = biasesOf(parameters)
  for (const [router, load] of loadByRouter.entries()) {
    const bias_E = biases[router]
    if (bias_E && settings.biasSpeed > 0) updateBias(bias_E, load, settings.biasSpeed)
  }
  return { gradientNorm, isTaken: true }
}

/** Adds what the routers of a forward pass did to what they did before. @param sums router by router; filled as needed */
export function addLoads(sums: Float64Array[], routers: readonly RouterReport[]): void {
  for (const [router, { load }] of routers.entries()) {
    const sum = (sums[router] ??= new Float64Array(load.length))
    for (let e = 0; e < load.length; e++) sum[e] += load[e]
  }
}

/** Overload of the routers of a step: mean and largest. @param loads of each expert, router by router */
export function overloadOf(loads: readonly Float64Array[]): Overload {
  const violations = loads.map(maxViolation)
  return violations.length === 0 ? { mean: 0, max: 0 } : { mean: mean(violations), max: Math.max(...violations) }
}
