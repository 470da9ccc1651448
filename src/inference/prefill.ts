/**
 * The prompt, all at once: the trunk in its training form, every layer's latents kept on the way.
 *
 * The expanded form costs fewer operations for many rows than the absorbed one does, and is what the weights were trained in.
 */
import { invariant } from '../base/errors.ts'
import { hiddenStates } from '../architecture/index.ts'
import { linear, Tensor } from '../compute/index.ts'
import type { LatentCache } from './latent-cache.ts'

/**
 * Runs the model on the first tokens of a sequence and fills its cache with them.
 *
 * @param cache empty, of the model to run
 * @param ids   one or more, each below V
 * @returns the logits after the last one, [V], outside the heap
 * @throws UsageError when there are more tokens than the model's longest context
 */
export function prefill(cache: LatentCache, ids: ArrayLike<number>): Float32Array {
  const { model } = cache
  const { machine, parameters } = model
  invariant(cache.length === 0 && ids.length > 0, `prefill: expected an empty cache and a token, got ${cache.length} and ${ids.length}`)
  cache.reserve(ids.length)
  using _step = machine.scope()
  const batch = { rows: 1, length: ids.length, rowTokens: ids.length, tokens_BS: Int32Array.from(ids) }
  const hidden_MD = hiddenStates(model, batch, (layerIndex, latent_MC, key_MR) => cache.write(layerIndex, latent_MC, key_MR))
  cache.length = ids.length
  const { width: D } = model.config
  const last_MD = new Tensor(machine, hidden_MD.address + 4 * (ids.length - 1) * D, [1, D])
  return linear(last_MD, parameters.head_VD).toArray()
}
