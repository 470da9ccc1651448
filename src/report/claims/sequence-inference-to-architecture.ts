/** The price of a generated token feeds back into the sizes: loss against decode cost over small variants of the model. */
import { formatBytes } from '../../base/format.ts'
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import type { AblationResultEvent } from '../../pretraining/index.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { counted, digits } from '../wording.ts'
import { ablationsOf, lossResults, sizeText } from './ablation-facts.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notTested } from './verdicts.ts'

/** Sweeps over sizes that a server pays for. */
const sweeps = ['latent-rank', 'head-count', 'active-experts'] as const

/** One model of the sweeps. */
interface CostPoint {
  readonly name: string
  readonly isChosen: boolean
  readonly lossNats: number
  readonly decodeFlopsPerToken: number
  readonly cacheBytesPerToken: number
  /** Of its loss less the chosen model's; null for the chosen one. */
  readonly difference: Pick<AblationResultEvent, 'low' | 'high'> | null
}

/** The models of all sweeps, the chosen one first; none without a sweep. */
function costPoints(run: RunFacts): CostPoint[] {
  const results = lossResults(sweeps.flatMap((name) => ablationsOf(run, name)))
  if (results.length === 0) return []
  const pointOf = (name: string, arm: AblationResultEvent['details']['variant'], difference: CostPoint['difference']): CostPoint => ({
    name,
    isChosen: difference === null,
    lossNats: arm.lossNats,
    decodeFlopsPerToken: arm.decodeFlopsPerToken,
    cacheBytesPerToken: arm.cacheBytesPerToken,
    difference,
  })
  return [
    pointOf('chosen', results[0].details.control, null),
    ...results.map((result) => pointOf(`${result.name}: ${result.variant}`, result.details.variant, result)),
  ]
}

/** Whether a variant is cheaper to decode and no worse, or dearer and better: what the frontier is made of. */
const beats = (point: CostPoint) => point.difference !== null && point.difference.high < 0

/** How many other sizes were tried, how many are established to be better, and how many of these ask for no dearer token; null without any. */
export function comparedSizes(run: RunFacts): { readonly tried: number; readonly better: number; readonly free: number } | null {
  const [chosen, ...others] = costPoints(run)
  if (!chosen) return null
  const better = others.filter(beats)
  const free = better.filter(
    (point) => point.decodeFlopsPerToken <= chosen.decodeFlopsPerToken && point.cacheBytesPerToken <= chosen.cacheBytesPerToken,
  )
  return { tried: others.length, better: better.length, free: free.length }
}

export const inferenceToArchitecture: Claim = {
  id: 'sequence.inference-to-architecture',
  statement: claimStatements['sequence.inference-to-architecture'],
  mechanism: 'src/pretraining/ablations/sweeps.ts',
  needs: needs('ablation/result'),
  command: `strata ablate ${sweeps.join(' ')} --run runs/first`,
  rule: 'It holds where lower loss has to be paid for in decoding: every variant that is established to be better than the chosen sizes costs more FLOPs or more cache for a generated token.',
  judge(run) {
    const [chosen] = costPoints(run)
    const compared = comparedSizes(run)
    if (!chosen || !compared)
      return notTested(
        `No small models of other sizes (${sweeps.map((name) => name.replace('-', ' ')).join(', ')}) were trained beside this run.`,
      )
    const { tried, better, free } = compared
    const [result] = sweeps.flatMap((name) => ablationsOf(run, name))
    const sentence = `Of ${tried} variants (${sizeText(result)}) ${better} are established to be better than the chosen sizes, ${free} of them without a dearer token; the chosen ones cost ${digits(chosen.decodeFlopsPerToken / 1e6)} MFLOP and ${formatBytes(chosen.cacheBytesPerToken)} of cache in BF16 (twice that in f32) at ${digits(chosen.lossNats)} nats.`
    return free === 0 ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const points = costPoints(run)
    const [chosen] = points
    if (!chosen) return null
    const series = sweeps.flatMap((sweep) => {
      const own = points.filter(({ name }) => name.startsWith(`${sweep}: `))
      const line = [chosen, ...own].toSorted((a, b) => a.decodeFlopsPerToken - b.decodeFlopsPerToken)
      const drawn = line
        .filter(({ lossNats }) => Number.isFinite(lossNats))
        .map((point) => [point.decodeFlopsPerToken / 1e6, point.lossNats] as const)
      return own.length > 0 ? [{ name: sweep.replace('-', ' '), points: drawn, withDots: true }] : []
    })
    const better = points.filter(beats)
    return {
      id: 'loss-against-decoding',
      drawing: lineChart({
        title: 'Loss against the cost of a generated token',
        description: `${counted(points.length - 1, 'variant')} of the chosen sizes, which cost ${digits(chosen.decodeFlopsPerToken / 1e6)} MFLOP at ${digits(chosen.lossNats)} nats.`,
        x: { label: 'decoding, MFLOP a token' },
        y: { label: 'held-out loss, nats a token' },
        series,
        references: [{ name: 'chosen', x: chosen.decodeFlopsPerToken / 1e6 }],
      }),
      caption: html`${
        better.length === 0
          ? html`No variant of the chosen sizes is established to be better`
          : html`${counted(better.length, 'variant')} of the chosen sizes ${better.length === 1 ? 'is' : 'are'} established to be better`
      }.
      Each line varies one size and leaves the others as they are; all lines meet at the chosen one.`,
    }
  },
}
