/** What drafts were worth: how many are taken, how much faster decoding is with them, and how far the texts repeat themselves. */
import { type Interval, meanInterval, shareInterval } from '../../base/statistics.ts'
import type { EventOf, RunFacts } from '../run-facts.ts'

export interface Drafts {
  readonly drafted: number
  readonly accepted: number
  readonly steps: number
  readonly isSameText: boolean
  /** Share of the drafts that were taken; over texts where they were measured one by one, over drafts where not. */
  readonly acceptance: Interval
  readonly tokensPerSecondOff: number
  readonly tokensPerSecondOn: number
  /** Speed with drafts over speed without. */
  readonly speed: number
  /** What is known of the texts one by one; null where only their sums were recorded. */
  readonly byText: DraftsByText | null
}

interface DraftsByText {
  readonly texts: number
  /** Speed with drafts over speed without, geometric mean over texts. */
  readonly speed: Interval
  /** Tokens of a run, and share of the continuations' tokens that end one which stood in the same text before. */
  readonly runTokens: number
  readonly repeatedShare: number
}

/** The last measurement of drafts; null where none was drafted. */
export function draftsOf(run: RunFacts): Drafts | null {
  const event = run.lastOf('inference/speculation', ({ drafted, tokensPerSecondOff }) => drafted > 0 && tokensPerSecondOff > 0)
  if (!event) return null
  const { drafted, accepted, tokensPerSecondOff, tokensPerSecondOn } = event
  const rounds = run.lastOf('inference/draft-rounds')
  const texts = rounds?.texts.filter((text) => text.drafted > 0 && text.offSeconds > 0 && text.onSeconds > 0) ?? []
  const speed = tokensPerSecondOn / tokensPerSecondOff
  if (!rounds || texts.length < 2) return { ...event, acceptance: shareInterval(accepted, drafted), speed, byText: null }
  const byText = byTextOf(rounds.runTokens, texts)
  return { ...event, acceptance: acceptanceOverTexts(accepted / drafted, texts), speed: byText.speed.value, byText }
}

type Texts = EventOf<'inference/draft-rounds'>['texts']

function byTextOf(runTokens: number, texts: Texts): DraftsByText {
  const { value, low, high, count } = meanInterval(texts.map(({ offSeconds, onSeconds }) => Math.log(offSeconds / onSeconds)))
  const sum = (number: (text: Texts[number]) => number) => texts.reduce((total, text) => total + number(text), 0)
  return {
    texts: texts.length,
    speed: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high), count },
    runTokens,
    repeatedShare: sum(({ repeatedTokens }) => repeatedTokens) / sum(({ tokens }) => tokens),
  }
}

/** Drafts of one text are taken or refused together, so the interval is over texts. */
function acceptanceOverTexts(value: number, texts: Texts): Interval {
  const each = meanInterval(texts.map(({ accepted, drafted }) => accepted / drafted))
  const half = each.high - each.value
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half), count: texts.length }
}

/** Whether decoding is faster with drafts, slower, or neither is established. */
export function draftVerdict({ byText }: Drafts): 'faster' | 'slower' | 'not established' {
  if (!byText) return 'not established'
  if (byText.speed.low > 1) return 'faster'
  return byText.speed.high < 1 ? 'slower' : 'not established'
}

/** "0.85 times the speed (95 % interval 0.8 to 0.9, over 12 texts)". */
export function speedText({ speed, byText }: Drafts, format: (value: number) => string): string {
  const interval = byText
    ? ` (95 % interval ${format(byText.speed.low)} to ${format(byText.speed.high)}, over ${byText.texts} texts)`
    : ' (without an interval)'
  return `${format(speed)} times the speed${interval}`
}
