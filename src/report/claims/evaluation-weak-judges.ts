/** Judgement varies: with the order in which two replies are shown, and from judge to judge. */
import { judgesOf } from '../findings/rewards.ts'
import { dotPlot } from '../figures/index.ts'
import { html } from '../html.ts'
import { intervalText } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { counted, listed, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** A judge that is right, or the same in both orders, this often is as good as a rule. */
const asGoodAsRule = 0.95

export const weakJudges: Claim = {
  id: 'evaluation.weak-judges',
  statement: claimStatements['evaluation.weak-judges'],
  mechanism: 'src/evaluation/judges/judge-pairs.ts',
  needs: needs('evaluation/judges'),
  command: 'strata reward runs/first',
  rule: `It holds where the judge that sees both replies gives the same preference in both orders in less than ${percent(asGoodAsRule)} of the pairs, and every judge agrees with the verifier in less than ${percent(asGoodAsRule)} of its verdicts, each by the whole 95 % interval. It does not hold where that judge is the same in both orders, or any judge agrees with the verifier, more often than that by the whole interval. A verifier never contradicts itself.`,
  judge(run) {
    const event = run.lastOf('evaluation/judges')
    const asked = event && judgesOf(event).asked
    if (!event || !asked) return notTested('No judge saw two replies in both orders.')
    const each = listed(event.judges.map(({ judge, agreement }) => `“${judge}” in ${intervalText(agreement)}`))
    const others = listed(event.together.map(({ judges: [a, b], agreement }) => `“${a}” and “${b}” in ${percent(agreement.value)}`))
    const sentence =
      `On ${counted(asked.pairs, 'held-out pair')} in both orders, the judge that is asked keeps its preference in ${intervalText(asked.selfAgreement)} of them and prefers the reply that is shown first in ${intervalText(asked.firstShare)} of its verdicts; ` +
      `with the verifier agree ${each}; with each other ${others}; chance is 50 % everywhere.`
    const isAsGood = ({ low }: { readonly low: number }) => low > asGoodAsRule
    if (isAsGood(asked.selfAgreement) || event.judges.some(({ agreement }) => isAsGood(agreement))) return didNotHold(sentence)
    const isWeaker = ({ high }: { readonly high: number }) => high < asGoodAsRule
    return isWeaker(asked.selfAgreement) && event.judges.every(({ agreement }) => isWeaker(agreement))
      ? held(sentence)
      : notEstablished(sentence)
  },
  figure(run) {
    const event = run.lastOf('evaluation/judges')
    if (!event) return null
    const rows = event.judges.flatMap(({ judge, isOrderFree, agreement, selfAgreement, firstShare }) => [
      { name: 'agrees with the verifier', heading: judge, tone: 'one' as const, ...agreement, chance: event.chance },
      ...(isOrderFree
        ? []
        : [
            { name: 'same in both orders', tone: 'one' as const, ...selfAgreement, chance: event.chance },
            { name: 'prefers the first', tone: 'soft' as const, ...firstShare, chance: event.chance },
          ]),
    ])
    const finding = `The best judge agrees with the verifier in ${percent(judgesOf(event).best.agreement.value)} of its verdicts.`
    return {
      id: 'judges',
      drawing: dotPlot({
        title: 'Judges of pairs of replies, beside chance',
        description: finding,
        x: { label: 'share of verdicts or pairs', from: 0, to: 1, format: percent },
        rows,
      }),
      caption: html`${finding} Bars are 95 % intervals over ${event.judges[0].pairs} pairs, upright strokes chance. The likelihood of a
      reply and its reward do not depend on the order in which two are shown, so those judges are the same in both by construction.`,
    }
  },
}
