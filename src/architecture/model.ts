/**
 * The model: embedding, layers, head, and the modules that predict further tokens. Reads like section 2 of the report.
 *
 * This file knows nothing of ranks, precision or schedules.
 */
import { invariant } from '../base/errors.ts'
import {
  columns,
  embed,
  headCrossEntropy,
  linear,
  type Machine,
  release,
  remakable,
  rmsNorm,
  type Tensor,
  type WeightOfLoss,
} from '../compute/index.ts'
import type { ModelConfig } from './config.ts'
import { layer } from './layer.ts'
import type { Sequences } from './mla.ts'
import type { BalanceLoss, RouterReport } from './moe.ts'
import { createParameters, type ModelParameters, type MtpParameters } from './parameters.ts'
import { ropeFrequencies, rotationScale } from './rope-frequencies.ts'

export interface Model {
  readonly config: ModelConfig
  readonly machine: Machine
  readonly parameters: ModelParameters
  /** Rows of R / 2 cosines and sines for positions 0 .. length - 1. */
  readonly cosine_TP: Tensor
  readonly sine_TP: Tensor
}

/** Token rows as the loss needs them: T inputs, and 1 + J more for targets. All of them in 0 .. V - 1. */
export interface Batch {
  /** B: rows. */
  readonly rows: number
  /** T: positions in a row. */
  readonly length: number
  /** B rows of `rowTokens` ids. */
  readonly tokens_BS: Int32Array
  /** T + 1 or more. Positions whose target lies past the end of the row do not count. */
  readonly rowTokens: number
  /** First position of the document that each token belongs to, [B, rowTokens]; with it, documents do not see each other. */
  readonly documentStart_BS?: Int32Array
  /** How much each token counts as a target, [B, rowTokens], 0 or more; without it, every one counts alike. */
  readonly targetWeight_BS?: Float32Array
}

export interface Objective {
  /** lambda: weight of the mean of the MTP losses; 0 leaves the modules out. */
  readonly mtpWeight: number
  /** alpha of the balance loss; 0 leaves it out. */
  readonly balanceWeight: number
  /** What must be even: every row by itself, as published (the default), or all rows of this batch together. */
  readonly balanceOver?: 'sequence' | 'batch'
  /** Share of this batch in the step: 1 / micro-batches. */
  readonly share?: number
}

/** What a forward pass says, in nats a token. */
export interface Losses {
  readonly main: number
  /** One for each MTP depth; each is a sum over its targets divided by all B T positions, as the report has it. */
  readonly mtp: readonly number[]
  /** One for each MoE layer, the MTP modules' last. */
  readonly routers: readonly RouterReport[]
  /** main + lambda mean(mtp) + alpha sum(balance). */
  readonly total: number
}

/** What a policy's forward pass says: -ln p of each next token, and what the routers did. */
export interface PolicyLosses {
  readonly loss_M: Tensor
  readonly routers: readonly RouterReport[]
}

/**
 * A model with its parameters laid out, contents undefined.
 *
 * @param length positions to prepare rotations for; default: the config's longest context
 */
export function createModel(machine: Machine, config: ModelConfig, options: { withGradients: boolean; length?: number }): Model {
  const parameters = createParameters(machine, config, options.withGradients)
  const frequencies = ropeFrequencies(config)
  const T = options.length ?? config.maxLength
  const P = frequencies.length
  const scale = rotationScale(config)
  const cosine_TP = machine.tensor([T, P])
  const sine_TP = machine.tensor([T, P])
  const [cosines, sines] = [cosine_TP.data, sine_TP.data]
  for (let t = 0; t < T; t++) {
    for (let i = 0; i < P; i++) {
      cosines[t * P + i] = scale * Math.cos(t * frequencies[i])
      sines[t * P + i] = scale * Math.sin(t * frequencies[i])
    }
  }
  return { config, machine, parameters, cosine_TP, sine_TP }
}

/** Rows of `from` at positions t + shift of each row, past the end: 0. */
function shifted({ rows, length, rowTokens }: Batch, from: Int32Array, shift: number): Int32Array {
  const out = new Int32Array(rows * length)
  for (let b = 0; b < rows; b++) {
    for (let t = 0; t < length && t + shift < rowTokens; t++) out[b * length + t] = from[b * rowTokens + t + shift]!
  }
  return out
}

