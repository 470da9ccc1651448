/**
 * Hot experts on devices: the load of each domain's text, with experts in their order and with redundant ones placed by the
 * balancer.
 *
 * A device holds its even share of the experts and, once there is redundancy, one more: the published prefill has eight and one.
 * Replicas are placed by the domain's own load, as after some minutes of such traffic, and by that of all other domains, as in
 * the first moments of traffic that nobody expected. Source: DeepSeek-V3 report, section 3.4.1; EPLB.
 */
import { mean } from '../../base/statistics.ts'
import type { ModelConfig } from '../../architecture/index.ts'
import { deviceLoadsOf, loadImbalance, rebalanceExperts } from '../../infrastructure/index.ts'
import type { RunFacts } from '../run-facts.ts'
import { expertLoads } from './specialisation.ts'

/** One domain; the busiest device over the mean, mean over the routers. 1 is even. */
interface DomainBalance {
  readonly domain: string
  readonly inOrder: number
  readonly placedByOthers: number
  readonly placedByOwn: number
}

interface HotExperts {
  readonly deviceCount: number
  /** Slots in all, redundant ones included. */
  readonly slotCount: number
  readonly expertCount: number
  readonly routerCount: number
  readonly domains: readonly DomainBalance[]
}

/** Devices for a number of experts: one a group where there are groups, as many as divide them up to eight otherwise. */
function deviceCountFor({ groupCount, expertCount }: Pick<ModelConfig, 'groupCount' | 'expertCount'>): number {
  if (groupCount > 1) return groupCount
  return [8, 7, 6, 5, 4, 3, 2].find((count) => expertCount % count === 0 && count < expertCount) ?? 1
}

/** Null without the loads of two domains, or where there is one device only. */
export function hotExperts(run: RunFacts): HotExperts | null {
  const { model } = run.document.recipe
  const deviceCount = deviceCountFor(model)
  const loads = expertLoads(run).filter(({ loadByRouter }) => loadByRouter.length > 0)
  if (loads.length < 2 || deviceCount < 2) return null
  const { expertCount } = model
  const shape = { replicaCount: expertCount + deviceCount, groupCount: 1, nodeCount: 1, deviceCount }
  const size = expertCount / deviceCount
  const domains = loads.map(({ domain, loadByRouter }) => {
    const others = loads.filter((one) => one.domain !== domain)
    const byRouter = loadByRouter.map((own, router) => {
      const inOrder = Array.from({ length: deviceCount }, (_, device) => sum(own.slice(device * size, (device + 1) * size)))
      const expected = own.map((_, expert) =>
        mean(others.map((one) => one.loadByRouter[router][expert] / Math.max(1, sum(one.loadByRouter[router])))),
      )
      const [placedByOwn, placedByOthers] = rebalanceExperts([[...own], expected], shape)
      return {
        inOrder: loadImbalance(inOrder),
        placedByOthers: loadImbalance(deviceLoadsOf(placedByOthers, own)),
        placedByOwn: loadImbalance(placedByOwn.deviceLoads),
      }
    })
    const over = (of: (router: (typeof byRouter)[number]) => number) => mean(byRouter.map(of))
    return {
      domain,
      inOrder: over(({ inOrder }) => inOrder),
      placedByOthers: over(({ placedByOthers }) => placedByOthers),
      placedByOwn: over(({ placedByOwn }) => placedByOwn),
    }
  })
  return { deviceCount, slotCount: shape.replicaCount, expertCount, routerCount: loads[0].loadByRouter.length, domains }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
