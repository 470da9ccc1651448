/** What the time of a decoded token is made of, by context length and by number of sequences. */
import type { Interval } from '../../base/statistics.ts'
import { stackedBars } from '../figures/index.ts'
import { type DecodeRounds, decodeRounds } from '../findings/decode-rounds.ts'
import { isSplit, singleDecodes, splitEnds } from '../findings/regimes.ts'
import { html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import { intervalText } from '../share-wording.ts'
import type { Claim, FigureBlock, Verdict } from '../types.ts'
import { changed, counted, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** What a token’s time must grow by with the context, and the share that routing and experts must take. */
const leastGrowth = 0.1
const leastExpertShare = 0.1

export const decodeExposed: Claim = {
  id: 'inference.decode-exposed',
  statement: claimStatements['inference.decode-exposed'],
  mechanism: 'src/inference/decode.ts',
  needs: needs('inference/regime'),
  command: 'strata run nano',
  rule: `It holds where from the shortest to the longest context the time of a decoded token grows by at least ${100 * leastGrowth} %, at least half of that in the part that reads the cache, and routing and experts take at least ${100 * leastExpertShare} % of the time at both ends, each by the whole 95 % interval of repeated timings. It does not hold where an interval lies below one of these; where one holds it, or timings were not repeated, it is not established.`,
  judge(run) {
    const ends = splitEnds(run)
    if (!ends) return notTested('Decoding was not split into its parts at two context lengths.')
    const found = decodeRounds(run)
    return found ? judgeRounds(found) : notEstablished(unrepeated(ends))
  },
  figure: splitFigure,
}

/** The verdict of repeated timings. */
function judgeRounds({ near, far, rounds, growth, cacheGrowth, growthShare, cacheOverHalf, expertShares }: DecodeRounds): Verdict {
  const micros = ({ value, high }: Interval) => `${(value * 1e6).toFixed(0)} ± ${((high - value) * 1e6).toFixed(0)} µs`
  const sentence =
    `From ${near} to ${far} tokens of context a decoded token takes ${micros(growth)} longer, the part of it that reads the cache ${micros(cacheGrowth)}; ` +
    `routing and experts take ${intervalText(expertShares[0])} of the time at ${near} tokens and ${intervalText(expertShares[1])} at ${far} (one sequence, ${rounds} rounds of timings).`
  const conditions = [
    above(growthShare, leastGrowth),
    above(cacheOverHalf, 0),
    ...expertShares.map((share) => above(share, leastExpertShare)),
  ]
  if (conditions.includes('no')) return didNotHold(sentence)
  return conditions.every((one) => one === 'yes') ? held(sentence) : notEstablished(sentence)
}

/** Whether a value reaches a threshold by its whole interval, stays below it by its whole interval, or neither. */
function above({ low, high }: Interval, least: number): 'yes' | 'no' | 'open' {
  if (low >= least) return 'yes'
  return high < least ? 'no' : 'open'
}

/** What single timings say; how far they would differ if they were taken again is not known. */
function unrepeated({ near, far }: NonNullable<ReturnType<typeof splitEnds>>): string {
  const micros = (seconds: number) => (seconds * 1e6).toFixed(0)
  const shares = [near, far].map(({ split }) => percent(split.expertSeconds / split.tokenSeconds))
  return (
    `From ${near.contextLength} to ${far.contextLength} tokens of context the time of a decoded token ${changed(near.split.tokenSeconds, far.split.tokenSeconds, micros, ' µs')}, the part that reads the cache ${changed(near.split.cacheSeconds, far.split.cacheSeconds, micros, ' µs')}; ` +
    `routing and experts take ${shares[0]} and ${shares[1]} of it. The log has each as a median without its spread, so what another run of the same model would say is not known.`
  )
}

/** Time of a decoded token by its parts, one bar a context length; null without the parts. */
function splitFigure(run: RunFacts): FigureBlock | null {
  const rows = singleDecodes(run).filter(isSplit)
  const ends = splitEnds(run)
  if (!ends) return null
  const share = ({ split }: (typeof rows)[number]) => split.cacheSeconds / split.tokenSeconds
  const finding = `The cache’s share of a decoded token’s time ${changed(share(ends.near), share(ends.far), percent)} from ${ends.near.contextLength} to ${ends.far.contextLength} tokens of context.`
  const micros = (seconds: number) => Math.round(seconds * 1e7) / 10
  return {
    id: 'decode-split',
    drawing: stackedBars({
      title: 'Time of a decoded token by its parts',
      description: finding,
      x: { label: 'microseconds a token', from: 0 },
      rows: rows.map(({ contextLength, split }) => ({
        name: `${contextLength} tokens`,
        parts: [
          { name: 'projections and head', value: micros(split.weightSeconds) },
          { name: 'routing and experts', value: micros(split.expertSeconds) },
          { name: 'cache', value: micros(split.cacheSeconds) },
        ],
      })),
    }),
    caption: html`${finding} One sequence, ${counted(rows.length, 'context length')}. A part is what goes when it is left out of the step.`,
  }
}