function sequencesOf(model: Model, batch: Batch): Sequences {
  const { machine, cosine_TP, sine_TP } = model
  const { rows, length } = batch
  const M = rows * length
  invariant(length <= cosine_TP.shape[0], `model: expected at most ${cosine_TP.shape[0]} positions, got ${length}`)
  const position_M = machine.tensor([M], 'i32')
  const positions = position_M.data
  for (let m = 0; m < M; m++) positions[m] = m % length
  const starts = batch.documentStart_BS
  return {
    length,
    rotation: { cosine_TP, sine_TP, position_M },
    documentStart_M: starts && machine.tensorOf(shifted(batch, starts, 0), [M], 'i32'),
  }
}

/** Called with each layer's normalised latents and rotated keys, in the order of layers. */
export type LatentKeeper = (layerIndex: number, latent_MC: Tensor, ropeKey_MR: Tensor) => void

/** The trunk: embedding and layers, the last norm included. → hidden_MD */
function trunk(
  model: Model,
  batch: Batch,
  sequences: Sequences,
  balance: BalanceLoss | undefined,
  reports: RouterReport[],
  keep?: LatentKeeper,
): Tensor {
  const { config, machine, parameters } = model
  const id_M = machine.tensorOf(shifted(batch, batch.tokens_BS, 0), [batch.rows * batch.length], 'i32')
  let x_MD = embed(id_M, parameters.embedding_VD)
  for (const [layerIndex, p] of parameters.layers.entries()) {
    const watched = keep ? { ...sequences, onLatents: keep.bind(null, layerIndex) } : sequences
    x_MD = layer(p, config, x_MD, watched, balance, reports)
  }
  const last_MD = x_MD
  return remakable(() => rmsNorm(last_MD, parameters.norm_D, config.normEpsilon))
}

/**
 * One module of multi-token prediction:  h' = W_P [norm(Emb(t_{i+k})); norm(h)], a layer, a norm before the shared head.
 * The released order, embedding first; h is the trunk's normalised output, then the previous module's.
 */
function mtpModule(
  p: MtpParameters,
  model: Model,
  hidden_MD: Tensor,
  id_M: Tensor,
  sequences: Sequences,
  balance: BalanceLoss | undefined,
  reports: RouterReport[],
): Tensor {
  const { config, parameters } = model
  const { width: D, normEpsilon } = config
  const embedding_MD = embed(id_M, parameters.embedding_VD)
  const embedded_MD = remakable(() => rmsNorm(embedding_MD, p.embeddingNorm_D, normEpsilon))
  const normed_MD = remakable(() => rmsNorm(hidden_MD, p.hiddenNorm_D, normEpsilon))
  const joined_MD = linear(normed_MD, columns(p.projection_DX, D, 2 * D), linear(embedded_MD, columns(p.projection_DX, 0, D)))
  release(normed_MD, 'input')
  release(embedded_MD, 'input')
  // Last, so that it comes back first: its norm is made from it.
  release(hidden_MD, 'other')
  const out_MD = layer(p.layer, config, joined_MD, sequences, balance, reports)
  return remakable(() => rmsNorm(out_MD, p.headNorm_D, normEpsilon))
}

/**
 * What the next tokens of a batch weigh in all: B T, or the sum of the weights that the batch gives to its targets. The
 * divisor of its losses.
 */
export function targetWeightOf(batch: Batch): number {
  const { rows, length, rowTokens, targetWeight_BS } = batch
  if (!targetWeight_BS) return rows * length
  let total = 0
  for (let b = 0; b < rows; b++) for (let t = 1; t <= length && t < rowTokens; t++) total += targetWeight_BS[b * rowTokens + t]
  return total
}

