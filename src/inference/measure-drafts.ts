/**
 * Drafts measured on the model at hand: the same texts gone on with, the likeliest tokens, with drafts and without in turn.
 *
 * Every text has its own times, so that the speed has an interval over texts; and how far a text repeats itself is counted,
 * because what was written before is easily drafted.
 */
import { median } from '../base/statistics.ts'
import type { DraftedText, DraftRoundsEvent, SpeculationEvent } from './events.ts'
import { type Engine, generate, type GenerationSummary } from './generate.ts'

/** What drafts are measured on. */
export interface SpeculationSettings {
  readonly speculate: number
  readonly maxTokens: number
  /** Times that each text is gone on with both ways; the median counts. */
  readonly rounds: number
}

/** The beginning of a text, and where it is from. */
export interface DraftPrompt {
  readonly domain: string
  /** Shorter than the model's context. */
  readonly ids: ArrayLike<number>
}

/** Tokens of a run that is looked for earlier in the same text. */
const runTokens = 4

/**
 * Goes on with texts.
 *
 * @throws UsageError when the model has no module that drafts
 */
export function measureSpeculation(
  engine: Engine,
  prompts: readonly DraftPrompt[],
  { speculate, maxTokens, rounds }: SpeculationSettings,
): [SpeculationEvent, DraftRoundsEvent] {
  let isSameText = true
  const measured = prompts.map(({ domain, ids: prompt }) => {
    const runs = { off: [] as Finished[], on: [] as Finished[] }
    for (let round = 0; round < rounds; round++) {
      runs.off.push(finish(engine, prompt, maxTokens, 0))
      runs.on.push(finish(engine, prompt, maxTokens, speculate))
    }
    const [{ summary, ids }] = runs.on
    isSameText &&= ids.join() === runs.off[0].ids.join()
    const text: DraftedText = {
      domain,
      tokens: ids.length,
      repeatedTokens: repeatedTokens([...Array.from(prompt), ...ids], prompt.length),
      drafted: summary.draftedTokens,
      accepted: summary.acceptedTokens,
      offSeconds: median(runs.off.map((run) => run.summary.decodeSeconds)),
      onSeconds: median(runs.on.map((run) => run.summary.decodeSeconds)),
    }
    return { text, summary }
  })
  const texts = measured.map(({ text }) => text)
  const sum = (value: (one: (typeof measured)[number]) => number) => measured.reduce((total, one) => total + value(one), 0)
  const rate = (seconds: number) => (seconds > 0 ? sum(({ summary }) => summary.decodedTokens) / seconds : 0)
  return [
    {
      type: 'inference/speculation',
      drafted: sum(({ text }) => text.drafted),
      accepted: sum(({ text }) => text.accepted),
      steps: sum(({ summary }) => summary.steps),
      isSameText,
      tokensPerSecondOff: rate(sum(({ text }) => text.offSeconds)),
      tokensPerSecondOn: rate(sum(({ text }) => text.onSeconds)),
    },
    { type: 'inference/draft-rounds', runTokens, rounds, texts },
  ]
}

/**
 * Tokens from `from` on that end a run of four which stood earlier in the same text.
 *
 * @param ids the whole text, its beginning included
 */
export function repeatedTokens(ids: readonly number[], from: number): number {
  const seen = new Set<string>()
  let count = 0
  for (let end = runTokens; end <= ids.length; end++) {
    const run = ids.slice(end - runTokens, end).join()
    if (end > from && seen.has(run)) count++
    seen.add(run)
  }
  return count
}

interface Finished {
  readonly ids: readonly number[]
  readonly summary: GenerationSummary
}

function finish(engine: Engine, prompt: ArrayLike<number>, maxTokens: number, speculate: number): Finished {
  const ids: number[] = []
  const source = generate(engine, prompt, { temperature: 0, maxTokens, speculate })
  let next = source.next()
  for (; !next.done; next = source.next()) ids.push(next.value.id)
  return { ids, summary: next.value }
}
