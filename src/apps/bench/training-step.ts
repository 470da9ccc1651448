/** One whole training step on a batch of random tokens: what the training loop does between two batches, and no data. */
import { createModel, forward, type Batch, type Losses, type Model, type ModelConfig, updateBias } from '../../architecture/index.ts'
import { invariant } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { bits, type Machine, Tape, type Tensor } from '../../compute/index.ts'
import { createAdamW, initialize, norm, stepAdamW } from '../../foundations/index.ts'

/** B rows of T tokens. */
export interface BatchSize {
  readonly rows: number
  readonly length: number
}

const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, emaDecay: null }
const learningRate = 2.2e-4
const biasSpeed = 1e-3
/** Batches that steps take turns with. */
const batchCount = 4
/** How far along the gradient the check of it goes, as the change of the loss that it predicts; at most. */
const checkedLossChange = 1e-3
/** Tokens of the check of all parameters. */
const checkedLength = 64

/** A model in training. */
export interface TrainingStep {
  readonly model: Model
  /** Gradients to zero, forward, backward, norm, AdamW, router biases. → losses before the step */
  readonly step: () => Losses
  /**
   * How well gradients g predict the loss: |(L(w + t g) - L(w - t g)) / 2 t - |g|²| / |g|², t small. On the whole batch
   * for what lies behind the last router, where the loss is smooth; on some tokens for all parameters. Weights stay.
   */
  readonly gradientError: () => number
}

function randomBatch(rng: Random, { rows, length }: BatchSize, vocabSize: number): Batch {
  const rowTokens = length + 1
  return { rows, length, rowTokens, tokens_BS: Int32Array.from({ length: rows * rowTokens }, () => rng.below(vocabSize)) }
}

/** Lays out model, moments and batches on `machine`, in its innermost scope. Multi-token prediction is left out. */
export function createTrainingStep(machine: Machine, config: ModelConfig, size: BatchSize): TrainingStep {
  const rng = Random.seeded(0).fork('bench/step')
  const model = createModel(machine, config, { withGradients: true, length: size.length })
  const { set } = model.parameters
  initialize(set, config.initStd, rng)
  const gradients = set.gradients!
  const optimizer = createAdamW(set, adamw)
  const batches = Array.from({ length: batchCount }, (_, i) => randomBatch(rng.fork(`batch-${i}`), size, config.vocabSize))
  const objective = { mtpWeight: 0, balanceWeight: 1e-4 }
  let stepIndex = 0

  function lossAndGradient(batch: Batch): Losses {
    machine.run('fill', gradients.address, gradients.count, bits(0))
    const tape = new Tape(machine)
    machine.tape = tape
    try {
      const losses = forward(model, batch, objective)
      tape.backward()
      return losses
    } finally {
      machine.tape = null
    }
  }

  function step(): Losses {
    const batch = batches[stepIndex++ % batchCount]
    using _scope = machine.scope()
    const losses = lossAndGradient(batch)
    const gradientNorm = norm(gradients)
    invariant(Number.isFinite(losses.total) && Number.isFinite(gradientNorm), `step: expected finite numbers, got ${losses.total}`)
    stepAdamW(optimizer, set, adamw, gradientNorm, learningRate)
    for (const [i, { tensor }] of model.parameters.biases.entries()) updateBias(tensor, losses.routers[i].load, biasSpeed)
    return losses
  }

  /** On `batch`, along the gradients of `moved` parameters: how far the change of the loss is from what they predict. */
  function errorAlong(batch: Batch, moved: readonly Tensor[]): number {
    const weights = set.weights.toArray()
    const loads = ({ routers }: Losses) => routers.map(({ load }) => load.join()).join()
    let before: string
    {
      using _scope = machine.scope()
      before = loads(lossAndGradient(batch))
    }
    const parts = moved.map((tensor) => ({ from: (tensor.address - set.weights.address) / 4, gradient: tensor.gradient!.toArray() }))
    let slope = 0
    for (const { gradient } of parts) for (const x of gradient) slope += x * x
    const lossesAt = (distance: number) => {
      const data = set.weights.data
      for (const { from, gradient } of parts) gradient.forEach((x, i) => void (data[from + i] = weights[from + i] + distance * x))
      using _scope = machine.scope()
      return forward(model, batch, objective)
    }
    let measured = 0
    for (let change = checkedLossChange; change > checkedLossChange / 100; change /= 2) {
      const distance = change / slope
      const [up, down] = [lossesAt(distance), lossesAt(-distance)]
      measured = (up.total - down.total) / (2 * distance)
      // A token that changes its experts makes the loss jump; nearer by, none does.
      if (loads(up) === before && loads(down) === before) break
    }
    set.weights.data.set(weights)
    return Math.abs(measured - slope) / slope
  }

  function gradientError(): number {
    const { layers, norm_D, head_VD } = model.parameters
    const { moe } = layers.at(-1)!
    const lastFfn = moe ? [moe.gateUp_EGD, moe.down_EDI] : []
    const [batch] = batches as [Batch, ...Batch[]]
    const start: Batch = { ...batch, rows: 1, length: Math.min(checkedLength, size.length) }
    const everything = set.named.map(({ tensor }) => tensor)
    return Math.max(errorAlong(batch, [...lastFfn, norm_D, head_VD]), errorAlong(start, everything))
  }

  return { model, step, gradientError }
}