/** Cross-entropy `shift` tokens ahead, averaged by the targets' weights; a position without a target adds nothing. */
function predictionLoss(model: Model, batch: Batch, hidden_MD: Tensor, shift: number, weight: number): number {
  const { machine, parameters } = model
  const { rows, length, rowTokens, targetWeight_BS } = batch
  const M = rows * length
  const target_M = machine.tensorOf(shifted(batch, batch.tokens_BS, shift), [M], 'i32')
  const divisor = targetWeightOf(batch)
  const countOf = (m: number) => {
    const at = (m % length) + shift
    return at < rowTokens ? (targetWeight_BS ? targetWeight_BS[Math.floor(m / length) * rowTokens + at] : 1) : 0
  }
  const weight_M = machine.tensor([M])
  const weights = weight_M.data
  for (let m = 0; m < M; m++) weights[m] = divisor > 0 ? (weight / divisor) * countOf(m) : 0
  const losses = headCrossEntropy(hidden_MD, parameters.head_VD, target_M, weight_M).data
  let total = 0
  for (let m = 0; m < M; m++) total += countOf(m) * losses[m]
  return divisor > 0 ? total / divisor : 0
}

/**
 * Runs the model on a batch. With a tape on the machine, `tape.backward()` afterwards adds the objective's gradient to
 * every parameter. The caller's scope owns what is allocated here.
 */
export function forward(model: Model, batch: Batch, objective: Objective): Losses {
  const { config, machine, parameters } = model
  const { mtpWeight, balanceWeight, balanceOver = 'sequence', share = 1 } = objective
  const sequences = sequencesOf(model, batch)
  const balanceLength = balanceOver === 'batch' ? batch.rows * batch.length : batch.length
  const balance = balanceWeight > 0 ? { alpha: balanceWeight * share, length: balanceLength } : undefined
  const routers: RouterReport[] = []
  let hidden_MD = trunk(model, batch, sequences, balance, routers)
  const main = predictionLoss(model, batch, hidden_MD, 1, share)
  const mtp: number[] = []
  if (mtpWeight > 0) {
    for (const [k, p] of parameters.mtp.entries()) {
      const ahead = machine.tensorOf(shifted(batch, batch.tokens_BS, k + 1), [batch.rows * batch.length], 'i32')
      hidden_MD = mtpModule(p, model, hidden_MD, ahead, sequences, balance, routers)
      mtp.push(predictionLoss(model, batch, hidden_MD, k + 2, (share * mtpWeight) / config.mtpDepth))
    }
  }
  release(hidden_MD, 'other')
  const mtpMean = mtp.reduce((sum, loss) => sum + loss, 0) / Math.max(1, mtp.length)
  const balanceSum = routers.reduce((sum, { balance: value = 0 }) => sum + value, 0)
  return { main, mtp, routers, total: main + mtpWeight * mtpMean + balanceWeight * balanceSum }
}

/** The trunk's output, [M, D], before the head; with `keep`, what a cache holds of each layer is handed out on the way. */
export function hiddenStates(model: Model, batch: Batch, keep?: LatentKeeper): Tensor {
  return trunk(model, batch, sequencesOf(model, batch), undefined, [], keep)
}

/** Logits of every position, [M, V]: for short texts and tests; training never makes them. */
export function logits(model: Model, batch: Batch): Tensor {
  return linear(hiddenStates(model, batch), model.parameters.head_VD)
}

/**
 * A policy's gradient: runs the trunk on a batch and weighs each position's -ln p(next token) by what `weight` makes of it.
 * With a tape, `tape.backward()` afterwards adds the gradient of sum over m of weight_m loss_m. The MTP modules stay as they
 * are.
 *
 * @param balance sequence-wise balance loss, if wanted
 */
export function policyLosses(model: Model, batch: Batch, weight: WeightOfLoss, balance?: BalanceLoss): PolicyLosses {
  const { machine, parameters } = model
  const routers: RouterReport[] = []
  const hidden_MD = trunk(model, batch, sequencesOf(model, batch), balance, routers)
  const target_M = machine.tensorOf(shifted(batch, batch.tokens_BS, 1), [batch.rows * batch.length], 'i32')
  const loss_M = headCrossEntropy(hidden_MD, parameters.head_VD, target_M, weight)
  release(hidden_MD, 'other')
  return { loss_M, routers }
}

/** Loss of each position in nats, [M], main prediction only: what bits per byte are made of. */
export function tokenLosses(model: Model, batch: Batch): Tensor {
  const { machine, parameters } = model
  const M = batch.rows * batch.length
  const hidden_MD = hiddenStates(model, batch)
  const target_M = machine.tensorOf(shifted(batch, batch.tokens_BS, 1), [M], 'i32')
  return headCrossEntropy(hidden_MD, parameters.head_VD, target_M, machine.zeros([M]))
}
