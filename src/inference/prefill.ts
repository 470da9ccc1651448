/**
 * The prompt: all at once where nothing is cached, in short rows behind what is.
 *
 * On an empty cache the trunk runs in its training form, every layer's latents kept on the way: for many rows the expanded
 * form costs fewer operations than the absorbed one. Behind a cached text (the next turn of a conversation, a prompt in
 * chunks) the rows go through the decoder, a few at a time. The two are equal to rounding; rows through the decoder are
 * the same bits however they are cut.
 */
import { invariant, usageError } from '../base/errors.ts'
import { hiddenStates } from '../architecture/index.ts'
import { linear, type Machine, type PackedWeights, Tensor } from '../compute/index.ts'
import type { Decoder } from './decode.ts'
import type { LatentCache } from './latent-cache.ts'

/** Called with the trunk's normalised output for consecutive tokens, [M, D], outside the heap. */
export type HiddenKeeper = (hidden: Float32Array) => void

/**
 * Runs the model on the first tokens of a sequence and fills its cache with them.
 *
 * @param cache   empty, of the model to run
 * @param ids     one or more, each below V
 * @param weights the decoder's, where there is one: the products find them packed
 * @param keep    for what drafts: given all rows at once
 * @returns the logits after the last one, [V], outside the heap
 * @throws UsageError when there are more tokens than the model's longest context
 */
export function prefill(cache: LatentCache, ids: ArrayLike<number>, weights: PackedWeights | null, keep?: HiddenKeeper): Float32Array {
  const { model } = cache
  const { machine, parameters } = model
  invariant(cache.length === 0 && ids.length > 0, `prefill: expected an empty cache and a token, got ${cache.length} and ${ids.length}`)
  cache.reserve(ids.length)
  using _step = machine.scope()
  using _packed = withPacked(machine, weights)
  const batch = { rows: 1, length: ids.length, rowTokens: ids.length, tokens_BS: Int32Array.from(ids) }
  const hidden_MD = hiddenStates(model, batch, (layerIndex, latent_MC, key_MR) => cache.write(layerIndex, latent_MC, key_MR))
  cache.length = ids.length
  keep?.(hidden_MD.toArray())
  const { width: D } = model.config
  const last_MD = new Tensor(machine, hidden_MD.address + 4 * (ids.length - 1) * D, [1, D])
  return linear(last_MD, parameters.head_VD).toArray()
}

/** Products find weights packed until this is disposed of. */
function withPacked(machine: Machine, weights: PackedWeights | null): Disposable {
  const before = machine.packed
  machine.packed = weights
  return { [Symbol.dispose]: () => void (machine.packed = before) }
}

/**
 * Appends tokens to a sequence, whatever its cache holds.
 *
 * @param cache of the decoder's model
 * @param ids   one or more, each below V
 * @param keep  for what drafts: given the rows in order, some at a time
 * @returns the logits after the last one, [V], outside the heap
 * @throws UsageError when the text passes the model's longest context; then the cache is as it was
 */
export function extend(decoder: Decoder, cache: LatentCache, ids: ArrayLike<number>, keep?: HiddenKeeper): Float32Array {
  const { length, maxLength } = cache
  if (length + ids.length > maxLength) {
    const hint = 'Shorten it, or begin a new text.'
    throw usageError('context', `at most ${maxLength} tokens`, `${length} and ${ids.length} more`, hint)
  }
  if (length === 0) return prefill(cache, ids, decoder.weights, keep)
  invariant(ids.length > 0, 'extend: expected a token, got none')
  const before = ids.length - 1
  for (let from = 0; from < before; from += decoder.maxRows) {
    const count = Math.min(decoder.maxRows, before - from)
    decoder.advance(Array.from({ length: count }, (_, row) => ({ id: ids[from + row], cache })))
    keep?.(decoder.hidden(count))
  }
  const logits = decoder.decode([{ id: ids[before], cache }]).toArray()
  keep?.(decoder.hidden(1))
  return logits
}
