/**
 * Which experts a text asks for: the routers' choices on a pass over it, counted. Serving has hot experts where these differ.
 *
 * Source: DeepSeek-V3 report, section 3.4 (redundant experts) and appendix C (specialisation).
 */
import { invariant } from '../base/errors.ts'
import { forward, type Model } from '../architecture/index.ts'

/**
 * Load of every expert of the main model.
 *
 * @param rows texts as ids, each of one token or more and within the model's context
 * @returns rows of each expert, router by router; they sum to tokens times active experts
 */
export function expertLoads(model: Model, rows: readonly ArrayLike<number>[]): number[][] {
  const { config, machine, cosine_TP } = model
  const loads = Array.from({ length: config.layerCount - config.denseLayerCount }, () =>
    Array.from({ length: config.expertCount }, () => 0),
  )
  for (const ids of rows) {
    invariant(
      ids.length > 0 && ids.length <= cosine_TP.shape[0],
      `expert loads: expected 1 to ${cosine_TP.shape[0]} tokens, got ${ids.length}`,
    )
    using _step = machine.scope()
    const batch = { rows: 1, length: ids.length, rowTokens: ids.length, tokens_BS: Int32Array.from(ids) }
    const { routers } = forward(model, batch, { mtpWeight: 0, balanceWeight: 0 })
    for (const [router, { load }] of routers.entries()) for (const [e, count] of load.entries()) loads[router][e] += count
  }
  return loads
}
