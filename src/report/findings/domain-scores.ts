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

/** One domain after two stages, on the same bytes of its text. */
interface DomainChange {
  readonly domain: string
  readonly before: DomainScore
  readonly after: DomainScore
}

/** What became of the domains between two stages that were scored on the same text; null where there is no such pair. */
export interface DomainChanges {
  readonly before: string
  readonly changes: readonly DomainChange[]
}

/**
 * What post-training did to text of pre-training: the last stage before it against the last one of it. Stages are scored on
 * parts of different size, so only those of as many bytes are compared.
 */
export function changesByPosttraining(run: RunFacts): DomainChanges | null {
  const after = ['rl', 'sft'].map((stage) => domainScores(run, stage)).find((scores) => scores.length > 0)
  if (!after) return null
  for (const before of ['extend-2', 'extend-1', 'pretrain']) {
    const earlier = domainScores(run, before)
    const changes = after.flatMap((score) => {
      const found = earlier.find(({ domain, utf8Bytes }) => domain === score.domain && utf8Bytes === score.utf8Bytes)
      return found ? [{ domain: score.domain, before: found, after: score }] : []
    })
    if (changes.length > 0) return { before, changes }
  }
  return null
}
