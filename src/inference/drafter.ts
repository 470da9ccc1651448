/**
 * The module of multi-token prediction as a draft model: from the trunk's output at one token and the next token, it predicts
 * the one after that. It has a cache of its own, one layer of latents, and shares embedding and head with the trunk.
 *
 *   h' = layer(W_P [norm(Emb(t_{i+1})); norm(h_i)])      logits of t_{i+2} = head norm(h')
 *
 * Further drafts feed the module its own output, normalised, in the trunk's place: one module serves any depth. The trunk's
 * output is taken behind its last norm, as in training. Source: DeepSeek-V3 report, section 2.2.
 */
import { usageError } from '../base/errors.ts'
import type { Model } from '../architecture/index.ts'
import { columns, DecodeSteps, type PackedWeights, Tensor } from '../compute/index.ts'
import { appendRows } from './decode.ts'
import { type Activations, activationsFor, freeActivations, layerSteps, startList } from './decode-list.ts'
import type { LatentCache } from './latent-cache.ts'

/** Layers of a draft's cache. */
export const draftLayerCount = 1

/** The first module made ready to draft. Its memory is of the heap's innermost scope: make it outside the scopes of steps. */
export class Drafter {
  readonly model: Model
  readonly maxRows: number
  readonly #layer: DecodeSteps
  readonly #head: DecodeSteps
  readonly #activations: Activations
  readonly #embedded_MD: Tensor
  readonly #given_MD: Tensor
  readonly #last_MD: Tensor
  readonly #logits_MV: Tensor

  /**
   * @param weights the decoder's: the head is packed there already
   * @param maxRows tokens that one step takes, at most; longer texts are cut into such steps
   * @throws UsageError when the model has no module
   */
  constructor(model: Model, weights: PackedWeights, maxRows: number) {
    const { config, machine, parameters } = model
    const [p] = parameters.mtp
    if (!p) throw usageError('drafter', 'a model with a module of multi-token prediction', 'one without', 'Generate without speculation.')
    const { width: D, normEpsilon: epsilon } = config
    this.model = model
    this.maxRows = maxRows
    const a = activationsFor(model, maxRows)
    this.#embedded_MD = machine.tensor([maxRows, D])
    this.#given_MD = machine.tensor([maxRows, D])
    const layer = startList(model, weights, maxRows)
    layer.embed(this.#embedded_MD, parameters.embedding_VD)
    layer.wait()
    // Both share out the rows of x alike: the second adds to what the first has written.
    layer.linear(a.x_MD, columns(p.projection_DX, 0, D), this.#embedded_MD, { norm: { gain_D: p.embeddingNorm_D, epsilon } })
    layer.linear(a.x_MD, columns(p.projection_DX, D, 2 * D), this.#given_MD, {
      norm: { gain_D: p.hiddenNorm_D, epsilon },
      accumulate: true,
    })
    layer.wait()
    layerSteps(layer, model, p.layer, 0, a)
    layer.norm(a.hidden_MD, a.x_MD, { gain_D: p.headNorm_D, epsilon })
    layer.finish()
    this.#last_MD = machine.tensor([1, D])
    this.#logits_MV = machine.tensor([1, config.vocabSize])
    const head = new DecodeSteps(machine, weights, 1, 0, 0)
    head.linear(this.#logits_MV, parameters.head_VD, this.#last_MD)
    head.finish()
    this.#layer = layer
    this.#head = head
    this.#activations = a
  }

  /**
   * Appends rows to the module's cache and predicts what follows the last one's token.
   *
   * @param cache   of `draftLayerCount` layers
   * @param hidden  the trunk's output at consecutive tokens, [M, D], one or more
   * @param nextIds the token behind each of them
   * @returns the logits of the token behind the last of `nextIds`, [V], to be read before the next call
   */
  draft(cache: LatentCache, hidden: Float32Array, nextIds: ArrayLike<number>): Float32Array {
    const { width: D } = this.model.config
    for (let from = 0; from < nextIds.length; from += this.maxRows) {
      const count = Math.min(this.maxRows, nextIds.length - from)
      this.#given_MD.data.set(hidden.subarray(from * D, (from + count) * D))
      this.#layer.run(appendRows(Array.from({ length: count }, (_, row) => ({ id: nextIds[from + row], cache }))))
      if (from + count === nextIds.length) return this.#predict(count - 1)
    }
    return this.#logits_MV.data as Float32Array
  }

  /** Goes one token further on its own output. @param id the token that was drafted  @returns as `draft` */
  again(cache: LatentCache, id: number): Float32Array {
    return this.draft(cache, this.#last_MD.data.slice() as Float32Array, [id])
  }

  #predict(row: number): Float32Array {
    const { width: D } = this.model.config
    this.#last_MD.data.set(this.#activations.hidden_MD.data.subarray(row * D, (row + 1) * D))
    this.#head.run([{ id: 0, position: 0, cacheAddress: 0, layerBytes: 0 }])
    return this.#logits_MV.data as Float32Array
  }

  /** Returns its memory. */
  free(): void {
    const { heap } = this.model.machine
    this.#layer.free()
    this.#head.free()
    for (const tensor of [this.#embedded_MD, this.#given_MD, this.#last_MD, this.#logits_MV]) heap.free(tensor.address)
    freeActivations(this.model, this.#activations)
  }
}
