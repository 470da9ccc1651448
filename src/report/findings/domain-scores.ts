/** Bits per byte by domain after each stage, and what became of them. */
import type { EventOf, RunFacts } from '../run-facts.ts'

export type DomainScore = EventOf<'evaluation/domain'>

/** Scores of a stage, one a domain, in the order of the log. */
export function domainScores(run: RunFacts, stage: string): DomainScore[] {
  return run.latestOf('evaluation/domain', (event) => `${event.stage} ${event.domain}`).filter((event) => event.stage === stage)
}

/** The stages that were scored by domain, in the order of a run. */
export function scoredStages(run: RunFacts): string[] {
  return [...new Set(run.ofType('evaluation/domain').map(({ stage }) => stage))]
}

/** One domain after two stages. Later stages are scored on a part of the text, so the two are not of quite the same bytes. */
export interface DomainChange {
  readonly domain: string
  readonly before: DomainScore
  readonly after: DomainScore
}

/** Domains that were scored after both stages. */
export function domainChanges(run: RunFacts, before: string, after: string): DomainChange[] {
  const later = domainScores(run, after)
  return domainScores(run, before).flatMap((score) => {
    const found = later.find(({ domain }) => domain === score.domain)
    return found ? [{ domain: score.domain, before: score, after: found }] : []
  })
}
