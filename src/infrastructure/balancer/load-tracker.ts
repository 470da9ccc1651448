/**
 * Loads over time, and the decision when moving experts pays.
 *
 * The balancer plans from an estimate of loads; the estimate is an exponential moving average of what was counted
 * (suggested in EPLB's README, which leaves it open). A re-placement costs the transfer of every expert that a device
 * does not yet hold, and gains time in proportion to how far the busiest device falls.
 */
import { invariant } from '../../base/errors.ts'
import { deviceLoadsOf, loadImbalance, rebalanceExperts, type BalanceShape, type Placement } from './rebalance.ts'

/** Exponential moving average of loads, corrected for its start: the first observation counts fully. */
export class LoadTracker {
  readonly #averages: Float64Array[] = []
  readonly #keepShare: number
  #mass = 0

  /** @param halfLife observations after which an old load counts half */
  constructor(halfLife: number) {
    invariant(halfLife > 0, `halfLife: expected more than 0 observations, got ${halfLife}`)
    this.#keepShare = 0.5 ** (1 / halfLife)
  }

  /** @param loads layers x experts, counted since the last call */
  observe(loads: readonly (readonly number[])[]): void {
    const added = 1 - this.#keepShare
    this.#mass = this.#mass * this.#keepShare + added
    loads.forEach((layer, index) => {
      const average = (this.#averages[index] ??= new Float64Array(layer.length))
      layer.forEach((load, expert) => {
        average[expert] = average[expert] * this.#keepShare + load * added
      })
    })
  }

  /** The estimate, layers x experts; empty before the first observation. */
  get loads(): number[][] {
    return this.#averages.map((average) => Array.from(average, (value) => value / this.#mass))
  }
}

/** What a step of serving or training costs, so that balance and transfers can be compared in seconds. */
export interface ReplacementCosts {
  /** Expert time of one layer in one step when all devices are equally busy. */
  readonly secondsPerLayer: number
  /** Steps until the loads are looked at again. */
  readonly stepsUntilNext: number
  /** Weights of one expert. */
  readonly expertBytes: number
  /** What one device can receive. */
  readonly bytesPerSecond: number
}

export interface ReplacementDecision {
  readonly isWorthwhile: boolean
  readonly gainSeconds: number
  readonly costSeconds: number
  /** Busiest device over the mean, averaged over layers: as it is, and as it would be. */
  readonly imbalanceNow: number
  readonly imbalanceThen: number
  /** Experts that some device has to fetch. */
  readonly movedExperts: number
  readonly placements: readonly Placement[]
}

/** Per device, how many of the experts in its slots of `next` it does not hold in `current`. */
function fetches(current: Placement, next: Placement): number[] {
  const deviceCount = next.deviceLoads.length
  const slots = next.logicalOfPhysical.length / deviceCount
  return Array.from({ length: deviceCount }, (_, device) => {
    const held = new Set(current.logicalOfPhysical.slice(device * slots, (device + 1) * slots))
    const wanted = new Set(next.logicalOfPhysical.slice(device * slots, (device + 1) * slots))
    return [...wanted].filter((expert) => !held.has(expert)).length
  })
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Should the experts be placed anew?
 *
 *   gain = steps * secondsPerLayer * sum over layers of (imbalance now - imbalance then)
 *   cost = most fetches of any device, all layers together * expertBytes / bytesPerSecond
 *
 * @param current placements in use, one a layer, made for the same `shape`
 * @param loads   the estimate now, layers x experts
 * @returns the decision with both sides of the account, and the new placements
 */
export function decideReplacement(
  current: readonly Placement[],
  loads: readonly (readonly number[])[],
  shape: BalanceShape,
  costs: ReplacementCosts,
): ReplacementDecision {
  const placements = rebalanceExperts(loads, shape)
  const now = current.map((placement, layer) => loadImbalance(deviceLoadsOf(placement, loads[layer])))
  const then = placements.map(({ deviceLoads }) => loadImbalance(deviceLoads))
  const perLayer = placements.map((placement, layer) => fetches(current[layer], placement))
  const perDevice = placements[0].deviceLoads.map((_, device) => perLayer.reduce((sum, layer) => sum + layer[device], 0))
  const saved = now.reduce((sum, imbalance, layer) => sum + imbalance - then[layer], 0)
  const gainSeconds = costs.stepsUntilNext * costs.secondsPerLayer * saved
  const costSeconds = (Math.max(...perDevice) * costs.expertBytes) / costs.bytesPerSecond
  return {
    isWorthwhile: gainSeconds > costSeconds,
    gainSeconds,
    costSeconds,
    imbalanceNow: mean(now),
    imbalanceThen: mean(then),
    movedExperts: perDevice.reduce((sum, count) => sum + count, 0),
    placements,
  }
}
