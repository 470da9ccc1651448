/**
 * The next token of one sequence, or of a few: the same model as `src/architecture/model.ts`, one row a sequence, attention on the
 * cached latents.
 *
 * The layers are written down here once, as a list; the kernels run it in one command a token. Weights are read once
 * for all rows, chosen experts once for each row that chose them. Equal to the full forward pass to rounding; the same
 * bits whatever the number of threads. Source: DeepSeek-V2 report, section 2.1 (absorption).
 */
import { attentionScale, latentNormEpsilon, type LayerParameters, type Model, type MoeParameters } from '../architecture/index.ts'
import { type AbsorbedShape, attendScratch, DecodeSteps, expertScratch, type InputNorm, Tensor } from '../compute/index.ts'
import type { LatentCache } from './latent-cache.ts'

/** A token to be decoded: it is appended to its sequence's cache. */
export interface NextToken {
  readonly id: number
  readonly cache: LatentCache
}

/** The activations of a step; each kind of layer has its own and all layers share them. */
interface Activations {
  readonly x_MD: Tensor
  readonly latent_MY: Tensor
  readonly query_MX: Tensor
  readonly queryLatent_MQ: Tensor | undefined
  readonly head_MO: Tensor
  readonly dense_MF: Tensor
  readonly shared_MF: Tensor
  readonly logits_ME: Tensor
  readonly sorted: Tensor
  readonly expert_UI: Tensor
}

function activationsFor({ config: c, machine }: Model, M: number): Activations {
  return {
    x_MD: machine.tensor([M, c.width]),
    latent_MY: machine.tensor([M, c.keyValueRank + c.ropeWidth]),
    query_MX: machine.tensor([M, c.headCount * (c.nopeWidth + c.ropeWidth)]),
    queryLatent_MQ: c.queryRank === null ? undefined : machine.tensor([M, c.queryRank]),
    head_MO: machine.tensor([M, c.headCount * c.valueWidth]),
    dense_MF: machine.tensor([M, c.denseFfnWidth]),
    shared_MF: machine.tensor([M, c.sharedExpertCount * c.expertFfnWidth]),
    logits_ME: machine.tensor([M, c.expertCount]),
    sorted: machine.tensor([c.expertCount + 1 + M * c.activeExpertCount], 'i32'),
    expert_UI: machine.tensor([M * c.activeExpertCount, c.expertFfnWidth]),
  }
}

/** x += W_O [o_1; …; o_H],   o_i = W_UV z_i on the cache */
function attentionSteps(steps: DecodeSteps, p: LayerParameters, layerIndex: number, a: Activations, norm: InputNorm, shape: AbsorbedShape) {
  const { query, latent_YD, latentNorm_C, expand_ZC, output_DO } = p.attention
  if ('full_XD' in query) steps.linear(a.query_MX, query.full_XD, a.x_MD, { norm })
  else steps.linear(a.queryLatent_MQ!, query.down_QD, a.x_MD, { norm })
  steps.linear(a.latent_MY, latent_YD, a.x_MD, { norm })
  steps.wait()
  steps.cache(layerIndex, a.latent_MY, { gain_C: latentNorm_C, epsilon: latentNormEpsilon }, shape)
  if ('up_XQ' in query) {
    steps.linear(a.query_MX, query.up_XQ, a.queryLatent_MQ!, { norm: { gain_D: query.norm_Q, epsilon: latentNormEpsilon } })
  }
  steps.wait()
  steps.attend(layerIndex, a.head_MO, a.query_MX, expand_ZC, shape)
  steps.wait()
  steps.linear(a.x_MD, output_DO, a.head_MO, { accumulate: true })
  steps.wait()
}

