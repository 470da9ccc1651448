/** Whether a loss says something: bits per byte of every domain against compressors and counting on the same bytes. */
import type { RunFacts } from '../run-facts.ts'
import type { Claim } from '../types.ts'
import { digits, listed } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs } from './verdicts.ts'

/** Scores of a stage by domain, the best first. */
export const domainScores = (run: RunFacts, stage = 'pretrain') =>
  run
    .latestOf('evaluation/domain', (event) => `${event.stage}|${event.domain}`)
    .filter((event) => event.stage === stage)
    .toSorted((a, b) => a.bitsPerByte - b.bitsPerByte)

type DomainScore = ReturnType<typeof domainScores>[number]

/** Whatever stands beside the model on the same bytes. */
export const baselinesOf = ({ compressors, ngram }: DomainScore): readonly { readonly name: string; readonly bitsPerByte: number }[] => [
  { name: 'gzip -9', bitsPerByte: compressors.gzip },
  ...(compressors.xz === null ? [] : [{ name: 'xz -9', bitsPerByte: compressors.xz }]),
  ...(ngram ? [{ name: `${ngram.contextBytes}-byte contexts`, bitsPerByte: ngram.bitsPerByte }] : []),
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
    const scores = domainScores(run)
    const decided = scores.filter((score) => Math.abs(score.bitsPerByte - strongestBaseline(score).bitsPerByte) > score.plusMinus)
    const won = decided.filter((score) => score.bitsPerByte < strongestBaseline(score).bitsPerByte)
    const lost = decided.filter((score) => !won.includes(score))
    const name = (score: DomainScore) =>
      `${score.domain} (${digits(score.bitsPerByte)} ± ${digits(score.plusMinus)} against ${digits(strongestBaseline(score).bitsPerByte)} of ${strongestBaseline(score).name})`
    const sides = [
      won.length > 0
        ? `the model needs fewer bits per byte in ${listed(won.map(name))}`
        : 'the model beats its strongest baseline in no domain',
      ...(lost.length > 0 ? [`more in ${listed(lost.map(name))}`] : []),
    ]
    const sentence = `In ${decided.length} of ${scores.length} domains the interval decides: ${sides.join(', ')}.`
    return decided.length > scores.length / 2 ? held(sentence) : didNotHold(sentence)
  },
}
