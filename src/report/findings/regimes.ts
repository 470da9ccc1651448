/** Prefill and decoding as measured: where they lie on the machine's roofline, and what the time of a decoded token is made of. */
import type { EventOf, RunFacts } from '../run-facts.ts'

export type Regime = EventOf<'inference/regime'>

/** Measurements of one kind, by context length and then by rows. */
export function regimes(run: RunFacts, kind: Regime['kind']): Regime[] {
  return run
    .latestOf('inference/regime', (event) => `${event.kind} ${event.contextLength} ${event.rows}`)
    .filter((event) => event.kind === kind && Number.isFinite(event.tokensPerSecond) && event.tokensPerSecond > 0)
    .toSorted((a, b) => a.contextLength - b.contextLength || a.rows - b.rows)
}

/** Decoding of a single sequence, by context length. */
export const singleDecodes = (run: RunFacts): Regime[] => regimes(run, 'decode').filter(({ rows }) => rows === 1)

/** FLOPs a byte at which the machine is short of arithmetic and of memory alike. */
export const ridgeOf = ({ document: { ceilings } }: RunFacts): number => ceilings.gflopsAllThreads / ceilings.streamGBs

/** Prefill and a single decoded token at the longest length at which both were measured; null where there is none. */
export function atLongest(run: RunFacts): { readonly prefill: Regime; readonly decode: Regime } | null {
  const prefills = regimes(run, 'prefill')
  for (const decode of singleDecodes(run).toReversed()) {
    const prefill = prefills.find(({ contextLength }) => contextLength === decode.contextLength)
    if (prefill) return { prefill, decode }
  }
  return null
}

/** The shortest and the longest context at which a single sequence was decoded with its time split; null without two. */
export function splitEnds(run: RunFacts): { readonly near: SplitRegime; readonly far: SplitRegime } | null {
  const split = singleDecodes(run).filter(isSplit)
  return split.length < 2 ? null : { near: split[0], far: split.at(-1)! }
}

export type SplitRegime = Regime & { readonly split: NonNullable<Regime['split']> }

/** Whether the time of a measurement was taken apart. */
export const isSplit = (regime: Regime): regime is SplitRegime => Boolean(regime.split && regime.split.tokenSeconds > 0)
