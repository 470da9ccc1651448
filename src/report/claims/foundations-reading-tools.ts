/** Whether a loss says something: bits per byte of every domain against compressors and counting on the same bytes. */
import { dotPlot } from '../figures/index.ts'
import { type DomainScore, domainScores } from '../findings/domain-scores.ts'
import { html } from '../html.ts'
import { formatBytes } from '../../base/format.ts'
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs } from './verdicts.ts'

/** Scores of the base model by domain, the best first. */
export const rankedScores = (run: RunFacts): DomainScore[] =>
  domainScores(run, 'pretrain').toSorted((a, b) => a.bitsPerByte - b.bitsPerByte)

/** Whatever stands beside the model on the same bytes. */
const baselinesOf = ({ compressors, ngram }: DomainScore): readonly { readonly name: string; readonly bitsPerByte: number }[] => [
  { name: 'gzip -9', bitsPerByte: compressors.gzip },
  ...(compressors.xz === null ? [] : [{ name: 'xz -9', bitsPerByte: compressors.xz }]),
  ...(ngram ? [{ name: 'byte n-grams', bitsPerByte: ngram.bitsPerByte }] : []),
]

/** The strongest of them. */
export const strongestBaseline = (score: DomainScore) => baselinesOf(score).toSorted((a, b) => a.bitsPerByte - b.bitsPerByte)[0]

export const readingTools: Claim = {
  id: 'foundations.reading-tools',
  statement: claimStatements['foundations.reading-tools'],
  mechanism: 'src/evaluation/bits-per-byte.ts',
  needs: needs('evaluation/domain'),
  command: 'strata run nano',
  rule: 'It holds where the measure decides: in more than half of the domains the 95 % interval of the model’s bits per byte excludes the strongest of the baselines, whichever side it lies on.',
  judge(run) {
    const scores = rankedScores(run)
    const decided = scores.filter((score) => Math.abs(score.bitsPerByte - strongestBaseline(score).bitsPerByte) > score.plusMinus)
    const won = decided.filter((score) => score.bitsPerByte < strongestBaseline(score).bitsPerByte)
    const lost = decided.filter((score) => !won.includes(score))
    const domainsOf = (some: readonly DomainScore[]) => listed(some.map(({ domain }) => domain))
    const sides = [
      ...(won.length > 0 ? [`fewer bits per byte than the strongest baseline in ${domainsOf(won)}`] : []),
      ...(lost.length > 0 ? [`more${won.length > 0 ? '' : ' bits per byte than the strongest baseline'} in ${domainsOf(lost)}`] : []),
    ]
    const sentence = `In ${decided.length} of ${scores.length} domains the interval decides${sides.length > 0 ? `: the model needs ${sides.join(', and ')}` : ''}.`
    return decided.length > scores.length / 2 ? held(sentence) : didNotHold(sentence)
  },
  figure(run) {
    const scores = rankedScores(run)
    if (scores.length === 0) return null
    const won = scores.filter((score) => score.bitsPerByte + score.plusMinus < strongestBaseline(score).bitsPerByte)
    const rows = scores.flatMap((score) => [
      {
        name: 'model',
        heading: score.domain,
        value: score.bitsPerByte,
        low: score.bitsPerByte - score.plusMinus,
        high: score.bitsPerByte + score.plusMinus,
        text: `${digits(score.bitsPerByte)} ± ${digits(score.plusMinus)}`,
      },
      ...baselinesOf(score).map(({ name, bitsPerByte }) => ({
        name,
        value: bitsPerByte,
        tone: 'soft' as const,
        text: digits(bitsPerByte),
      })),
    ])
    return {
      id: 'bits-by-domain',
      drawing: dotPlot({
        title: 'Bits per byte by domain, beside compressors and counting',
        description:
          listed(
            scores.map(
              (score) =>
                `${score.domain}: model ${digits(score.bitsPerByte)}, ${strongestBaseline(score).name} ${digits(strongestBaseline(score).bitsPerByte)}`,
            ),
          ) + '.',
        x: { label: 'bits per byte, fewer is better', from: 0 },
        rows,
      }),
      caption: html`${won.length > 0 ? html`In ${listed(won.map(({ domain }) => domain))} the model predicts held-out text better than every baseline; elsewhere it does not` : html`In no domain does the model predict held-out text better than every baseline`}.
      Bits per byte with 95 % intervals over rows; the same ${formatBytes(Math.max(...scores.map(({ utf8Bytes }) => utf8Bytes)))} or less of
      each domain, which the compressors see as one stream and the n-grams after counting
      ${formatBytes(scores[0].ngram?.trainingBytes ?? 0)} of the same sources.`,
    }
  },
}
