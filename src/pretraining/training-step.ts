/**
 * One training step: forward and backward over micro-batches, clipping, AdamW, and the routers' biases by the load of the
 * whole batch (DeepSeek-V3 report, sections 2.1.2 and 4.2). The loop around it is loop.ts.
 */
import { mean } from '../base/statistics.ts'
import { type Batch, forward, maxViolation, type Model, updateBias } from '../architecture/index.ts'
import { bits, type Machine, Tape } from '../compute/index.ts'
import { type AdamW, norm, stepAdamW } from '../foundations/index.ts'
import type { TrainingBatch } from './data/index.ts'
import type { Overload } from './events.ts'
import type { TrainingConfig } from './recipe.ts'

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
function rowsOf(batch: TrainingBatch, from: number, count: number, maskDocuments: boolean): Batch {
  const { length, rowTokens } = batch
  const part = (ids: Int32Array) => ids.subarray(from * rowTokens, (from + count) * rowTokens)
  const documentStart_BS = maskDocuments ? part(batch.documentStart_BS) : undefined
  return { rows: count, length, rowTokens, tokens_BS: part(batch.tokens_BS), documentStart_BS }
}

/** Runs `work` with a tape on the machine, then goes back over it; what it allocated is returned whatever happens. */
function differentiate<T>(machine: Machine, work: () => T): T {
  using _scope = machine.scope()
  const tape = new Tape(machine)
  machine.tape = tape
  try {
    const result = work()
    tape.backward()
    return result
  } finally {
    machine.tape = null
  }
}

/** Every router's selection bias, in the order of the reports of a forward pass. */
const biasesOf = ({ parameters }: Model) =>
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
  const { balanceWeight, microRows } = config
  machine.run('fill', gradients!.address, gradients!.count, bits(0))

  let lossNats = 0
  let balance: number | null = null
  const mtpNats: number[] = []
  const loadByRouter: Float64Array[] = []
  for (let from = 0; from < batch.rows; from += microRows) {
    const count = Math.min(microRows, batch.rows - from)
    const share = count / batch.rows
    const objective = { mtpWeight: settings.mtpWeight, balanceWeight, share }
    const losses = differentiate(machine, () => forward(model, rowsOf(batch, from, count, maskDocuments), objective))
    lossNats += share * losses.main
    for (const [depth, loss] of losses.mtp.entries()) mtpNats[depth] = (mtpNats[depth] ?? 0) + share * loss
    for (const [router, { load }] of losses.routers.entries()) {
      const sums = (loadByRouter[router] ??= new Float64Array(load.length))
      for (let e = 0; e < load.length; e++) sums[e] += load[e]
    }
    const values = losses.routers.flatMap((report) => (report.balance === undefined ? [] : [report.balance]))
    if (values.length > 0) balance = (balance ?? 0) + share * mean(values)
    await yieldTurn()
  }

  const gradientNorm = norm(gradients!)
  const isTaken = Number.isFinite(gradientNorm) && [lossNats, ...mtpNats].every(Number.isFinite)
  if (isTaken) {
    stepAdamW(optimizer, parameters.set, config.optimizer, gradientNorm, settings.learningRate)
    const biases = biasesOf(model)
    for (const [router, load] of loadByRouter.entries()) {
      const bias_E = biases[router]
      if (bias_E && settings.biasSpeed > 0) updateBias(bias_E, load, settings.biasSpeed)
    }
  }
  return { lossNats, mtpNats, balance, gradientNorm, maxViolation: overloadOf(loadByRouter), loadByRouter, isTaken }
}

function overloadOf(loads: readonly Float64Array[]): Overload {
  const violations = loads.map(maxViolation)
  return violations.length === 0 ? { mean: 0, max: 0 } : { mean: mean(violations), max: Math.max(...violations) }
}
