/** What the time of a decoded token is made of, by context length and by number of sequences. */
import { stackedBars } from '../figures/index.ts'
import { isSplit, regimes, singleDecodes, splitEnds } from '../findings/regimes.ts'
import { html } from '../html.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim, FigureBlock } from '../types.ts'
import { changed, counted, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** What a token’s time must grow by with the context, and the share that routing and experts must take. */
const leastGrowth = 0.1
const leastExpertShare = 0.1

export const decodeExposed: Claim = {
  id: 'inference.decode-exposed',
  statement: claimStatements['inference.decode-exposed'],
  mechanism: 'src/inference/decode.ts',
  needs: needs('inference/regime'),
  command: 'strata run nano',
  rule: `It holds where from the shortest to the longest context the time of a decoded token grows by at least ${100 * leastGrowth} %, at least half of that in the part that reads the cache, and routing and experts take at least ${100 * leastExpertShare} % of the time at both ends.`,
  judge(run) {
    const ends = splitEnds(run)
    if (!ends) return notTested('Decoding was not split into its parts at two context lengths.')
    const [near, far] = [ends.near.split, ends.far.split]
    const growth = far.tokenSeconds / near.tokenSeconds - 1
    const ofCache = far.cacheSeconds - near.cacheSeconds
    const micros = (seconds: number) => (seconds * 1e6).toFixed(0)
    const shares = [near, far].map(({ expertSeconds, tokenSeconds }) => expertSeconds / tokenSeconds)
    const many = regimes(run, 'decode').filter(({ contextLength }) => contextLength === ends.far.contextLength)
    const most = many.at(-1)!
    const batched =
      most.rows > 1 ? ` With ${most.rows} sequences at once a token takes ${micros(1 / most.tokensPerSecond)} µs at that length.` : ''
    const sentence =
      `From ${ends.near.contextLength} to ${ends.far.contextLength} tokens of context the time of a decoded token ${changed(near.tokenSeconds, far.tokenSeconds, micros, ' µs')}, the part that reads the cache ${changed(near.cacheSeconds, far.cacheSeconds, micros, ' µs')}; ` +
      `routing and experts take ${percent(shares[0])} and ${percent(shares[1])} of it (medians, one sequence).${batched}`
    const isExposed =
      growth >= leastGrowth && ofCache >= (far.tokenSeconds - near.tokenSeconds) / 2 && shares.every((share) => share >= leastExpertShare)
    return isExposed ? held(sentence) : didNotHold(sentence)
  },
  figure: splitFigure,
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
