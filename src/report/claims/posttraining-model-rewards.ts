/** Reward models stand in where nothing can be checked: how often one agrees with a verifier, and what choosing by it is worth. */
import { rewardFindings } from '../findings/rewards.ts'
import { lineChart } from '../figures/index.ts'
import { html } from '../html.ts'
import { intervalText, pointsOf } from '../share-wording.ts'
import type { Claim } from '../types.ts'
import { changed, counted, digits, percent } from '../wording.ts'
import { claimStatements } from './catalogue.ts'
import { didNotHold, held, needs, notEstablished, notTested } from './verdicts.ts'

/** Agreement below this is of no use, whatever its interval. */
const leastAgreement = 0.55

export const modelRewards: Claim = {
  id: 'posttraining.model-rewards',
  statement: claimStatements['posttraining.model-rewards'],
  mechanism: 'src/posttraining/reward/reward-stage.ts',
  needs: needs('reward/agreement', 'reward/best-of'),
  command: 'strata reward runs/first',
  rule: `It holds where the reward model agrees with held-out preferences more often than chance, and the best of the largest n replies by it is right more often than a random one, each by the whole 95 % interval over problems. It does not hold where the whole interval of the agreement lies below ${percent(leastAgreement)}, or the choice is worse than a random one by its whole interval. What becomes of a policy that is optimised against it is told beside.`,
  judge(run) {
    const found = rewardFindings(run)
    if (!found) return notTested('No reward model was measured on held-out problems.')
    const { agreement, bestOf, policy } = found
    const most = bestOf.at(-1)!
    const [start, end] = [policy[0], policy.at(-1)]
    const trusted =
      start && end && end.step > 0
        ? ` A policy that is optimised against it for ${counted(end.step, 'step')} earns ${digits(end.reward.value - start.reward.value)} nats more, and its right answers change by ${pointsOf(end.gain)}.`
        : ''
    const sentence =
      `On ${counted(agreement.problems, 'held-out problem')} with right and wrong replies the right one scores higher in ${intervalText(agreement.agreement)} of ${counted(agreement.pairs, 'pair')}, with a chance level of 50 %; ` +
      `the best of ${most.n} by it is right on ${percent(most.accuracy.value)} of ${counted(most.problems, 'problem')} where a random reply is on ${percent(most.randomAccuracy)} and a perfect choice on ${percent(most.oracleAccuracy)}: ${pointsOf(most.gain)} over the random one.${trusted}`
    if (agreement.agreement.high < leastAgreement || most.gain.high < 0) return didNotHold(sentence)
    return agreement.agreement.low > agreement.chance && most.gain.low > 0 ? held(sentence) : notEstablished(sentence)
  },
  figure(run) {
    const found = rewardFindings(run)
    if (!found || found.bestOf.length < 2) return null
    const { bestOf } = found
    const [one, most] = [bestOf[0], bestOf.at(-1)!]
    const finding = `From one reply to the best of ${most.n} by the reward model, right answers ${changed(one.accuracy.value, most.accuracy.value, percent)}`
    return {
      id: 'best-of-n',
      drawing: lineChart({
        title: 'Right answers by the number of replies that are chosen from',
        description: `${finding}; a perfect choice would reach ${percent(most.oracleAccuracy)}.`,
        x: { label: 'n, replies to choose from', scale: 'log2' },
        y: { label: 'share of right answers', from: 0, to: 1, format: percent },
        series: [
          {
            name: 'reward model',
            points: bestOf.map(({ n, accuracy }) => [n, accuracy.value] as const),
            band: bestOf.map(({ n, accuracy }) => [n, accuracy.low, accuracy.high] as const),
            withDots: true,
          },
          { name: 'perfect choice', points: bestOf.map(({ n, oracleAccuracy }) => [n, oracleAccuracy] as const), withDots: true },
          { name: 'random', points: bestOf.map(({ n, randomAccuracy }) => [n, randomAccuracy] as const), isDashed: true, tone: 'soft' },
        ],
      }),
      caption: html`${finding}; a perfect choice would reach ${percent(most.oracleAccuracy)}. Means over ${most.problems} held-out problems
      and over all sets of n of their replies; the band is the 95 % interval over problems.`,
    }
  },
}
