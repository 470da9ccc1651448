/** What `strata reward` and its judges came to, as tables; each number with its count, chance and interval. */
import type { Interval } from '../base/statistics.ts'
import type { EvaluationEvent } from '../evaluation/index.ts'
import type { BestOfEvent, RewardEvent, RewardPolicyEvent } from '../posttraining/index.ts'
import { formatTable } from './table.ts'

const right = (title: string) => ({ title, align: 'right' as const })
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const shareText = ({ value, low, high }: Interval) => `${percent(value)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`
const pointsText = ({ value, low, high }: Interval) => `${signed(100 * value)} (${signed(100 * low)} to ${signed(100 * high)})`
const natsText = ({ value, low, high }: Interval) => `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`

/** Everything that was measured, in the order of the verb. */
export function rewardText(events: readonly (RewardEvent | EvaluationEvent)[]): string {
  const of = <T extends (typeof events)[number]['type']>(type: T) =>
    events.filter((event): event is Extract<(typeof events)[number], { readonly type: T }> => event.type === type)
  const sections = [
    ...of('reward/training').map(
      ({ parts, pairs, mixedProblems, problems, steps, firstLossNats, lastLossNats }) =>
        `Trained ${parts} on ${pairs} pairs from ${mixedProblems} of ${problems} training problems, ${steps} steps: loss ${firstLossNats.toFixed(3)} to ${lastLossNats.toFixed(3)} nats a pair (no opinion: 0.693)`,
    ),
    ...of('reward/agreement').map(
      ({ agreement, problems, pairs, byTask }) =>
        `Agreement with the verifier ${shareText(agreement)}, chance 50 %, n = ${problems} held-out problems with ${pairs} pairs\n${byTask.map((one) => `  ${one.task} ${percent(one.agreement)} (n = ${one.problems})`).join('\n')}`,
    ),
    bestOfTable(of('reward/best-of')),
    ...of('evaluation/judges').flatMap(({ judges, together }) => [
      `Judges of ${judges[0].pairs} pairs in both orders; chance 50 % everywhere, intervals 95 %\n${formatTable(
        [{ title: '  judge' }, right('agrees with the verifier'), right('prefers the first'), right('same in both orders')],
        judges.map(({ judge, agreement, firstShare, selfAgreement, isOrderFree }) => [
          `  ${judge}`,
          shareText(agreement),
          shareText(firstShare),
          isOrderFree ? 'by construction' : shareText(selfAgreement),
        ]),
      )}`,
      together.map(({ judges: [a, b], agreement }) => `  ${a} and ${b} agree in ${shareText(agreement)}`).join('\n'),
    ]),
    policyTable(of('reward/policy')),
  ]
  const text = sections.filter((section) => section !== '').join('\n\n')
  return text === '' ? 'Nothing was finished.' : text
}

function bestOfTable(rows: readonly BestOfEvent[]): string {
  if (rows.length === 0) return ''
  const table = formatTable(
    [right('  n'), right('right'), right('over chance, points'), right('any right'), right('reward, nats'), right('KL, nats')],
    rows.map(({ n, accuracy, gain, oracleAccuracy, reward, klNats }) => [
      `  ${n}`,
      shareText(accuracy),
      pointsText(gain),
      percent(oracleAccuracy),
      natsText(reward),
      klNats.toFixed(2),
    ]),
  )
  return `Best of n by the reward model, ${rows[0].problems} held-out problems; a random choice is right in ${percent(rows[0].randomAccuracy)}\n${table}`
}

function policyTable(rows: readonly RewardPolicyEvent[]): string {
  if (rows.length === 0) return ''
  const table = formatTable(
    [right('  step'), right('reward, nats'), right('right'), right('since step 0, points'), right('KL, nats')],
    rows.map(({ step, reward, accuracy, gain, klNats }) => [
      `  ${step}`,
      natsText(reward),
      shareText(accuracy),
      pointsText(gain),
      klNats.toFixed(2),
    ]),
  )
  return `A policy optimised against the reward model, ${rows[0].problems} held-out problems\n${table}`
}
