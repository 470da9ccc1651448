/**
 * What a token's choice of experts sends over a network: visits that the router really made, times the bytes of a copy.
 *
 * A copy goes out in FP8 with one scale every 128 numbers and its result comes back in BF16, as published; one copy a node,
 * however many of the node's experts the token chose. The forward pass only, which the backward pass doubles.
 * Source: DeepSeek-V3 report, sections 3.2.2 and 3.3.3.
 */
import type { ModelConfig } from '../../architecture/index.ts'
import { mean } from '../../base/statistics.ts'
import type { RoutingEvent } from '../../inference/index.ts'
import { dispatchBytesPerCopy } from '../../infrastructure/index.ts'

/** One limit of the probe, in copies and bytes. */
export interface LimitTraffic {
  readonly activeGroupCount: number
  readonly isAsTrained: boolean
  /** Copies of a token in each MoE layer: groups that it visits. */
  readonly copiesByLayer: readonly number[]
  readonly copiesPerToken: number
  /** All MoE layers, forward pass, there and back. */
  readonly bytesPerToken: number
  readonly addedNats: number | null
  readonly plusMinus: number | null
}

/** Bytes of one copy of a token there and back. @param width D */
export const bytesOfCopy = (width: number): number => dispatchBytesPerCopy(width, 'fp8') + 2 * width

/**
 * Copies and bytes of every limit, the tightest first.
 *
 * @param events of one stage; those without biases are left out
 * @param config of the model that was probed
 */
export function trafficByLimit(events: readonly RoutingEvent[], config: ModelConfig): LimitTraffic[] {
  // In a log that two runs share, layers may be those of two models: the last one counts.
  const layers = String(events.at(-1)?.layers)
  return events
    .filter((event) => (event.hasBias || event.isAsTrained) && String(event.layers) === layers)
    .flatMap((event) => {
      const copiesByLayer = event.visits.find(({ nodeCount }) => nodeCount === config.groupCount)?.perTokenByLayer
      if (!copiesByLayer) return []
      const { activeGroupCount, isAsTrained, addedNats, plusMinus } = event
      const bytesPerToken = copiesByLayer.reduce((sum, copies) => sum + copies, 0) * bytesOfCopy(config.width)
      return [{ activeGroupCount, isAsTrained, copiesByLayer, copiesPerToken: mean(copiesByLayer), bytesPerToken, addedNats, plusMinus }]
    })
    .sort((a, b) => a.activeGroupCount - b.activeGroupCount)
}