/** x += FFN_shared(norm x) + sum over chosen e of gate_e FFN_e(norm x) */
function moeSteps(steps: DecodeSteps, p: MoeParameters, model: Model, a: Activations, norm: InputNorm) {
  const step = { ...p, logits_ME: a.logits_ME, sorted: a.sorted, h_UI: a.expert_UI }
  steps.linear(a.logits_ME, p.router_ED, a.x_MD, { norm })
  if (p.shared) steps.gated(a.shared_MF, p.shared.gateUp_GD, a.x_MD, norm)
  steps.wait()
  steps.experts(step, a.x_MD, norm, model.config)
  steps.wait()
  if (p.shared) steps.linear(a.x_MD, p.shared.down_DF, a.shared_MF, { accumulate: true })
  // Both share out the rows of x alike, so whoever adds to a row in one has added to it in the other: no wait between them.
  steps.combine(a.x_MD, step, model.config.activeExpertCount)
  steps.wait()
}

function denseSteps(steps: DecodeSteps, { gateUp_GD, down_DF }: NonNullable<LayerParameters['dense']>, a: Activations, norm: InputNorm) {
  steps.gated(a.dense_MF, gateUp_GD, a.x_MD, norm)
  steps.wait()
  steps.linear(a.x_MD, down_DF, a.dense_MF, { accumulate: true })
  steps.wait()
}

/** A model made ready to decode. Its memory is of the heap's innermost scope: make it outside the scopes of steps. */
export class Decoder {
  readonly model: Model
  readonly maxRows: number
  readonly #steps: DecodeSteps
  readonly #activations: Activations
  readonly #logits_MV: Tensor

  /** @param maxRows tokens that one step takes, at most */
  constructor(model: Model, maxRows = 1) {
    const { config, machine, parameters, cosine_TP, sine_TP } = model
    const { keyValueRank, ropeWidth, expertCount, groupCount, activeExpertCount, width, queryRank, normEpsilon } = config
    this.model = model
    this.maxRows = maxRows
    const a = activationsFor(model, maxRows)
    const positions = cosine_TP.shape[0]
    const scratch = Math.max(attendScratch(keyValueRank, ropeWidth, positions), expertScratch(expertCount, groupCount, maxRows * activeExpertCount))
    const steps = new DecodeSteps(machine, maxRows, Math.max(width, queryRank ?? 0), scratch)
    const shape = { ...config, scale: attentionScale(config), rotation: { cosine_TP, sine_TP } }
    steps.embed(a.x_MD, parameters.embedding_VD)
    steps.wait()
    for (const [layerIndex, p] of parameters.layers.entries()) {
      attentionSteps(steps, p, layerIndex, a, { gain_D: p.attentionNorm_D, epsilon: normEpsilon }, shape)
      const norm = { gain_D: p.ffnNorm_D, epsilon: normEpsilon }
      if (p.dense) denseSteps(steps, p.dense, a, norm)
      else moeSteps(steps, p.moe!, model, a, norm)
    }
    this.#logits_MV = machine.tensor([maxRows, config.vocabSize])
    steps.linear(this.#logits_MV, parameters.head_VD, a.x_MD, { norm: { gain_D: parameters.norm_D, epsilon: normEpsilon } })
    steps.finish()
    this.#activations = a
    this.#steps = steps
  }

  /**
   * Appends each token to its sequence and predicts what follows it.
   *
   * @param tokens at most `maxRows`; several of one sequence stand in their order
   * @returns logits_MV, one row a token, to be read before the next call
   * @throws UsageError when a sequence passes the model's longest context
   */
  decode(tokens: readonly NextToken[]): Tensor {
    const { vocabSize } = this.model.config
    const added = new Map<LatentCache, number>()
    for (const { cache } of tokens) added.set(cache, (added.get(cache) ?? 0) + 1)
    for (const [cache, count] of added) cache.reserve(cache.length + count)
    this.#steps.run(
      tokens.map(({ id, cache }) => ({ id, position: cache.length++, cacheAddress: cache.address, layerBytes: cache.layerBytes })),
    )
    return new Tensor(this.model.machine, this.#logits_MV.address, [tokens.length, vocabSize])
  }

  /** Returns its memory. */
  free(): void {
    const { heap } = this.model.machine
    this.#steps.free()
    heap.free(this.#logits_MV.address)
    for (const tensor of Object.values(this.#activations)) if (tensor) heap.free(tensor.address)
  }
}
