/**
 * Whether experts are about something: how their load differs by domain.
 *
 * The measure is the information between domain and expert, in bits, domains weighing the same: the mean over domains of the
 * divergence of a domain's loads from the mean of all domains'. Counting alone feigns some of it; to first order
 * (Miller, 1955) that is (1 - 1/D) (E - 1) / (2 ln 2) times the mean of 1/n over the domains, n being the choices counted. Tokens
 * of a text are not independent, so what is to count as found must be many times that.
 * Source of the heat-map: DeepSeek-V3 report, appendix C.
 */
import { mean } from '../../base/statistics.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'

/** One router. */
export interface RouterSpecialisation {
  /** Relative load by domain, then expert: 1 where an expert gets its even share. */
  readonly relativeLoads: readonly (readonly number[])[]
  readonly informationBits: number
  /** What counting alone would feign. */
  readonly feignedBits: number
  /** The largest relative load, and whose it is. */
  readonly hottest: { readonly domain: string; readonly expert: number; readonly relativeLoad: number }
}

export interface Specialisation {
  readonly domains: readonly string[]
  readonly routers: readonly RouterSpecialisation[]
  /** Choices of experts that were counted in each router, over all domains. */
  readonly choices: number
}

/** Loads of every domain, the last that was logged of each. In a log that two runs share, loads of a model of other sizes are left out. */
export function expertLoads(run: RunFacts): readonly EventOf<'inference/expert-load'>[] {
  const { expertCount } = run.document.recipe.model
  const own = run
    .latestOf('inference/expert-load', ({ domain }) => domain)
    .filter(({ loadByRouter }) => loadByRouter.every((load) => load.length === expertCount))
  return own.filter(({ loadByRouter }) => loadByRouter.length === own.at(-1)!.loadByRouter.length)
}

/** Null without loads of two domains. */
export function specialisation(run: RunFacts): Specialisation | null {
  const events = expertLoads(run).filter(({ loadByRouter }) => loadByRouter.every((loads) => sum(loads) > 0))
  if (events.length < 2 || events[0].loadByRouter.length === 0) return null
  const domains = events.map(({ domain }) => domain)
  const routers = events[0].loadByRouter.map((_, router) =>
    routerOf(
      domains,
      events.map(({ loadByRouter }) => loadByRouter[router]),
    ),
  )
  return { domains, routers, choices: events.reduce((total, { loadByRouter }) => total + sum(loadByRouter[0]), 0) }
}

function routerOf(domains: readonly string[], loads: readonly (readonly number[])[]): RouterSpecialisation {
  const [D, E] = [loads.length, loads[0].length]
  const shares = loads.map((ofDomain) => ofDomain.map((load) => load / sum(ofDomain)))
  const centre = shares[0].map((_, expert) => mean(shares.map((ofDomain) => ofDomain[expert])))
  const divergence = (ofDomain: readonly number[]) =>
    ofDomain.reduce((bits, share, expert) => bits + (share > 0 ? share * Math.log2(share / centre[expert]) : 0), 0)
  const relativeLoads = shares.map((ofDomain) => ofDomain.map((share) => share * E))
  const all = relativeLoads.flatMap((ofDomain, index) =>
    ofDomain.map((relativeLoad, expert) => ({ domain: domains[index], expert, relativeLoad })),
  )
  return {
    relativeLoads,
    informationBits: mean(shares.map(divergence)),
    feignedBits: ((1 - 1 / D) * (E - 1) * mean(loads.map((ofDomain) => 1 / sum(ofDomain)))) / (2 * Math.LN2),
    hottest: all.reduce((best, one) => (one.relativeLoad > best.relativeLoad ? one : best)),
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The router that tells domains apart best, and its place. */
export function clearestRouter({ routers }: Specialisation): { readonly index: number; readonly router: RouterSpecialisation } {
  const index = routers.reduce((best, { informationBits }, at) => (informationBits > routers[best].informationBits ? at : best), 0)
  return { index, router: routers[index] }
}
