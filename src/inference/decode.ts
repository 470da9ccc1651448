/**
 * The next token of one sequence, or of a few: the same model as `src/architecture/model.ts`, a row a token, attention on the
 * cached latents.
 *
 * The layers are written down once, as a list; the kernels run it in one command, and the head in another. Weights are read
 * once for all rows, an expert's once for all rows that chose it. Equal to the full forward pass to rounding. A row's result
 * is the same bits whatever the number of threads and whatever the other rows are.
 */
import { invariant } from '../base/errors.ts'
import type { Model } from '../architecture/index.ts'
import { DecodeSteps, PackedWeights, Tensor } from '../compute/index.ts'
import { type Activations, activationsFor, freeActivations, layerSteps, type LeftOut, startList } from './decode-list.ts'
import type { LatentCache } from './latent-cache.ts'

/** A token to be decoded: it is appended to its sequence's cache. */
export interface NextToken {
  readonly id: number
  readonly cache: LatentCache
}

export interface DecoderOptions {
  /** For measuring only. */
  readonly leftOut?: LeftOut
  /** Another decoder's, which outlives this one; otherwise it packs its own. */
  readonly weights?: PackedWeights
}

/** Rows that a decoder takes at once unless told otherwise: enough for a group of rollouts, few enough for the scratch. */
export const defaultMaxRows = 16

/**
 * A place for each token at the end of its sequence's cache, whose length moves. → the rows of a step
 *
 * @throws UsageError when a sequence passes the model's longest context; then no length has moved
 */
export function appendRows(tokens: readonly NextToken[]) {
  const added = new Map<LatentCache, number>()
  for (const { cache } of tokens) added.set(cache, (added.get(cache) ?? 0) + 1)
  for (const [cache, count] of added) cache.reserve(cache.length + count)
  return tokens.map(({ id, cache }) => ({ id, position: cache.length++, cacheAddress: cache.address, layerBytes: cache.layerBytes }))
}

/**
 * A model made ready to decode: its weights are packed, which is a copy. Its memory is of the heap's innermost scope: make it
 * outside the scopes of steps. Whoever changes the model's weights calls `weights.refresh()` before the next token.
 */
export class Decoder {
  readonly model: Model
  readonly maxRows: number
  /** The model's weights as they were when the decoder was made, or last refreshed. */
  readonly weights: PackedWeights
  readonly #layers: DecodeSteps
  readonly #head: DecodeSteps
  readonly #activations: Activations
  readonly #logits_MV: Tensor

  readonly #ownsWeights: boolean

  /** @param maxRows tokens that one step takes, at most */
  constructor(model: Model, maxRows = 1, { leftOut, weights }: DecoderOptions = {}) {
    const { config, machine, parameters } = model
    this.model = model
    this.maxRows = maxRows
    this.weights = weights ?? new PackedWeights(machine)
    this.#ownsWeights = weights === undefined
    const a = activationsFor(model, maxRows)
    const layers = startList(model, this.weights, maxRows)
    layers.embed(a.x_MD, parameters.embedding_VD)
    layers.wait()
    for (const [layerIndex, p] of parameters.layers.entries()) layerSteps(layers, model, p, layerIndex, a, leftOut)
    layers.norm(a.hidden_MD, a.x_MD, { gain_D: parameters.norm_D, epsilon: config.normEpsilon })
    layers.finish()
    this.#logits_MV = machine.tensor([maxRows, config.vocabSize])
    const head = new DecodeSteps(machine, this.weights, maxRows, 0, 0)
    head.linear(this.#logits_MV, parameters.head_VD, a.hidden_MD)
    head.finish()
    this.#activations = a
    this.#layers = layers
    this.#head = head
  }

  /**
   * Appends each token to its sequence and predicts what follows it.
   *
   * @param tokens at most `maxRows`; several of one sequence stand in their order
   * @returns logits_MV, one row a token, to be read before the next call
   * @throws UsageError when a sequence passes the model's longest context
   */
  decode(tokens: readonly NextToken[]): Tensor {
    const rows = appendRows(tokens)
    this.#layers.run(rows)
    this.#head.run(rows)
    return new Tensor(this.model.machine, this.#logits_MV.address, [tokens.length, this.model.config.vocabSize])
  }

  /** Appends each token to its sequence and predicts nothing: as `decode`, without the head. */
  advance(tokens: readonly NextToken[]): void {
    this.#layers.run(appendRows(tokens))
  }

  /** The trunk's normalised output at the rows of the last step, a copy, [M, D]. @param M rows from the first one on */
  hidden(M: number): Float32Array {
    invariant(M <= this.maxRows, `decoder: expected at most ${this.maxRows} rows, got ${M}`)
    return this.#activations.hidden_MD.data.slice(0, M * this.model.config.width) as Float32Array
  }

  /** Returns its memory. */
  free(): void {
    this.#layers.free()
    this.#head.free()
    if (this.#ownsWeights) this.weights.free()
    this.model.machine.heap.free(this.#logits_MV.address)
    freeActivations(this.model, this.#activations)
  }
}
