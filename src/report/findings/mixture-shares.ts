/** What a run read: each domain's share of the rows, how much text there was of it, and how often it was gone through. */
import type { RunFacts } from '../run-facts.ts'

/** One domain. */
export interface DomainRead {
  readonly domain: string
  /** Of the rows of pre-training, 0..1; null where the recipe leaves it to the sizes of the texts. */
  readonly share: number | null
  /** Tokens of training text; null where the log does not say. */
  readonly tokens: number | null
  /** Tokens read over tokens there are; null where the latter are not known. */
  readonly passes: number | null
}

/** Domains by share, the largest first; in the log's order where shares are not known. */
export function domainsRead(run: RunFacts): DomainRead[] {
  const { data, training } = run.document.recipe
  const texts = run.latestOf('data-tokenized', ({ domain }) => domain)
  const domains = texts.length > 0 ? texts.map(({ domain }) => domain) : Object.keys(data.weights)
  const sum = domains.reduce((total, domain) => total + (data.weights[domain] ?? Number.NaN), 0)
  return domains
    .map((domain) => {
      const share = sum > 0 ? data.weights[domain] / sum : null
      const tokens = texts.find((text) => text.domain === domain)?.tokens ?? null
      return {
        domain,
        share,
        tokens,
        passes: tokens === null || tokens === 0 || share === null ? null : (share * training.tokens) / tokens,
      }
    })
    .toSorted((a, b) => (b.share ?? 0) - (a.share ?? 0))
}
