/**
 * What an engine remembers of one text: which tokens are cached, their latents, and how far the drafting module has come.
 *
 * A text that begins like the one before it (a conversation with a turn more) takes over what is cached of the beginning.
 * The module's row of token i needs the trunk's output at i and token i + 1, so it is always behind the trunk: rows that
 * it has not seen wait here.
 */
import { invariant } from '../base/errors.ts'
import type { Model } from '../architecture/index.ts'
import type { Decoder } from './decode.ts'
import { draftLayerCount } from './drafter.ts'
import { LatentCache } from './latent-cache.ts'
import { extend } from './prefill.ts'

/** One text in an engine. Its memory is of the heap's innermost scope, until `free`. */
export class Sequence {
  readonly cache: LatentCache
  /** Cache of the module that drafts; absent for models without one. */
  readonly draftCache: LatentCache | undefined
  /** The tokens that are cached, in order. */
  readonly ids: number[] = []
  /** The trunk's output at the tokens behind the module's last row, [.., D]; only while drafts are made. */
  #unseen: Float32Array = new Float32Array()

  /** @param capacity room for so many tokens at first */
  constructor(model: Model, capacity = 64) {
    this.cache = new LatentCache(model, capacity)
    this.draftCache = model.parameters.mtp.length > 0 ? new LatentCache(model, capacity, draftLayerCount) : undefined
  }

  /**
   * Makes the cache hold a text, by as little work as possible.
   *
   * @param ids        the whole text, one token or more
   * @param isDrafting keep what the module needs
   * @returns the logits after the last token, [V], and how many tokens were computed
   * @throws UsageError when the text passes the model's longest context
   */
  begin(decoder: Decoder, ids: ArrayLike<number>, isDrafting: boolean): { readonly logits: Float32Array; readonly computed: number } {
    let same = 0
    while (same < Math.min(this.ids.length, ids.length - 1) && this.ids[same] === ids[same]) same++
    const { draftCache } = this
    // The module goes on from its last row, and from the trunk's output there: tokens that it has not seen are computed anew.
    const from = isDrafting ? Math.max(0, Math.min(same - 1, draftCache!.length)) : same
    this.cache.truncate(from)
    draftCache?.truncate(Math.min(draftCache.length, isDrafting ? from : Math.max(0, same - 1)))
    this.ids.length = from
    this.#unseen = new Float32Array()
    const rest = Array.from(ids).slice(from)
    const logits = extend(decoder, this.cache, rest, isDrafting ? (hidden) => this.#wait(hidden) : undefined)
    this.ids.push(...rest)
    return { logits, computed: rest.length }
  }

  /** Takes note of tokens that were decoded behind the text. @param hidden the trunk's output at them, while drafts are made */
  append(ids: readonly number[], hidden?: Float32Array): void {
    this.ids.push(...ids)
    invariant(this.ids.length === this.cache.length, `sequence: expected ${this.cache.length} tokens, got ${this.ids.length}`)
    if (hidden) this.#wait(hidden)
  }

  /** Rows that the module has not seen, to be run by it now, and the tokens behind them. @param next drawn, but not cached */
  takeUnseen(next: number): { readonly hidden: Float32Array; readonly nextIds: readonly number[] } {
    const hidden = this.#unseen
    this.#unseen = new Float32Array()
    return { hidden, nextIds: [...this.ids.slice(this.draftCache!.length + 1), next] }
  }

  #wait(hidden: Float32Array): void {
    const joined = new Float32Array(this.#unseen.length + hidden.length)
    joined.set(this.#unseen)
    joined.set(hidden, this.#unseen.length)
    this.#unseen = joined
  }

  /** Returns its memory. */
  free(): void {
    this.cache.free()
    this.draftCache?.free()
  }
}
